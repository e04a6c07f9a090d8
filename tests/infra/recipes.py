"""The blocks of docs/recipes.md: code, by the heading that it stands under."""

import json
import re
from typing import Any

from dropcut_cli.clone.places import REPOSITORY

_PART = re.compile(r"^##? (?P<heading>[^\n]*)\n(?P<text>.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FIRST = "Recipes"
"""The heading of the block that the others go below."""
SLACK = "Notify a Slack channel when a photo is rejected"
REQUESTS = "Request cut-outs from another account"
NOT_DEPLOYED = (SLACK,)
"""It would call Slack."""
_ENTRIES = re.compile(r"^aws events put-events --entries '(.*?)'$", re.DOTALL | re.MULTILINE)


def recipes() -> dict[str, str]:
    """The Python code of each part of the page."""
    parts = {part["heading"]: _CODE.findall(part["text"]) for part in _PART.finditer(_page())}
    return {heading: "\n".join(blocks) for heading, blocks in parts.items()}


def entries_of_a_request(bus_arn: str, bucket: str) -> list[dict[str, Any]]:
    """What the page's command publishes, with the names of a deployment."""
    (entries,) = _ENTRIES.findall(_page())
    found: list[dict[str, Any]] = json.loads(entries.replace("BUS_ARN", bus_arn).replace("PHOTOS", bucket))
    return found


def _page() -> str:
    return (REPOSITORY / "docs" / "recipes.md").read_text()
