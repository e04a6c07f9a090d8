"""Two runs of one command in one checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.problem import Problem
from local import demo
from local.one_at_a_time import alone


def test_a_second_run_is_refused_while_the_first_is_at_work(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    refused = pytest.raises(Problem, match=r"Somebody is at work\. Wait until it is done, or stop it\.")
    with alone(lock, "Somebody is at work."), refused, alone(lock, "Somebody is at work."):
        pytest.fail("two are at work")
    with alone(lock, "Somebody is at work."):
        pass


def test_a_killed_run_holds_nobody_up(tmp_path: Path) -> None:
    """The system lets go of its lock."""
    code = f"""
import os
from pathlib import Path
from local.one_at_a_time import alone
with alone(Path({str(tmp_path / "x.lock")!r}), "no"):
    os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False, env=dict(os.environ))
    assert killed.returncode == -9
    with alone(tmp_path / "x.lock", "no"):
        pass


def test_a_second_demo_in_a_checkout_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would remove what the other has written."""
    monkeypatch.setattr(demo, "LOCAL", tmp_path)
    with alone(tmp_path / "demo.lock", "no"), pytest.raises(Problem, match="Another `make demo` is at work"):
        demo.main()
