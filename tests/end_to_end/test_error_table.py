"""The API's error table, row by row on the deployed stacks: what becomes of the photo, and what is paid.

The rows are those of the stand-in's fault table for the deployed provider. The functions' own tests hold the other
provider's rows against the client and the decision.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from threading import Event

import pytest

from local.outcomes import Outcome
from stand_in.faults import Fault, faults_of
from tests.end_to_end.dropcut_in_use import DropcutInUse, NothingCameError, until
from tests.end_to_end.photos import photo

ROWS = {fault.name: fault for fault in faults_of("ezlink")}
PAUSING = [name for name, fault in ROWS.items() if fault.expected == "pause"]
OTHERS = [name for name in ROWS if name not in PAUSING]
EXHAUSTING = ["internal_error", "broke_off_after_payment", "garbage", "reset_before_payment", "edge_503"]
"""A row of each kind, met at every attempt: refused, lost behind the gateway, unusable, broken off, the edge's page."""
AFTER_ALL_ATTEMPTS = ["out_of_balance", "no_channels"]
"""They also come by accident, so they are retried; when they stay, the account is to blame and not the picture."""
MAX_ATTEMPTS = 3
TIMES = {"once": 1, "always": None, "again and again": MAX_ATTEMPTS}
LOCKED_OUT = "rate_limit_with_retry_after"
ALONE = [*AFTER_ALL_ATTEMPTS, *(name for name in OTHERS if ROWS[name].expected == "wait")]
AT_ONCE = [(name, "once") for name in OTHERS if name not in ALONE]
ALWAYS = [(name, "always") for name in EXHAUSTING]
ONE_BY_ONE = [*((name, "once") for name in ALONE), (LOCKED_OUT, "again and again")]
WITHIN_THE_TIMEOUT = {"slow_answer": 1.0, "slow_drip": 1.0}
"""Seconds, where the fault's own are as long as the time-out of the tests' system."""


@dataclass(frozen=True)
class Played:
    """A photo that met a fault, and what became of it."""

    photo: bytes
    key: str
    outcome: Outcome | None


@pytest.fixture(scope="module")
def played(running: DropcutInUse) -> Mapping[tuple[str, str], Played]:
    """Every fault met once, and some always.

    The photos of most faults are dropped at once. Those that look like the account's trouble when they are several come
    one by one. Meanwhile other calls go well, as in real use: so each fault is taken for that of its own picture.
    """
    played = {}
    with _calls_going_well(running):
        for faults in [AT_ONCE, ALWAYS, *([each] for each in ONE_BY_ONE)]:
            played |= _play(running, faults)
    return played


def _play(dropcut: DropcutInUse, faults: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Played]:
    photos = {each: photo(width=160, height=120) for each in faults}
    for (name, how_often), content in photos.items():
        dropcut.fault(name, content, times=TIMES[how_often], seconds=WITHIN_THE_TIMEOUT.get(name))
    keys = {each: dropcut.drop(content, dropcut.unused(f"{each[0]}.jpg")) for each, content in photos.items()}
    return {each: Played(content, keys[each], _outcome(dropcut, keys[each])) for each, content in photos.items()}


@contextmanager
def _calls_going_well(dropcut: DropcutInUse) -> Iterator[None]:
    """A good photo every second."""
    stopping = Event()

    def drop() -> None:
        while not stopping.wait(0.5):
            dropcut.drop(photo(), dropcut.unused("good.jpg"))

    with ThreadPoolExecutor(1) as threads:
        dropping = threads.submit(drop)
        try:
            yield
        finally:
            stopping.set()
    dropping.result()


def _outcome(dropcut: DropcutInUse, key: str) -> Outcome | None:
    try:
        return dropcut.outcome(key)
    except NothingCameError:
        return None


@pytest.mark.parametrize("name", OTHERS)
def test_a_fault_that_is_met_once_ends_as_the_table_says(
    name: str, played: Mapping[tuple[str, str], Played], dropcut: DropcutInUse
) -> None:
    fault, photo_met = ROWS[name], played[name, "once"]
    outcome = photo_met.outcome or dropcut.outcome(photo_met.key, seconds=0)
    assert outcome.kind == ("rejected" if fault.expected == "rejected" else "delivered"), outcome
    dropcut.wait_for_tags(photo_met.key, {"dropcut": outcome.kind})
    assert [call["fault"] for call in dropcut.calls(photo_met.photo)] == [name, None][: _calls(fault)]
    assert dropcut.paid_calls(photo_met.photo) == _paid_calls(fault)
    if outcome.kind == "rejected":
        assert outcome.reason.endswith("."), outcome
    else:
        assert dropcut.cutout(outcome.detail["output_key"]).alpha_varies


def _calls(fault: Fault) -> int:
    return 1 if fault.expected in ("delivered", "rejected") else 2


def _paid_calls(fault: Fault) -> int:
    """What the faulty call cost, and the good one that followed it where one did."""
    return fault.charges + (_calls(fault) == 2)


def test_waiting_out_a_lockout_uses_up_no_attempt(
    played: Mapping[tuple[str, str], Played], dropcut: DropcutInUse
) -> None:
    """Met as often as there are attempts, and then delivered all the same."""
    photo_met = played[LOCKED_OUT, "again and again"]
    outcome = photo_met.outcome or dropcut.outcome(photo_met.key, seconds=0)
    assert outcome.kind == "delivered", outcome
    assert [call["fault"] for call in dropcut.calls(photo_met.photo)] == [LOCKED_OUT] * MAX_ATTEMPTS + [None]
    assert dropcut.paid_calls(photo_met.photo) == 1


@pytest.mark.parametrize("name", EXHAUSTING)
def test_a_photo_whose_every_attempt_fails_is_a_dead_letter_that_says_why(
    name: str, played: Mapping[tuple[str, str], Played], dropcut: DropcutInUse
) -> None:
    fault, photo_met = ROWS[name], played[name, "always"]
    outcome = photo_met.outcome or dropcut.outcome(photo_met.key, seconds=0)
    assert outcome.kind == "failed", outcome
    letter = dropcut.dead_letter("Cut", photo_met.key)
    assert (
        letter.attributes.items()
        >= {
            "stage": "cut",
            "reason": outcome.reason,
            "code": outcome.detail["code"],
            "attempts": str(MAX_ATTEMPTS),
            "possibly_paid": str(MAX_ATTEMPTS if fault.possibly_paid else 0),
        }.items()
    )
    assert letter.attributes["request_id"]
    assert outcome.detail["attempts"] == MAX_ATTEMPTS
    assert (outcome.detail["request_id"] or "none") == letter.attributes["request_id"]
    dropcut.wait_for_tags(photo_met.key, {"dropcut": "failed"})
    record = dropcut.ended_record(photo_met.key)
    assert (record["status"], record["attempts"]) == ("failed", str(MAX_ATTEMPTS))
    assert (record["request_id"] or "none") == letter.attributes["request_id"]
    assert len(dropcut.calls(photo_met.photo)) == MAX_ATTEMPTS
    assert dropcut.paid_calls(photo_met.photo) == (MAX_ATTEMPTS if fault.charges else 0)


def test_a_photo_that_failed_is_delivered_when_its_dead_letter_is_redriven(
    played: Mapping[tuple[str, str], Played], dropcut: DropcutInUse
) -> None:
    photo_met = played["internal_error", "always"]
    letter = dropcut.dead_letter("Cut", photo_met.key)
    dropcut.redrive("Cut", letter)
    assert dropcut.outcome(photo_met.key, number=2).kind == "delivered"
    dropcut.wait_for_tags(photo_met.key, {"dropcut": "delivered"})
    assert dropcut.paid_calls(photo_met.photo) == 1


@pytest.mark.parametrize("name", [*PAUSING, *AFTER_ALL_ATTEMPTS])
def test_an_account_problem_pauses_the_spending_until_it_is_fixed(name: str, dropcut: DropcutInUse) -> None:
    content, published = photo(), len(dropcut.spending_changes())
    dropcut.fault(name, content, times=None)
    key = dropcut.drop(content, dropcut.unused(f"{name}.jpg"))
    gate = until(dropcut.closed_gate, "a closed gate")
    assert gate["code"]
    assert gate["reason"].endswith("."), gate
    assert dropcut.outcomes(key) == []
    dropcut.look_at_gate()
    assert not dropcut.takes_messages()
    until(lambda: "waits_for" in dropcut.record(key), "a record that says why it waits")
    assert dropcut.record(key)["waits_for"].endswith(dropcut.closed_gate()["reason"])  # of the probe, if one was due
    dropcut.api.clear_faults()
    until(dropcut.resumes, "an open gate")
    assert dropcut.takes_messages()
    assert dropcut.outcome(key).kind == "delivered"
    assert dropcut.paid_calls(content) == 1
    until(lambda: _changes_published(dropcut)[-2:] == [True, False], "an event for the pause, and one for its end")
    assert gate["reason"] in {change.reason for change in dropcut.spending_changes()[published:] if change.paused}


def _changes_published(dropcut: DropcutInUse) -> list[bool]:
    """Each pause (True) and each end of one. If the gatekeeper comes while a test lets it look, both publish
    the same change: an event can come twice."""
    return [paused for paused, _ in groupby(change.paused for change in dropcut.spending_changes())]
