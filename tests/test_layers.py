"""Which package may import which, and that no two modules need each other."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from dropcut_cli.clone.places import REPOSITORY

ROOTS = {"functions": ("dropcut",), "infra/src": ("dropcut_cdk",), "cli/src": ("dropcut_cli",)}
"""Where packages are that are not at the top of the repository."""
AT_THE_TOP = ("bench", "infra", "local", "stand_in", "tools")
MAY_IMPORT: Mapping[str, tuple[str, ...]] = {
    "dropcut": (),
    "stand_in": (),
    "dropcut_cdk": ("dropcut",),
    "infra": ("dropcut", "dropcut_cdk"),
    "dropcut_cli": ("dropcut",),
    "dropcut_cli.clone": ("dropcut", "infra"),
    "dropcut_cli.account": ("dropcut", "dropcut_cdk", "infra", "dropcut_cli", "dropcut_cli.clone"),
    "tools": ("dropcut", "dropcut_cdk", "infra", "dropcut_cli.clone"),
    "local": ("dropcut", "infra", "stand_in", "dropcut_cli", "dropcut_cli.clone"),
    "bench": ("dropcut", "dropcut_cdk", "infra", "stand_in", "dropcut_cli", "dropcut_cli.clone", "local"),
}
"""By package, those below it; of `dropcut_cli`, two parts are packages of their own, as its wheel is without them."""


def _modules() -> Iterator[tuple[str, Path]]:
    """The name and the file of each module of ours."""
    roots = [(REPOSITORY / root, packages) for root, packages in ROOTS.items()] + [(REPOSITORY, AT_THE_TOP)]
    for root, packages in roots:
        for package in packages:
            for file in sorted((root / package).rglob("*.py")):
                words = file.relative_to(root).with_suffix("").parts
                if package != "infra" or "src" not in words:
                    yield ".".join(words[:-1] if words[-1] == "__init__" else words), file


MODULES = dict(_modules())


def _imported(file: Path) -> set[str]:
    """The modules of ours that a file imports, wherever in it, but for its type checker alone."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    only_for_types = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    names = set()
    for node in ast.walk(tree):
        if node in only_for_types:
            continue
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{each.name}" for each in node.names}
            names |= {each if each in MODULES else node.module for each in inside}
    return names & MODULES.keys()


IMPORTS = {name: _imported(file) for name, file in MODULES.items()}


def _package(module: str) -> str:
    """The longest name in the table above that the module is under."""
    return max((each for each in MAY_IMPORT if f"{module}.".startswith(f"{each}.")), key=len)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_those_below_it(package: str) -> None:
    allowed = {package, *MAY_IMPORT[package]}
    upwards = {
        f"{module} imports {imported}"
        for module, all_imported in IMPORTS.items()
        if _package(module) == package
        for imported in all_imported
        if _package(imported) not in allowed
    }
    assert upwards == set()


def test_the_table_of_packages_has_a_bottom() -> None:
    TopologicalSorter(MAY_IMPORT).prepare()


def test_no_modules_import_each_other_in_a_circle() -> None:
    """A package's `__init__` may name its modules: that is its list of contents."""
    modules = {name: IMPORTS[name] for name, file in MODULES.items() if file.name != "__init__.py"}
    try:
        TopologicalSorter(modules).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))
