"""The core decides; it must not be able to reach AWS, the network or an image library."""

import ast
import subprocess
import sys
from pathlib import Path

import dropcut.core
import pytest

CORE = Path(dropcut.core.__file__).parent
MODULES = sorted(CORE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_imports_the_standard_library_and_itself_only(module: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports would hide where a name comes from"
            imported.add(node.module or "")
    foreign = {
        name
        for name in imported
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("dropcut.core")
    }
    assert not foreign


def test_the_core_can_be_imported_where_nothing_is_installed() -> None:
    names = [".".join(["dropcut", "core", *module.relative_to(CORE).with_suffix("").parts]) for module in MODULES]
    program = f"import sys; sys.path.insert(0, {str(CORE.parents[1])!r}); import {', '.join(names)}"
    # -I -S: no site-packages, no environment variables, no current folder.
    run = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_the_core_has_no_clock_and_no_randomness_of_its_own() -> None:
    for module in MODULES:
        nodes = ast.walk(ast.parse(module.read_text()))
        names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        assert not names & {"time", "random", "datetime"}, f"{module.name} must be given its clock and its jitter"
