"""The gate's record: who closes it, who may probe, and who opens it, as `core/gate.py` says."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.state_table import StateTable
from dropcut.core.gate import EVENTS, TABLE, Gate

from tests.functions.adapters.threads import at_once

NOON = 1_722_081_600.0  # 2024-07-27 12:00 UTC
PAUSE = 60.0
PROBE = 200.0
"""How long a probe may take, in seconds."""
DUE = NOON + PAUSE
LONG_OVER = DUE + PROBE + 1
NO_CREDITS = Gate(
    is_closed=True, code="no_credits", reason="Buy some.", until=DUE, fingerprint="f1", swept_at=NOON, probes_failed=0
)
NO_KEY = replace(NO_CREDITS, code="no_key", reason="Put one in.", until=LONG_OVER + 500, fingerprint="")


@pytest.fixture
def gate(table: StateTable) -> GateRecord:
    return GateRecord(table=table)


def closed(gate: GateRecord) -> None:
    assert gate.close(NO_CREDITS)


def probing(gate: GateRecord) -> None:
    closed(gate)
    assert gate.begin_probe("first", now=DUE, ends=DUE + PROBE)


def given_back(gate: GateRecord) -> None:
    probing(gate)
    gate.give_probe_back("first")


def opening(gate: GateRecord) -> None:
    probing(gate)
    gate.begin_to_open("first")


def open_again(gate: GateRecord) -> None:
    opening(gate)
    gate.opened()


def by_hand(gate: GateRecord) -> None:
    gate.close_by_hand("A test of the shop.", now=NOON)


def by_hand_during_a_probe(gate: GateRecord) -> None:
    probing(gate)
    by_hand(gate)


# Every cell of the table, carried out.

WAYS: list[tuple[str, str, Callable[[GateRecord], object], float]] = [
    ("open", "never closed", lambda _: None, NOON),
    ("open", "opened again", open_again, LONG_OVER),
    ("closed", "closed", closed, DUE - 0.001),
    ("due", "its pause is over", closed, DUE),
    ("due", "its probe was given back", given_back, DUE),
    ("due", "its prober is gone", probing, DUE + PROBE + 0.001),
    ("probing", "probing", probing, DUE),
    ("probing", "probing, the last moment", probing, DUE + PROBE),
    ("opening", "opening", opening, LONG_OVER),
    ("by hand", "closed by hand", by_hand, LONG_OVER),
    ("by hand", "closed by hand during a probe", by_hand_during_a_probe, LONG_OVER),
]
"""For each state the ways into it, and the time at which the gate is in it."""


def happen(event: str, gate: GateRecord, now: float) -> None:
    """Carry an event out; `first` holds the probe, if anybody does."""
    still_closed = replace(NO_CREDITS, until=now + PAUSE, probes_failed=1)
    match event:
        case "ask":
            gate.begin_probe("second", now=now, ends=now + PROBE)
        case "trouble":
            gate.close(NO_KEY)
        case "probe went well":
            gate.begin_to_open("first")
        case "probe failed":
            gate.end_probe("first", still_closed)
        case "probe proved nothing":
            gate.end_probe("first", replace(still_closed, probes_failed=0))
        case "probe given back":
            gate.give_probe_back("first")
        case "nothing waits":
            if gate.begin_probe("gatekeeper", now=now, ends=now + PROBE):
                gate.begin_to_open("gatekeeper")
        case "messages let in":
            gate.opened()
        case "closed by hand":
            gate.close_by_hand("A test of the shop.", now=now)
        case "resumed by hand":
            gate.resume_by_hand()
        case _:
            raise AssertionError(f"{event} is not carried out")


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(("state", "come_there", "now"), [way[:1] + way[2:] for way in WAYS], ids=[w[1] for w in WAYS])
def test_each_cell_of_the_table_is_what_happens(
    gate: GateRecord, state: str, come_there: Callable[[GateRecord], object], now: float, event: str
) -> None:
    come_there(gate)
    before = gate.get()
    assert before.state(now) == state
    happen(event, gate, now)
    is_nobodys = event.startswith("probe ") and not before.probe
    assert gate.get().state(now) == (state if is_nobodys else TABLE[state][event].next)


def test_every_state_was_come_to() -> None:
    assert {way[0] for way in WAYS} == set(TABLE)


@pytest.mark.parametrize("event", [event for event in EVENTS if event.startswith("probe ")])
@pytest.mark.parametrize(("come_there", "now"), [way[2:] for way in WAYS], ids=[w[1] for w in WAYS])
def test_a_probe_is_ended_by_itself_alone(
    gate: GateRecord, table: StateTable, come_there: Callable[[GateRecord], object], now: float, event: str
) -> None:
    come_there(gate)
    gate.begin_probe("second", now=now, ends=now + PROBE)
    if gate.get().probe == "first":
        gate.begin_probe("second", now=LONG_OVER, ends=LONG_OVER + PROBE)
    before = table.get("gate")
    happen(event, gate, now)
    assert table.get("gate") == before


# By hand.


def test_a_gate_that_is_closed_by_hand_is_announced_anew_and_stays_closed(gate: GateRecord) -> None:
    closed(gate)
    gate.announced()
    by_hand(gate)
    found = gate.get()
    assert (found.code, found.reason, found.announced) == ("paused_by_hand", "A test of the shop.", False)
    assert found.swept_at == NOON
    gate.make_due()
    assert gate.get() == found


# Closing.


def test_the_gate_is_open_until_it_is_closed(gate: GateRecord) -> None:
    assert gate.get() == Gate()


def test_a_closed_gate_says_all_that_is_known(gate: GateRecord) -> None:
    closed(gate)
    assert gate.get() == NO_CREDITS


def test_closing_a_closed_gate_changes_nothing(gate: GateRecord, table: StateTable) -> None:
    closed(gate)
    gate.announced()
    before = table.get("gate")
    assert not gate.close(NO_KEY)
    assert table.get("gate") == before


def test_of_twenty_that_close_the_gate_at_once_one_did(gate: GateRecord) -> None:
    assert sum(at_once(20, lambda: gate.close(NO_CREDITS))) == 1


def test_a_gate_that_closes_anew_knows_nothing_of_its_pause_before(gate: GateRecord) -> None:
    probing(gate)
    gate.end_probe("first", replace(NO_CREDITS, probes_failed=4, until=DUE))
    gate.announced()
    assert gate.begin_probe("second", now=DUE, ends=DUE + PROBE)
    gate.begin_to_open("second")
    assert gate.close(NO_KEY)
    assert gate.get() == NO_KEY


# Probes.


def test_of_twenty_callers_at_once_one_probes(gate: GateRecord) -> None:
    closed(gate)
    probes = iter([str(number) for number in range(20)])
    assert sum(at_once(20, lambda: gate.begin_probe(next(probes), now=DUE, ends=DUE + PROBE))) == 1


def test_a_lost_answer_to_its_own_beginning_does_not_stop_a_probe(gate: GateRecord) -> None:
    probing(gate)
    assert gate.begin_probe("first", now=DUE, ends=DUE + PROBE)
    assert not gate.begin_probe("second", now=DUE, ends=DUE + PROBE)


def test_a_probe_whose_worker_died_is_followed_by_another(gate: GateRecord) -> None:
    probing(gate)
    assert not gate.begin_probe("second", now=DUE + PROBE, ends=DUE + 2 * PROBE)
    assert gate.begin_probe("second", now=LONG_OVER, ends=LONG_OVER + PROBE)
    assert gate.get().probe == "second"


def test_a_probe_that_fails_leaves_the_gate_closed_as_given_and_announced(gate: GateRecord) -> None:
    probing(gate)
    gate.announced()
    still_closed = replace(NO_KEY, until=DUE + 2 * PAUSE, probes_failed=3)
    gate.end_probe("first", still_closed)
    assert gate.get() == replace(still_closed, announced=True)


@pytest.mark.parametrize("come_there", [opening, open_again])
def test_a_probe_that_fails_late_does_not_close_a_gate_that_another_opened(
    gate: GateRecord, come_there: Callable[[GateRecord], object]
) -> None:
    come_there(gate)
    before = gate.get()
    gate.end_probe("first", NO_KEY)
    assert gate.get() == before


@pytest.mark.parametrize("come_there", [closed, given_back], ids=["closed", "given back"])
def test_a_gate_that_is_made_due_lets_the_next_probe_through(
    gate: GateRecord, come_there: Callable[[GateRecord], object]
) -> None:
    come_there(gate)
    gate.make_due()
    assert gate.get() == replace(NO_CREDITS, until=0)
    assert gate.begin_probe("next", now=NOON, ends=NOON + PROBE)


@pytest.mark.parametrize("come_there", [lambda _: None, opening, open_again], ids=["open", "opening", "open again"])
@pytest.mark.parametrize("note", [lambda g: g.make_due(), lambda g: g.announced(), lambda g: g.swept(NOON)])
def test_a_gate_that_is_not_closed_is_noted_nothing(
    gate: GateRecord, table: StateTable, come_there: Callable[[GateRecord], object], note: Callable[[GateRecord], None]
) -> None:
    come_there(gate)
    before = table.get("gate")
    note(gate)
    assert table.get("gate") == before


# Opening.


def test_an_opened_gate_leaves_nothing_in_its_record(gate: GateRecord, table: StateTable) -> None:
    closed(gate)
    gate.announced()
    gate.swept(NOON + 5)
    assert gate.begin_probe("first", now=DUE, ends=DUE + PROBE)
    gate.begin_to_open("first")
    gate.opened()
    assert table.get("gate") == {"id": "gate"}


def test_a_gate_that_closed_again_while_it_was_opening_is_not_opened(gate: GateRecord) -> None:
    opening(gate)
    assert gate.close(NO_KEY)
    gate.opened()
    assert gate.get() == NO_KEY


def test_what_was_announced_and_searched_is_noted(gate: GateRecord) -> None:
    closed(gate)
    gate.announced()
    gate.swept(NOON + 9)
    assert gate.get() == replace(NO_CREDITS, announced=True, swept_at=NOON + 9)


# Items that the version before wrote.

OLD_CLOSED = {
    "standing": "closed",
    "code": "no_credits",
    "reason": "Buy some.",
    "closed_at": NOON,
    "closed_until": DUE,
    "probes": 2,
    "announced": "yes",
}


def written_before(table: StateTable, values: dict[str, str | float]) -> None:
    table.update("gate", "SET " + ", ".join(f"{name} = :{name}" for name in values), values)


def test_a_gate_that_the_version_before_closed_is_read(gate: GateRecord, table: StateTable) -> None:
    written_before(table, OLD_CLOSED)
    assert gate.get() == replace(NO_CREDITS, probes_failed=2, announced=True, fingerprint="", swept_at=0)
    assert [gate.get().state(now) for now in (DUE - 1, DUE)] == ["closed", "due"]


def test_a_gate_that_the_version_before_closed_can_be_probed_and_opened(gate: GateRecord, table: StateTable) -> None:
    written_before(table, OLD_CLOSED)
    assert gate.begin_probe("first", now=DUE, ends=DUE + PROBE)
    gate.begin_to_open("first")
    gate.opened()
    assert table.get("gate") == {"id": "gate"}


def test_a_gate_that_the_version_before_began_to_open_is_opened(gate: GateRecord, table: StateTable) -> None:
    written_before(table, OLD_CLOSED | {"standing": "opening"})
    assert gate.get().state(NOON) == "opening"
    gate.opened()
    assert table.get("gate") == {"id": "gate"}


def test_a_gate_that_the_version_before_left_open_is_open(gate: GateRecord, table: StateTable) -> None:
    table.update("gate", "REMOVE standing", {})
    assert gate.get() == Gate()
