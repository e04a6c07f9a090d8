"""Whether what is published keeps to what docs/events promises."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft4Validator, Draft202012Validator

from tools.events import FOLDER, name_of_files


def check_published(detail_type: str, detail: Mapping[str, Any]) -> None:
    """Raises ValidationError: a subscriber who relies on the schema would be surprised."""
    for validator in _validators(detail_type):
        validator.validate(detail)


@cache
def _validators(detail_type: str) -> tuple[Draft4Validator, Draft202012Validator]:
    """The schemas keep to what both drafts have: EventBridge's registry takes the older one."""
    schema = json.loads((FOLDER / f"{name_of_files(detail_type)}.schema.json").read_text(encoding="utf-8"))
    for draft in (Draft4Validator, Draft202012Validator):
        draft.check_schema(schema)
    return Draft4Validator(schema), Draft202012Validator(schema)
