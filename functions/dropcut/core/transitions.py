"""A table of states and events, written as one: a row for each state, a column for each event."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Transition(NamedTuple):
    next: str
    """The state after the event."""
    action: str = ""
    """What has to be done by whom the event belongs to; empty for nothing."""


Table = Mapping[str, Mapping[str, Transition]]
"""By state, then by event."""


def table(events: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Table:
    """Read a written table; a cell is the next state or, with a colon, the next state and the action.

    Raises:
        ValueError: a row has not one cell for each event.
    """
    return {state: dict(zip(events, map(_cell, cells), strict=True)) for state, cells in rows.items()}


def _cell(text: str) -> Transition:
    state, _colon, action = text.partition(": ")
    return Transition(state, action)
