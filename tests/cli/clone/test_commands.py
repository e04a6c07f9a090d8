"""How a command of the Makefile starts: `python -m local NAME`, and the same in other packages."""

import subprocess
import sys
from pathlib import Path

from dropcut_cli.clone.places import REPOSITORY


def test_what_a_command_writes_is_its_owners_alone(tmp_path: Path) -> None:
    """Keys, logs and photos; also what the programs write that it starts."""
    code = f"""
import os, subprocess, sys
import local.down
from dropcut_cli.clone.commands import run
os.umask(0)
local.down.main = lambda: subprocess.run(["touch", {str(tmp_path / "file")!r}]).returncode
sys.argv = ["local", "down"]
run("local", {{"down": ""}})
"""
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)
    assert oct((tmp_path / "file").stat().st_mode & 0o777) == "0o600"
