"""The tables of states in docs/architecture.md, from the code that walks them: `python -m tools.state_tables`."""

from collections.abc import Mapping

from dropcut.core import gate, payment
from dropcut.core.transitions import Table, Transition

from dropcut_cli.clone.places import REPOSITORY
from tools.settings_table import with_content

DOCUMENT = REPOSITORY / "docs" / "architecture.md"
TABLES: Mapping[str, Table] = {"gate": gate.TABLE, "payment": payment.TABLE}
"""By the name of the markers between which each stands."""


def main() -> None:
    """Write both tables anew."""
    DOCUMENT.write_text(with_states(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


def with_states(document: str) -> str:
    """The document with both tables as the code has them."""
    for name, states in TABLES.items():
        document = with_content(document, name, table(states))
    return document


def table(states: Table) -> str:
    """As a Markdown table with a row for each event, ending in a newline. A cell that changes nothing is empty."""
    events = next(iter(states.values()))
    lines = ["| event | " + " | ".join(f"*{state}*" for state in states) + " |", "|---" * (len(states) + 1) + "|"]
    for event in events:
        cells = [_cell(state, transitions[event]) for state, transitions in states.items()]
        lines.append(f"| {event} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(state: str, transition: Transition) -> str:
    """The next state, unless it stays, and what is done."""
    moves = "" if transition.next == state else f"*{transition.next}*"
    return ": ".join(filter(None, [moves, transition.action]))


if __name__ == "__main__":
    main()
