import os
import subprocess
import sys
from pathlib import Path

import pytest
from dropcut.adapters.scratch import remove_leftovers, scratch_folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_gone_with_what_is_in_it(temporary: Path) -> None:
    with scratch_folder() as folder:
        (Path(folder) / "photo").write_bytes(b"x")
        assert list(temporary.iterdir()) == [Path(folder)]
    assert list(temporary.iterdir()) == []


def test_what_dead_processes_left_is_removed_and_nothing_else(temporary: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    living = (os.getpid(), os.getppid())
    kept = {f"dropcut-imaging-{pid}-x" for pid in living} | {"dropcut-stack-abc", f"other-photo-{gone.pid}-x"}
    for name in (f"dropcut-photo-{gone.pid}-x", f"dropcut-imaging-{gone.pid}-y", *kept):
        (temporary / name).mkdir()
        (temporary / name / "photo").write_bytes(b"x")
    remove_leftovers()
    assert {path.name for path in temporary.iterdir()} == kept
