"""What people read: links lead somewhere, tables are the code's, and the README's figures are the pages'."""

import ast
import re
from pathlib import Path

import pytest
from dropcut.core import item_kinds
from dropcut.core.rendition_setting import READY_MADE

from dropcut_cli.clone.places import REPOSITORY
from tests.documents import PAGES
from tools.state_tables import with_states

README = REPOSITORY / "README.md"
DOCS = REPOSITORY / "docs"
DECISIONS = DOCS / "decisions"
ADAPTERS = REPOSITORY / "functions" / "dropcut" / "adapters"
SOURCES = [
    path
    for folder in ("cli/src", "functions/dropcut", "infra", "local", "stand_in", "tools")
    for path in (REPOSITORY / folder).rglob("*.py")
]
"""Whose docstrings and comments name other files."""


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def rows_under(heading: str, page: Path) -> list[list[str]]:
    """The cells of the first table under a heading, without the table's head."""
    _, _, section = page.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    found = re.search(r"^\|.*\n\|[-|]+\|\n((?:\|.*\n)+)", section.partition("\n## ")[0], re.MULTILINE)
    assert found, f"{page.name} has no table under {heading}"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


@pytest.mark.parametrize("name", PAGES)
def test_every_relative_link_leads_to_a_file_and_a_heading(name: str) -> None:
    page = PAGES[name]
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    nowhere = []
    for target in targets:
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in headings(file)):
            nowhere.append(target)
    assert nowhere == []


def test_the_readme_links_every_page() -> None:
    text = README.read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("*.md") if f"](docs/{page.name})" not in text] == []


def test_the_readme_has_at_most_1200_words() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= 1200


def test_the_readmes_speed_is_that_of_the_benchmarks() -> None:
    measured = rows_under("In short", DOCS / "benchmarks.md")
    assert [row for row in rows_under("How fast it is", README) if row not in measured] == []


def test_prices_are_those_of_the_costs_page() -> None:
    api, photos, idle = (row[-1] for row in rows_under("What it costs", README))
    costs = (DOCS / "costs.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \*\*.*together\*\* \|.*\*\*([\d.]+)\*\* \|$", costs, re.MULTILINE) == [photos, idle]
    assert f"**{api}**" in costs
    assert f"An idle deployment costs {idle} $ a month" in (DECISIONS / "no-vpc.md").read_text(encoding="utf-8")


def test_every_list_of_what_make_check_does_is_the_same() -> None:
    checks = re.findall(r"^check:.*## Check (.+)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    pages = (README, REPOSITORY / "CONTRIBUTING.md", DOCS / "contributing.md")
    assert [re.findall(r"^make check +# (.+)$", page.read_text(), re.MULTILINE) for page in pages] == [checks] * 3


def test_the_ready_made_renditions_are_those_of_the_code() -> None:
    rows = rows_under("Ready-made ones", DOCS / "renditions.md")
    assert [row[0] for row in rows] == [f"`{name}`" for name in READY_MADE]


def test_the_tables_of_states_are_those_of_the_code() -> None:
    architecture = (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert with_states(architecture) == architecture, "Run `.venv/bin/python -m tools.state_tables`"


def test_the_state_tables_items_are_those_of_the_code() -> None:
    rows = rows_under("The state table's items", DOCS / "architecture.md")
    described = {re.match(r"`([a-z]+#?)", row[0])[1] for row in rows if row[0].startswith("`")}  # type: ignore[index]
    kinds = {value for name, value in vars(item_kinds).items() if name.isupper() and name != "HELD_INDEX"}
    assert described == kinds


def test_the_state_tables_attributes_are_those_of_the_adapters() -> None:
    unknown, set_by, described = [], dict[str, set[str]](), dict[str, set[str]]()
    item: list[str] = []
    for row in rows_under("The state table's items", DOCS / "architecture.md"):
        adapter = re.findall(r"adapters/(\w+\.py)", row[3])[0]
        source = (ADAPTERS / adapter).read_text(encoding="utf-8")
        names = re.findall(r"`(\w+)`", row[2])
        unknown += [name for name in names if not re.search(rf"\b{name}\b", source)]
        item = [*item, *names] if row[0].startswith("the same") else names
        described.setdefault(adapter, {"expires_at"}).update(item)
        set_by[adapter] = attributes_set_in(source)
    assert unknown == []
    assert {adapter: left for adapter, names in set_by.items() if (left := names - described[adapter])} == {}


def attributes_set_in(source: str) -> set[str]:
    """The attributes that an adapter writes; a condition names no others.

    They stand in its expressions (`SET code = :code`), or are the keys of `values` that are all set by their own names.
    """
    named = set(re.findall(r"(\w+) = :\w", source)) | set(re.findall(r"ADD (\w+) :", source))
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef) and re.search(r"_set\(values\)|= :\{name\}", ast.unparse(function)):
            dicts = (node for node in ast.walk(function) if isinstance(node, ast.Dict))
            named |= {key.value for each in dicts for key in each.keys if isinstance(key, ast.Constant)}
    return named - {"now", "holder"}


@pytest.mark.parametrize("record", sorted(DECISIONS.glob("*.md")), ids=lambda record: record.stem)
def test_each_decision_is_a_short_record(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    if record.name == "README.md":
        assert {f"{name}.md" for name in re.findall(r"\]\(([\w-]+)\.md\)", text)} | {"README.md"} == {
            each.name for each in DECISIONS.glob("*.md")
        }
        return
    assert len(text.split()) < 200
    assert re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE) == [
        "Context",
        "Decision",
        "What it costs",
        "What would change our mind",
    ]


def test_every_path_of_a_python_file_leads_to_one() -> None:
    a_path = re.compile(r"\b(?:bench|cli|functions|infra|local|stand_in|tests|tools)/[\w/]+\.py\b")
    named = {path: page for page in [*PAGES.values(), *SOURCES] for path in a_path.findall(page.read_text("utf-8"))}
    assert {path: page for path, page in named.items() if not (REPOSITORY / path).is_file()} == {}
