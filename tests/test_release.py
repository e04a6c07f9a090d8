"""The version stands once: what shows it takes it from there."""

import json
import re
import tomllib

import pytest
from click.testing import CliRunner
from dropcut import RELEASE

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.program import cli
from infra.settings import Settings

PROJECTS = ("pyproject.toml", "cli/pyproject.toml", "stand_in/pyproject.toml")
SOURCES = [
    file
    for folder in ("functions", "cli", "infra", "local", "stand_in", "tools")
    for file in (REPOSITORY / folder).rglob("*.py")
    if file != REPOSITORY / "functions" / "dropcut" / "__init__.py"
]


def test_the_command_shows_the_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"dropcut {RELEASE}\n"


def test_the_api_is_told_the_version() -> None:
    assert Settings().client_version == RELEASE


def test_each_events_example_has_the_version() -> None:
    examples = (REPOSITORY / "docs" / "events").glob("*.example.json")
    assert {json.loads(example.read_text(encoding="utf-8"))["release"] for example in examples} == {RELEASE}


@pytest.mark.parametrize("project", PROJECTS)
def test_each_wheel_reads_the_version_where_it_stands(project: str) -> None:
    file = REPOSITORY / project
    described = tomllib.loads(file.read_text(encoding="utf-8"))
    where = described["tool"]["hatch"]["version"]
    text = (file.parent / where["path"]).read_text(encoding="utf-8")
    found = re.search(where["pattern"], text)
    assert described["project"]["dynamic"] == ["version"]
    assert found and found["version"] == RELEASE


def test_no_other_source_holds_the_version() -> None:
    literal = re.compile(rf'RELEASE = |= "{re.escape(RELEASE)}"')
    assert [str(file) for file in SOURCES if literal.search(file.read_text(encoding="utf-8"))] == []


def test_the_changelog_has_an_entry_for_the_version() -> None:
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[([^\]]+)\](?: - \d{4}-\d\d-\d\d)?$", changelog, re.MULTILINE)
    assert released[:2] == ["Unreleased", RELEASE]
