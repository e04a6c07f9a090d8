"""The blocks of docs/recipes.md: code, by the heading that it stands under."""

import re

from dropcut_cli.clone.places import REPOSITORY

_PART = re.compile(r"^##? (?P<heading>[^\n]*)\n(?P<text>.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FIRST = "Recipes"
"""The heading of the block that the others go below."""
SLACK = "Notify a Slack channel when a photo is rejected"
REQUESTS = "Request cut-outs from another account"
NOT_DEPLOYED = (SLACK, REQUESTS)
"""The one would call Slack; the embedded AWS has no policies of event buses in its CloudFormation."""


def recipes() -> dict[str, str]:
    """The Python code of each part of the page."""
    page = (REPOSITORY / "docs" / "recipes.md").read_text()
    parts = {part["heading"]: _CODE.findall(part["text"]) for part in _PART.finditer(page)}
    return {heading: "\n".join(blocks) for heading, blocks in parts.items()}
