"""Texts whose length AWS limits, measured at synth: what is known at deployment only may be as long as it can be."""

import json
import re
from collections.abc import Mapping
from typing import Any

from dropcut_cdk.kinds import SettingsError

MOST_ENVIRONMENT_BYTES = 4096
MOST_PATTERN_CHARACTERS = 2048
_UNKNOWN = re.compile(r"\$\{Token\[[^\]]*\]\}")
_LONGEST_UNKNOWN = 160
"""Such as a queue's URL."""
_LONGEST_BUCKET_NAME = 63


def check_environment(entry: str, environment: Mapping[str, str]) -> None:
    """Raises SettingsError when Lambda would not take so much text: it measures all variables as one JSON object."""
    known = {
        # Lists of inputs name buckets, and nothing else that is unknown.
        name: _written_out(value, _LONGEST_BUCKET_NAME if "BUCKET" in name or value[:1] == "[" else _LONGEST_UNKNOWN)
        for name, value in environment.items()
    }
    needed = len(json.dumps(known, separators=(",", ":"), ensure_ascii=False).encode())
    if needed > MOST_ENVIRONMENT_BYTES:
        longest = max(known, key=lambda name: len(known[name]))
        raise SettingsError(
            f"The environment of {entry} would have up to {needed:,} bytes. Allowed: {MOST_ENVIRONMENT_BYTES:,}, "
            f"Lambda's limit; the longest part is the setting {longest.lower()}."
        )


def check_pattern(of: str, pattern: Mapping[str, Any], *, shorter: str) -> None:
    """Raises SettingsError, with what makes it shorter, when EventBridge would not take a pattern so long."""
    needed = len(_written_out(json.dumps(pattern, separators=(",", ":")), _LONGEST_BUCKET_NAME))
    if needed > MOST_PATTERN_CHARACTERS:
        raise SettingsError(
            f"The event pattern of {of} would have up to {needed:,} characters. Allowed: {MOST_PATTERN_CHARACTERS:,}, "
            f"EventBridge's limit, by {shorter}."
        )


def _written_out(text: str, longest: int) -> str:
    return _UNKNOWN.sub("?" * longest, text)
