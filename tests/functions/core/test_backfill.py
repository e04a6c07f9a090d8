"""A back-fill's table, how many photos are sent and when they are seen, and which need nothing."""

import pytest
from dropcut.core.backfill import (
    EVENTS,
    FED_AHEAD_SECONDS,
    IN_WORK_SECONDS,
    TABLE,
    Backfill,
    Share,
    Waiting,
    is_done,
    next_share,
)
from dropcut.core.transitions import Transition

NOW = 1_722_000_000.0
STATES = ("running", "stopped", "broken", "finished")
EVERY = 0.1
"""Seconds between two calls: ten a second."""


def promised(state: str, event: str) -> Transition:
    """What operators and the feeder rely on, event by event."""
    if state == "finished":
        return Transition("finished")
    match event:
        case "stop":
            return Transition("stopped")
        case "resume":  # also of one that runs: its rule may be off
            return Transition("running", "wake")
        case "end reached" if state == "running":
            return Transition("finished", "announce")
        case "list not readable" if state == "running":
            return Transition("broken", "complain")
    return Transition(state)  # what was on its way when an operator came changes nothing


def test_every_state_has_every_event() -> None:
    assert tuple(TABLE) == STATES
    assert {tuple(row) for row in TABLE.values()} == {EVENTS}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", STATES)
def test_each_cell_is_what_is_promised(state: str, event: str) -> None:
    assert Backfill(name="a", bucket="b", status=state).transition(event) == promised(state, event)


@pytest.mark.parametrize("state", ["running", "stopped", "broken"])
def test_an_operator_can_always_stop_it_and_let_it_go_on(state: str) -> None:
    assert TABLE[TABLE[state]["stop"].next]["resume"].next == "running"


def share(*, fed_ahead: float = 0.0, visible: int = 0, in_work: int = 0) -> Share:
    waiting = Waiting(visible=visible, in_work=in_work)
    return next_share(now=NOW, fed_until=NOW + fed_ahead, waiting=waiting, interval_seconds=EVERY)


@pytest.mark.parametrize(
    ("given", "count"),
    [
        pytest.param({}, 700, id="nothing waits: as much is sent as is sent at a time"),
        pytest.param({"fed_ahead": 30.0}, 700, id="just all of the time ahead is filled"),
        pytest.param({"fed_ahead": 40.0}, 600, id="some of it is filled already"),
        pytest.param({"fed_ahead": FED_AHEAD_SECONDS}, 0, id="all of it is filled"),
        pytest.param({"fed_ahead": -3600.0}, 700, id="after an hour without the feeder nothing is made up for"),
        pytest.param({"visible": 250}, 450, id="what waits goes first"),
        pytest.param({"visible": 5000}, 0, id="more waits than the time ahead takes"),
        pytest.param({"in_work": int(IN_WORK_SECONDS / EVERY)}, 700, id="as much as usual is in work"),
        pytest.param({"in_work": int(IN_WORK_SECONDS / EVERY) + 100}, 600, id="what is held back waits, too"),
    ],
)
def test_the_time_ahead_is_filled_less_what_waits(given: dict[str, float], count: int) -> None:
    assert share(**given).count == count  # type: ignore[arg-type]


def test_photos_are_seen_one_by_one_until_the_time_ahead_is_over() -> None:
    given = share(fed_ahead=40.0, visible=300)
    delays = given.delays(given.count, now=NOW)
    assert (delays[0], delays[-1]) == (40, 99)
    assert max(delays.count(second) for second in range(40, 100)) <= 6  # five a second leave time for what waits
    assert delays == sorted(delays)


def test_what_is_left_of_a_share_follows_what_was_sent() -> None:
    given = share()
    rest = given.after(280)
    assert (rest.count, rest.begins) == (420, pytest.approx(NOW + 40))
    assert given.delays(280, now=NOW) + rest.delays(420, now=NOW) == given.delays(700, now=NOW)


def test_a_photo_that_is_overdue_is_seen_at_once() -> None:
    assert share().delays(2, now=NOW + 5) == [0, 0]


@pytest.mark.parametrize(
    ("status", "made", "wanted", "done"),
    [
        ("delivered", ["full"], ["full"], True),
        ("delivered", ["full", "web"], ["full"], True),
        ("delivered", ["full"], ["full", "web"], False),
        ("delivered", None, ["full", "web"], True),
        ("held", None, ["full"], True),
        ("rejected", None, ["full"], True),
        ("failed", None, ["full"], False),
        ("skipped", None, ["full"], False),
        ("waiting", None, ["full"], False),
    ],
)
def test_a_photo_is_done_when_all_that_is_made_now_was_delivered(
    status: str, made: list[str] | None, wanted: list[str], done: bool
) -> None:
    assert is_done(status, made=made, wanted=wanted) is done


def test_a_page_that_is_sent_again_is_the_same_requests() -> None:
    assert Backfill(name="a", bucket="b").request == Backfill(name="a", bucket="b", cursor="k", seen=9).request
