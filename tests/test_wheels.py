"""The wheels hold all that their modules import: they work without a clone, and beside each other.

The construct's wheel is tried by whoever deploys it, in `end_to_end/`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dropcut_cli.clone.places import REPOSITORY, node
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


IN_THE_CLONE = ("pyproject.toml", "functions", "infra", "cli", "stand_in", "docs/events")
OWN_COPY = """
import importlib, sys
importlib.import_module(sys.argv[1])
import dropcut, dropcut.core.operation
print(dropcut.RELEASE, dropcut.__file__, dropcut.core.operation.__file__)
"""
BOTH_AT_ONCE = """
import importlib, sys
importlib.import_module(sys.argv[1])
try:
    importlib.import_module(sys.argv[2])
except ImportError as error:
    print(error)
"""


def unpacked(folder: Path, *projects: str) -> Path:
    """Where the wheels of some projects were built and unpacked."""
    # From a copy: a build leaves files beside the project.
    for name in (*IN_THE_CLONE, "LICENSE", "NOTICE"):
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        (folder / "clone").mkdir(exist_ok=True)
        copy(REPOSITORY / name, folder / "clone" / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", f"--wheel-dir={folder}", *(folder / "clone" / each for each in projects)],
        env=clean(keep_proxies=True),
        check=True,
        cwd=folder,
    )
    wheels = list(folder.glob("*.whl"))
    assert len(wheels) == len(projects)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in archive.namelist()}
            archive.extractall(folder / "site")
    return folder / "site"


def run(site: Path, *arguments: str, **more: str) -> str:
    """What Python prints, in a folder where nothing of the clone is found."""
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site), **more}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=site.parent, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(120)
def test_all_modules_of_the_commands_wheel_can_be_imported(tmp_path: Path) -> None:
    site = unpacked(tmp_path, "cli")
    assert int(run(site, "-c", IMPORT_ALL, "dropcut_cli")) > 20
    assert run(site, "-c", "from dropcut_cli.review_page import ASSETS, asset; print(*map(asset, ASSETS))")
    assert "dropcut estimate" in run(site, "-m", "dropcut_cli", "estimate", "--help")


@pytest.mark.timeout(120)
def test_the_stand_ins_wheel_brings_a_command_and_a_fixture(tmp_path: Path) -> None:
    site = unpacked(tmp_path, "stand_in")
    assert int(run(site, "-c", IMPORT_ALL, "stand_in")) > 15
    assert "not the real one" in run(site, "-m", "stand_in", "--help")
    (tmp_path / "test_mine.py").write_text(A_TEST)
    # Who installs it into the clone has it named by the clone's tests, too.
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["stand_in.pytest_plugin"]')
    assert "1 passed" in run(site, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", "test_mine.py")


@pytest.mark.timeout(120)
def test_the_construct_and_the_command_share_an_environment(tmp_path: Path) -> None:
    """Each has a copy of the functions' package, of the same release or of another: the two never mix."""
    site = unpacked(tmp_path, ".", "cli")
    commands = site / "dropcut_cli" / "functions" / "dropcut"
    release = commands / "__init__.py"
    release.write_text(re.sub(r'RELEASE = ".*"', 'RELEASE = "7.7.7"', release.read_text()))
    (site / "dropcut").mkdir()  # as the command's wheel brought it up to release 1.0.0
    (site / "dropcut" / "__init__.py").write_text('RELEASE = "1.0.0"')
    for package, copy in (("dropcut_cdk", site / "dropcut_cdk" / "functions" / "dropcut"), ("dropcut_cli", commands)):
        found, *files = run(site, "-c", OWN_COPY, package).split()
        assert (found == "7.7.7") == (copy == commands)
        assert files == [str(copy / "__init__.py"), str(copy / "core" / "operation.py")]
    assert run(site, "-m", "dropcut_cli", "--version") == "dropcut 7.7.7\n"
    synthesized = {
        "JSII_NODE": str(node()),
        "CDK_OUTDIR": str(tmp_path / "cdk.out"),
        "CDK_CONTEXT_JSON": json.dumps({"aws:cdk:bundling-stacks": []}),
    }
    run(site, str(REPOSITORY / "examples" / "five_lines" / "app.py"), **synthesized)
    assert (tmp_path / "cdk.out" / "FiveLines.template.json").exists()
    for one, other in (("dropcut_cdk", "dropcut_cli"), ("dropcut_cli", "dropcut_cdk")):
        said = run(site, "-c", BOTH_AT_ONCE, one, other)
        assert re.match(rf"{other} needs .*/{other}/functions/dropcut, and .*/{one}/functions/dropcut ", said), said
