"""`dropcut deploy` and `dropcut destroy`."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dropcut_cli import deploy
from dropcut_cli.clone.places import REPOSITORY
from tests.cli.conftest import Dropcut


def test_deploy_and_destroy_run_make_s_own_code(dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, str, str]] = []

    class Process:
        returncode = 0

        def __init__(self, words: list[str], *, env: Mapping[str, str], **_more: Any) -> None:
            ran.append((words[-1], env["SETTINGS"], env.get("FORCE", "")))

    monkeypatch.setattr(deploy.subprocess, "run", Process)
    assert dropcut("deploy", "--settings", "stage=test").exit_code == 0
    assert dropcut("destroy").exit_code == 2  # there is nobody to ask
    assert dropcut("destroy", "--yes").exit_code == 0
    assert dropcut("destroy", "--yes", "--force").exit_code == 0
    assert ran == [("deploy", "stage=test", ""), ("destroy", "", ""), ("destroy", "", "yes")]
    Process.returncode = 1
    assert dropcut("deploy").exit_code == 1


def test_deploy_ends_as_the_code_of_make_does(tmp_path: Path) -> None:
    """From any folder, and with its sentence on standard error: a stage may hold no capitals."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY / "cli" / "src"), "HOME": str(tmp_path)}
    words = [sys.executable, "-m", "dropcut_cli", "deploy", "--settings", "stage=TEST", "--json"]
    ran = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert json.loads(ran.stdout) == {"command": "deploy", "done": False}
    assert "Setting stage is 'TEST'" in ran.stderr
