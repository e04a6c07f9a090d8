"""Tables of states as the documents show them."""

import pytest
from dropcut.core.transitions import table

from tools import state_tables
from tools.settings_table import MarkersMissingError

STATES = table(
    ("knock", "leave"),
    {
        "shut": ("open: greet", "shut"),
        "open": ("open: greet", "shut"),
    },
)


def test_a_row_is_an_event_and_a_cell_that_changes_nothing_is_empty() -> None:
    assert state_tables.table(STATES).splitlines() == [
        "| event | *shut* | *open* |",
        "|---|---|---|",
        "| knock | *open*: greet | greet |",
        "| leave |  | *shut* |",
    ]


def test_both_tables_go_between_their_markers() -> None:
    document = "before\n<!-- gate -->\nold\n<!-- /gate -->\n<!-- payment -->\n<!-- /payment -->\nafter\n"
    written = state_tables.with_states(document)
    assert written.startswith("before\n<!-- gate -->\n| event | *open* | *closed* |")
    assert "old" not in written
    assert "| claim | *claimed*: buy |" in written
    assert state_tables.with_states(written) == written


def test_a_document_without_a_place_for_them_is_refused() -> None:
    with pytest.raises(MarkersMissingError, match="<!-- payment -->"):
        state_tables.with_states("<!-- gate -->\n<!-- /gate -->\n")
