"""Where the functions' code is, and where their artifacts are kept: in a clone of the project, or installed."""

import os
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_PACKAGED = _HERE / "functions"
_CLONE = _HERE.parent.parent.parent

FUNCTIONS = _PACKAGED if _PACKAGED.is_dir() else _CLONE / "functions"
"""The folder that holds the package `dropcut` and the lock of what its functions need."""
EVENT_SCHEMAS = _HERE / "events" if _PACKAGED.is_dir() else _CLONE / "docs" / "events"
"""The folder that holds a JSON Schema of each event."""


def artifact_folder() -> Path:
    """Where artifacts are built, and found again by the next synth."""
    if FUNCTIONS != _PACKAGED:
        return _CLONE / ".build"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "dropcut"
