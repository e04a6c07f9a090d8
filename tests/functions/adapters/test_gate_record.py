"""Whether the stack may spend: who closes the gate, who may try whether it can open, and who opens it."""

from typing import Any

import pytest
from dropcut.adapters.gate_record import LONGEST_PAUSE_SECONDS, Closed, GateRecord
from dropcut.adapters.state_table import StateTable

from tests.functions.adapters.threads import at_once

NOON = 1_722_081_600.0  # 2024-07-27 12:00 UTC
PAUSE = 60.0
NO_CREDITS = Closed(until=NOON + PAUSE, code="no_credits", reason="Buy some.")
NO_KEY = Closed(until=NOON + 2 * PAUSE, code="no_key", reason="Put one in.")


@pytest.fixture
def gate(table: StateTable) -> GateRecord:
    return GateRecord(table=table, pause_seconds=PAUSE)


@pytest.fixture
def closed(gate: GateRecord) -> GateRecord:
    assert gate.close(NO_CREDITS, now=NOON)
    return gate


@pytest.fixture
def opening(closed: GateRecord) -> GateRecord:
    closed.begin_to_open()
    return closed


def pauses(gate: GateRecord, probes: int, **more: Any) -> list[float]:
    """How long the gate stays closed after each of so many probes that fail one after the other."""
    lengths = []
    for _ in range(probes):
        now = closing_time(gate)
        assert gate.enter(now=now) == "probe"
        gate.stay_closed(code="no_credits", reason="Buy some.", now=now, **more)
        lengths.append(closing_time(gate) - now)
    return lengths


def closing_time(gate: GateRecord) -> float:
    standing = gate.standing()
    assert isinstance(standing, Closed)
    return standing.until


def test_the_gate_is_open_until_it_is_closed(gate: GateRecord) -> None:
    assert (gate.standing(), gate.enter(now=NOON)) == ("open", "open")


def test_a_closed_gate_says_why_and_until_when(closed: GateRecord) -> None:
    assert closed.standing() == NO_CREDITS
    assert closed.enter(now=NO_CREDITS.until - 0.001) == NO_CREDITS


def test_closing_a_closed_gate_changes_nothing(closed: GateRecord, table: StateTable) -> None:
    closed.announced()
    before = table.get("gate")
    assert not closed.close(NO_KEY, now=NOON + 5)
    assert table.get("gate") == before


def test_of_twenty_that_close_the_gate_at_once_one_did(gate: GateRecord) -> None:
    assert sum(at_once(20, lambda: gate.close(NO_CREDITS, now=NOON))) == 1


# Probes.


def test_when_the_pause_is_over_one_caller_may_probe_and_the_others_wait_another_pause(closed: GateRecord) -> None:
    later = NO_CREDITS.until
    assert closed.enter(now=later) == "probe"
    standing = closed.enter(now=later)
    assert isinstance(standing, Closed)
    assert standing.until == later + PAUSE
    assert closed.enter(now=later + PAUSE) == "probe"


def test_of_twenty_callers_at_once_one_probes(closed: GateRecord) -> None:
    results = at_once(20, lambda: closed.enter(now=NOON + 61))
    assert results.count("probe") == 1
    assert sum(isinstance(result, Closed) for result in results) == 19


def test_a_probe_whose_worker_died_is_followed_by_another_a_pause_later(closed: GateRecord) -> None:
    times = [NOON + PAUSE, NOON + 2 * PAUSE, NOON + 3 * PAUSE]
    assert [closed.enter(now=time) for time in times] == ["probe"] * 3


def test_each_probe_that_fails_doubles_the_pause_up_to_half_an_hour(closed: GateRecord) -> None:
    assert pauses(closed, 7) == [120, 240, 480, 960, 1800, 1800, 1800]
    assert LONGEST_PAUSE_SECONDS == 1800


def test_a_pause_set_longer_than_half_an_hour_stays_as_it_is(table: StateTable) -> None:
    patient = GateRecord(table=table, pause_seconds=7200)
    patient.close(NO_CREDITS, now=NOON)
    assert pauses(patient, 3) == [7200, 7200, 7200]


def test_after_weeks_of_failing_probes_the_pause_is_still_half_an_hour(closed: GateRecord, table: StateTable) -> None:
    table.update("gate", "SET probes = :many", {"many": 2_000})
    assert pauses(closed, 2) == [1800, 1800]


def test_a_problem_that_ends_by_itself_is_not_waited_for_any_longer(closed: GateRecord) -> None:
    midnight = NOON + 500
    assert pauses(closed, 3, not_after=midnight) == [120, 240, 80]


def test_a_probe_that_fails_for_another_reason_tells_that_one(closed: GateRecord) -> None:
    closed.stay_closed(code="key_refused", reason="Put a valid one in.", now=NOON + 60)
    standing = closed.standing()
    assert isinstance(standing, Closed)
    assert (standing.code, standing.reason) == ("key_refused", "Put a valid one in.")


def test_the_pauses_begin_short_again_when_the_gate_is_closed_anew(closed: GateRecord) -> None:
    pauses(closed, 4)
    closed.begin_to_open()
    closed.opened()
    closed.close(NO_CREDITS, now=NOON)
    assert pauses(closed, 2) == [120, 240]


# Opening.


def test_a_gate_that_is_opening_lets_everybody_in(opening: GateRecord) -> None:
    assert (opening.standing(), opening.enter(now=NOON)) == ("opening", "open")


def test_an_opened_gate_leaves_nothing_in_its_record(opening: GateRecord, table: StateTable) -> None:
    opening.announced()
    opening.opened()
    assert (opening.standing(), opening.enter(now=NOON)) == ("open", "open")
    assert table.get("gate") == {"id": "gate"}


def test_a_gate_that_closed_again_while_it_was_opening_is_not_opened(opening: GateRecord) -> None:
    assert opening.close(NO_KEY, now=NOON + 5)
    opening.opened()
    assert opening.standing() == NO_KEY


@pytest.mark.parametrize("step", ["begin_to_open", "opened", "announced"])
def test_an_open_gate_has_nothing_to_open_or_to_announce(gate: GateRecord, step: str) -> None:
    getattr(gate, step)()
    assert gate.standing() == "open"


def test_a_closed_gate_opens_only_by_a_call_that_went_well(closed: GateRecord) -> None:
    closed.opened()
    assert closed.standing() == NO_CREDITS


@pytest.mark.parametrize("standing", ["opening", "open"])
def test_a_probe_that_fails_late_does_not_close_a_gate_that_another_opened(opening: GateRecord, standing: str) -> None:
    if standing == "open":
        opening.opened()
    opening.stay_closed(code="no_credits", reason="Buy some.", now=NOON + 60)
    assert opening.standing() == standing


# Telling the world.


def test_a_pause_is_announced_once_it_is_told_and_a_new_one_is_not(closed: GateRecord) -> None:
    closed.announced()
    standing = closed.standing()
    assert isinstance(standing, Closed)
    assert standing.announced
    closed.begin_to_open()
    assert closed.close(NO_KEY, now=NOON + 5)
    assert closed.standing() == NO_KEY
    assert not NO_KEY.announced


def test_a_probe_that_fails_is_no_new_pause_to_be_told(closed: GateRecord) -> None:
    closed.announced()
    pauses(closed, 2)
    standing = closed.standing()
    assert isinstance(standing, Closed)
    assert standing.announced
