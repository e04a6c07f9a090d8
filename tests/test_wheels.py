"""The wheels of the command and of the stand-in hold all that their modules import: they work without a clone.

The construct's wheel is tried by whoever deploys it, in `end_to_end/`.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.surroundings import clean

IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
names = [each.name for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""
A_TEST = """
import urllib.request

def test_it_answers(dropcut_stand_in):
    dropcut_stand_in.fault("internal_error")
    with urllib.request.urlopen(f"{dropcut_stand_in.base_url}/_stand_in/faults") as answer:
        assert b"internal_error" in answer.read()
    assert dropcut_stand_in.key
"""


def unpacked(project: str, folder: Path) -> Path:
    """Where a project's wheel was built and unpacked."""
    # From a copy: a build leaves files beside the project.
    for name in {"functions", project}:
        shutil.copytree(REPOSITORY / name, folder / "clone" / name)
    for name in ("LICENSE", "NOTICE"):
        shutil.copy(REPOSITORY / name, folder / "clone" / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", f"--wheel-dir={folder}", folder / "clone" / project],
        env=clean(keep_proxies=True),
        check=True,
        cwd=folder,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    assert len([*(folder / "site").glob("*/LICENSE"), *(folder / "site").glob("*/NOTICE")]) == 2
    return folder / "site"


def run(site: Path, *arguments: str) -> str:
    """What Python prints, in a folder where nothing of the clone is found."""
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=site.parent, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(120)
def test_all_modules_of_the_commands_wheel_can_be_imported(tmp_path: Path) -> None:
    site = unpacked("cli", tmp_path)
    assert int(run(site, "-c", IMPORT_ALL, "dropcut_cli")) > 20
    assert run(site, "-c", "from dropcut_cli.review_page import ASSETS, asset; print(*map(asset, ASSETS))")
    assert "dropcut estimate" in run(site, "-m", "dropcut_cli", "estimate", "--help")


@pytest.mark.timeout(120)
def test_the_stand_ins_wheel_brings_a_command_and_a_fixture(tmp_path: Path) -> None:
    site = unpacked("stand_in", tmp_path)
    assert int(run(site, "-c", IMPORT_ALL, "stand_in")) > 15
    assert "not the real one" in run(site, "-m", "stand_in", "--help")
    (tmp_path / "test_mine.py").write_text(A_TEST)
    # Who installs it into the clone has it named by the clone's tests, too.
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["stand_in.pytest_plugin"]')
    assert "1 passed" in run(site, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", "test_mine.py")
