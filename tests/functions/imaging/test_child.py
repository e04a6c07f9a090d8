import subprocess
import sys
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[3] / "functions"
OWN = "dropcut-imaging-test"

ENDED_PARENT = """
import os, sys
sys.path.insert(0, sys.argv[1])
from dropcut.imaging import child
os.environ["TMPDIR"] = sys.argv[2]
removed = []
child.shutil.rmtree = lambda folder, **_: removed.append(str(folder))  # nothing is really removed
child._remove_own_folder()
print(removed)
"""


@pytest.mark.parametrize(
    ("folder", "removed"),
    [("", []), ("/tmp", []), ("gone", []), (OWN, [OWN]), (f"/somewhere/{OWN}", [f"/somewhere/{OWN}"])],
)
def test_a_child_whose_parent_has_ended_removes_its_own_folder_and_no_other(folder: str, removed: list[str]) -> None:
    told = subprocess.run(
        [sys.executable, "-c", ENDED_PARENT, str(FUNCTIONS), folder], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == str(removed)
