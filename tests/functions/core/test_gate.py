"""Every cell of the gate's table follows from what is promised about each event."""

from dataclasses import replace

import pytest
from dropcut.core.gate import EVENTS, LONGEST_PAUSE_SECONDS, TABLE, Gate, pause_after_probes
from dropcut.core.transitions import Transition

NOW = 1_722_000_000.0
DAY = 86_400.0
STATES = ("open", "closed", "due", "probing", "opening", "by hand")


def promised(state: str, event: str) -> Transition:
    """What the gate's users rely on, event by event."""
    if event == "closed by hand":  # an operator's word goes before everything
        return Transition("by hand")
    if state == "by hand":  # and nothing but another one ends it
        action = "wait" if event == "ask" else ""
        return Transition("opening" if event == "resumed by hand" else state, action)
    if event == "resumed by hand":  # one call may be made now; whether spending goes on is for that call to say
        return Transition("due" if state == "closed" else state)
    return promised_without_an_operator(state, event)


def promised_without_an_operator(state: str, event: str) -> Transition:
    match event:
        case "ask":
            actions = {"open": "permit", "opening": "permit", "due": "probe", "closed": "wait", "probing": "wait"}
            return Transition("probing" if state == "due" else state, actions[state])
        case "trouble":  # a closed gate stays as it is: its first trouble is the one to be looked at
            return Transition("closed" if state in ("open", "opening") else state)
        case "nothing waits":
            return Transition("opening" if state == "due" else state)
        case "messages let in":
            return Transition("open" if state == "opening" else state)
    # A probe's end; when its time is over and the gate is due, it may have been slow, not dead.
    ends = {"went well": "opening", "failed": "closed", "proved nothing": "closed", "given back": "due"}
    return Transition(ends[event.removeprefix("probe ")] if state in ("probing", "due") else state)


def test_every_state_has_every_event() -> None:
    assert tuple(TABLE) == STATES
    assert {tuple(row) for row in TABLE.values()} == {EVENTS}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", STATES)
def test_each_cell_is_what_is_promised(state: str, event: str) -> None:
    assert TABLE[state][event] == promised(state, event)


def test_every_state_is_reached_from_the_open_gate_and_leads_back_to_it() -> None:
    by_time = {"closed": {"due"}, "probing": {"due"}}
    nexts = {state: {cell.next for cell in row.values()} | by_time.get(state, set()) for state, row in TABLE.items()}
    for start in STATES:
        reached, new = set[str](), {start}
        while new:
            reached |= new
            new = set[str]().union(*(nexts[state] for state in new)) - reached
        assert reached == set(STATES), f"from {start}"


def test_a_closed_gate_opens_only_by_a_probe_that_went_well_or_when_nothing_waits() -> None:
    opens = {
        (state, event)
        for state in ("closed", "due", "probing")
        for event, cell in TABLE[state].items()
        if cell.next in ("open", "opening")
    }
    assert opens == {("probing", "probe went well"), ("due", "probe went well"), ("due", "nothing waits")}


# In which state the gate is.

CLOSED = Gate(is_closed=True, code="no_credits", reason="Buy some.", until=NOW + 60)
PROBED = replace(CLOSED, until=NOW - 60, probe="h", probe_ends=NOW)


@pytest.mark.parametrize(
    ("gate", "seconds_later", "state"),
    [
        (Gate(), 0, "open"),
        (Gate(is_opening=True), 0, "opening"),
        (CLOSED, 59.999, "closed"),
        (CLOSED, 60, "due"),
        (CLOSED, 60 * DAY, "due"),
        (PROBED, -0.001, "probing"),
        (PROBED, 0, "probing"),
        (PROBED, 0.001, "due"),
        (replace(CLOSED, code="paused_by_hand"), 60 * DAY, "by hand"),
    ],
)
def test_the_gate_is_in_the_state_that_its_record_and_the_time_say(
    gate: Gate, seconds_later: float, state: str
) -> None:
    assert gate.state(NOW + seconds_later) == state


def test_a_closed_gate_says_why_pictures_wait() -> None:
    assert CLOSED.why == "spending is paused (no_credits): Buy some."


# How long it stays closed.


def test_each_probe_that_fails_doubles_the_pause_up_to_half_an_hour() -> None:
    pauses = [pause_after_probes(failed, pause_seconds=60) for failed in range(8)]
    assert pauses == [55, 115, 235, 475, 955, 1795, 1795, 1795]


@pytest.mark.parametrize(("pause_seconds", "pauses"), [(7200, [7195] * 3), (10, [9, 18, 36]), (1, [0.9, 1.8, 3.6])])
def test_a_long_pause_stays_as_it_was_set_and_a_short_one_ends_a_tenth_early(
    pause_seconds: float, pauses: list[float]
) -> None:
    assert [pause_after_probes(failed, pause_seconds=pause_seconds) for failed in range(3)] == pytest.approx(pauses)


def test_after_weeks_of_failing_probes_the_pause_is_still_half_an_hour() -> None:
    assert pause_after_probes(2_000, pause_seconds=60) == 1795


def test_a_lone_picture_is_probed_for_14_days_without_using_up_its_receives() -> None:
    assert 14 * DAY / pause_after_probes(2_000, pause_seconds=60) < 950
    assert LONGEST_PAUSE_SECONDS == 1800


@pytest.mark.parametrize("pause_seconds", [30, 60, 120, 600])
def test_a_look_each_minute_never_comes_a_moment_before_the_pause_is_over(pause_seconds: float) -> None:
    """A minute's look that is a little early would wait for the next one: the pause ends some seconds before it."""
    assert pause_seconds - pause_after_probes(0, pause_seconds=pause_seconds) >= 3
