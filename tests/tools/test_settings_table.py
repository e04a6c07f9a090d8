"""The documents' tables of settings are those of the code."""

from dataclasses import fields

import pytest

from dropcut_cli.clone.places import REPOSITORY
from infra.settings import Settings
from tools.settings_table import TABLES, MarkersMissingError, table, with_tables


def test_the_table_has_a_line_for_every_setting_and_begins_with_our_own() -> None:
    lines = table(TABLES["docs/settings.md"]["settings"]).splitlines()[2:]
    assert {line.split("`")[1] for line in lines} == {field.name for field in fields(Settings)}
    assert lines[0].startswith("| `stage` | `prod` |")
    assert all(line.count("|") == 5 for line in lines)


@pytest.mark.parametrize("name", TABLES)
def test_the_documents_tables_are_the_settings(name: str) -> None:
    document = (REPOSITORY / name).read_text(encoding="utf-8")
    assert with_tables(document, TABLES[name]) == document, "python -m tools.settings_table"


def test_a_table_is_written_between_its_markers_and_nowhere_else() -> None:
    tables = {"settings": fields(Settings)[:1]}
    document = "before\n<!-- settings -->\nold\n<!-- /settings -->\nafter\n"
    expected = f"before\n<!-- settings -->\n{table(tables['settings'])}<!-- /settings -->\nafter\n"
    assert with_tables(document, tables) == expected


@pytest.mark.parametrize("text", ["", "<!-- settings -->\n", "<!-- /settings -->\n<!-- settings -->\n"])
def test_a_document_without_the_markers_is_refused(text: str) -> None:
    with pytest.raises(MarkersMissingError, match="needs a line <!-- settings -->"):
        with_tables(text, TABLES["docs/settings.md"])
