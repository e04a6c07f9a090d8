"""Photos that order the process of misbehaving_child.py to do something, and what it reports."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from dropcut.adapters.imaging_process import ImagingProcess
from dropcut.core.picture_limits import DecodeLimits

from tests.functions.pictures import picture

LIMITS = DecodeLimits(max_pixels=50_000_000, max_frames=10)


def fits(imaging: ImagingProcess, folder: Path) -> bool:
    """Whether an ordinary picture is made ready."""
    (folder / "photo").write_bytes(picture("jpeg"))
    imaging.fit(folder / "photo", folder / "sendable", LIMITS)
    return (folder / "sendable").read_bytes() == picture("jpeg")


def ordered(imaging: ImagingProcess, folder: Path, do: str, **more: Any) -> Any:
    """What the process tells that did this."""
    (folder / "order").write_text(json.dumps({"do": do, **more}))
    return json.loads(imaging.fit(folder / "order", folder / "sendable", LIMITS).note)


def children_of(pid: int) -> set[int]:
    """The processes whose parent is this one."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.add(int(stat.parent.name))
    return found
