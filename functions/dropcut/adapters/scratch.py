"""Folders for what is needed for one photo only; and what is done about those that a killed process left behind.

On Lambda the disc outlives a function that ran out of memory or time, and would fill up.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path
from tempfile import TemporaryDirectory

_NAME = re.compile(r"dropcut-([0-9]+)-")


def scratch_folder() -> TemporaryDirectory[str]:
    """A new folder, gone at the end of its `with`."""
    return TemporaryDirectory(prefix=f"dropcut-{os.getpid()}-")


def remove_leftovers() -> None:
    """Remove the folders of processes that are gone; to be called before this one makes any.

    A folder of this process's own number is a leftover too: numbers come again.
    """
    for folder in Path(tempfile.gettempdir()).iterdir():
        made_by = _NAME.match(folder.name)
        if made_by and (int(made_by[1]) == os.getpid() or not _is_there(int(made_by[1]))):
            shutil.rmtree(folder, ignore_errors=True)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
