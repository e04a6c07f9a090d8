"""Our three stacks against those deployed before the construct: an update keeps what is there.

`deployed_before.json` holds their logical ids by type, and the exports by which one stack uses another's.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from .synthesized import STACKS, Synthesized

BEFORE: dict[str, Any] = json.loads((Path(__file__).parent / "deployed_before.json").read_text())
HOLD_DATA = {"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"}


@pytest.mark.parametrize("stack", STACKS)
def test_what_holds_data_has_the_logical_id_that_it_always_had(app: Synthesized, stack: str) -> None:
    """Another id would be another bucket: a new, empty one."""
    resources = app.templates[stack]["Resources"]
    now = {name: resource["Type"] for name, resource in resources.items() if resource["Type"] in HOLD_DATA}
    assert now == {name: kind for name, kind in BEFORE[stack]["resources"].items() if kind in HOLD_DATA}


@pytest.mark.parametrize("stack", STACKS)
def test_everything_else_is_updated_and_not_replaced(app: Synthesized, stack: str) -> None:
    """A new queue would lose the old one's messages; a new function would run beside the old one. Alarms may go."""
    now = app.templates[stack]["Resources"]
    assert {name: now.get(name, {}).get("Type") for name in BEFORE[stack]["resources"]} == BEFORE[stack]["resources"]


@pytest.mark.parametrize("stack", STACKS)
def test_no_export_goes_that_a_deployed_stack_still_imports(app: Synthesized, stack: str) -> None:
    """CloudFormation refuses to remove an export in use, and the exporting stack is the first to be updated."""
    outputs = app.templates[stack]["Outputs"].values()
    exports = {output["Export"]["Name"] for output in outputs if "Export" in output}
    assert exports >= set(BEFORE[stack]["exports"])
