"""Every cell of the table of a picture's record follows from what is promised about each event."""

import pytest
from dropcut.core.messages import Ended
from dropcut.core.payment import EVENTS, TABLE, Payment
from dropcut.core.transitions import Transition

from tests.functions.records import ANSWER

NOW = 1_722_000_000.0
STATES = ("free", "claimed", "abandoned", "paid", "refused", "failed")
CLAIMS = {
    "free": Transition("claimed", "buy"),
    "claimed": Transition("claimed", "wait"),
    "abandoned": Transition("claimed", "buy again"),
    "paid": Transition("paid", "reuse"),
    "refused": Transition("refused", "repeat"),
    "failed": Transition("failed", "repeat"),
}


def promised(state: str, event: str) -> Transition:
    """What the record's users rely on, event by event."""
    match event:
        case "claim":
            return CLAIMS[state]
        case "redriven claim":
            return CLAIMS["free" if state in ("refused", "failed") else state]
        case "pay":  # an answer that is stored is paid for, whoever holds the picture by then
            return Transition("paid")
        case "release" | "refuse" | "fail":  # its holder may have been slow, not dead
            ends_in = {"release": "free", "refuse": "refused", "fail": "failed"}[event]
            return Transition(ends_in if state in ("claimed", "abandoned") else state)
        case "answer gone":
            return Transition("free" if state == "paid" else state)
    raise AssertionError(f"{event} is promised nothing")


def test_every_state_has_every_event() -> None:
    assert tuple(TABLE) == STATES
    assert {tuple(row) for row in TABLE.values()} == {EVENTS}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", STATES)
def test_each_cell_is_what_is_promised(state: str, event: str) -> None:
    assert TABLE[state][event] == promised(state, event)


def test_every_state_is_reached_from_a_picture_that_nobody_has_met() -> None:
    by_time = {"claimed": {"abandoned"}, "paid": {"free"}, "refused": {"free"}, "failed": {"free"}}
    reached, new = set[str](), {Payment().state(NOW)}
    while new:
        reached |= new
        nexts = {cell.next for state in new for cell in TABLE[state].values()}
        new = nexts.union(*(by_time.get(state, set()) for state in new)) - reached
    assert reached == set(STATES)


@pytest.mark.parametrize("event", ["claim", "redriven claim"])
def test_whoever_buys_has_claimed_the_picture_and_nobody_held_it(event: str) -> None:
    buying = {state for state, row in TABLE.items() if row[event].action in ("buy", "buy again")}
    assert {TABLE[state][event].next for state in buying} == {"claimed"}
    assert "claimed" not in buying
    assert [state for state, row in TABLE.items() if row[event].action == "buy again"] == ["abandoned"]


# In which state a record is.

ENDED = Ended(kind="rejected", code="c", reason="r")
FAILED = Ended(kind="failed", code="c", reason="r")


@pytest.mark.parametrize(
    ("payment", "state"),
    [
        (Payment(), "free"),
        (Payment(exists=True, attempts=2, possibly_paid=1, expires_at=NOW + 1), "free"),
        (Payment(lease_until=NOW + 0.001, holder="h"), "claimed"),
        (Payment(lease_until=NOW, holder="h"), "claimed"),
        (Payment(lease_until=NOW - 0.001, holder="h"), "abandoned"),
        (Payment(lease_until=NOW - 0.001), "abandoned"),
        (Payment(answer=ANSWER, expires_at=NOW), "paid"),
        (Payment(answer=ANSWER, expires_at=NOW - 0.001), "free"),
        (Payment(ended=ENDED, expires_at=NOW), "refused"),
        (Payment(ended=ENDED, expires_at=NOW - 0.001), "free"),
        (Payment(ended=FAILED, expires_at=NOW), "failed"),
        (Payment(ended=FAILED, expires_at=NOW - 0.001), "free"),
        (Payment(answer=ANSWER, expires_at=NOW + 9, lease_until=NOW + 1), "claimed"),
    ],
)
def test_a_record_is_in_the_state_that_its_attributes_and_the_time_say(payment: Payment, state: str) -> None:
    assert payment.state(NOW) == state


def test_a_record_knows_what_an_event_does_to_it() -> None:
    assert Payment().transition("claim", NOW) == Transition("claimed", "buy")
    assert Payment(lease_until=NOW - 1).transition("claim", NOW) == Transition("claimed", "buy again")
