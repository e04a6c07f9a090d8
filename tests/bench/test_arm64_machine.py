import os
from pathlib import Path

import pytest

from bench.arm64_machine import install_arm64_machine
from dropcut_cli.clone.problem import Problem

PROGRAMS = {
    "dpkg": "echo amd64",
    "dpkg-deb": "exit 0",
    "tar": "exit 0",
}
MIRROR = 'case "$*" in *indextargets*) echo http://mirror.invalid/debian/ ;; *) '
CANNOT = {
    "no apt": (None, "apt-get is not here"),
    "no mirror": ("exit 0", "apt knows none"),
    "no network": (f'{MIRROR} echo "Could not resolve it" >&2; exit 100 ;; esac', "Could not resolve it"),
}


@pytest.mark.parametrize("apt", CANNOT)
def test_a_machine_that_cannot_fetch_an_arm64_python_says_why(
    apt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, said = CANNOT[apt]
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in (PROGRAMS | ({"apt-get": script} if script else {})).items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setitem(os.environ, "PATH", str(folder))
    with pytest.raises(Problem, match=said):
        install_arm64_machine(tmp_path)
