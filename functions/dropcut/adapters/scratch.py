"""Folders for the files of one photo, and the removal of those that a killed process left behind.

On Lambda the disk outlives a function that ran out of memory or time, and would fill up.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path
from tempfile import TemporaryDirectory

_NAME = re.compile(r"dropcut-[a-z]+-([0-9]+)-")
"""Names the process that made the folder, so that a running process keeps its own."""


def scratch_folder(purpose: str = "photo") -> TemporaryDirectory[str]:
    """A new folder, gone at the end of its `with`; `purpose` is a word of its name."""
    return TemporaryDirectory(prefix=f"dropcut-{purpose}-{os.getpid()}-")


def remove_leftovers() -> None:
    """Remove the folders that were made here by processes that are gone."""
    for folder in Path(tempfile.gettempdir()).iterdir():
        made_by = _NAME.match(folder.name)
        if made_by and not _is_there(int(made_by[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
