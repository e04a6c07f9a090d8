"""The API's error table, row by row on the deployed stacks: what becomes of the photo, and what is paid.

The rows are those of the stand-in's fault table for the deployed provider; the other provider's are held against the
client and the decision by the functions' own tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import pytest

from local.api.faults import Fault, faults_of
from local.outcomes import Outcome
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
    """Every fault met once, and some always: all photos dropped at once, and all their ends waited for."""
    photos = {(name, "once"): photo(width=160, height=120) for name in OTHERS}
    photos |= {(name, "always"): photo(width=160, height=120) for name in EXHAUSTING}
    photos[LOCKED_OUT, "again and again"] = photo(width=160, height=120)
    for (name, how_often), content in photos.items():
        running.fault(name, content, times=TIMES[how_often], seconds=WITHIN_THE_TIMEOUT.get(name))
    keys = {each: running.drop(content, running.unused(f"{each[0]}.jpg")) for each, content in photos.items()}
    return {each: Played(content, keys[each], _outcome(running, keys[each])) for each, content in photos.items()}


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
    assert dropcut.tags(photo_met.key) == {"dropcut": outcome.kind}
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
def test_a_photo_whose_every_attempt_fails_is_set_aside_with_reason_attempts_and_request(
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
    assert dropcut.tags(photo_met.key) == {"dropcut": "failed"}
    record = dropcut.ended_record(photo_met.key)
    assert (record["status"], record["attempts"]) == ("failed", str(MAX_ATTEMPTS))
    assert (record["request_id"] or "none") == letter.attributes["request_id"]
    assert len(dropcut.calls(photo_met.photo)) == MAX_ATTEMPTS
    assert dropcut.paid_calls(photo_met.photo) == (MAX_ATTEMPTS if fault.charges else 0)


def test_a_photo_that_was_set_aside_is_delivered_when_its_message_is_sent_again(
    played: Mapping[tuple[str, str], Played], dropcut: DropcutInUse
) -> None:
    photo_met = played["internal_error", "always"]
    letter = dropcut.dead_letter("Cut", photo_met.key)
    dropcut.send("Cut", letter.body)
    assert dropcut.outcome(photo_met.key, number=2).kind == "delivered"
    assert dropcut.tags(photo_met.key) == {"dropcut": "delivered"}
    assert dropcut.paid_calls(photo_met.photo) == 1


@pytest.mark.parametrize("name", [*PAUSING, *AFTER_ALL_ATTEMPTS])
def test_an_account_problem_pauses_the_spending_and_the_photo_is_delivered_once_it_is_mended(
    name: str, dropcut: DropcutInUse
) -> None:
    content, told = photo(), len(dropcut.spending_changes())
    dropcut.fault(name, content, times=None)
    key = dropcut.drop(content, dropcut.unused(f"{name}.jpg"))
    gate = until(dropcut.closed_gate, "a closed gate")
    assert gate["code"]
    assert gate["reason"].endswith("."), gate
    assert dropcut.outcomes(key) == []
    assert until(lambda: not dropcut.takes_messages(), "a cut queue that holds its messages")
    dropcut.api.clear_faults()
    until(dropcut.resumes, "an open gate")
    assert dropcut.takes_messages()
    assert dropcut.outcome(key).kind == "delivered"
    assert dropcut.paid_calls(content) == 1
    until(lambda: _changes_told(dropcut)[-2:] == [True, False], "an event for the pause, and one for its end")
    assert gate["reason"] in {change.reason for change in dropcut.spending_changes()[told:] if change.paused}


def _changes_told(dropcut: DropcutInUse) -> list[bool]:
    """Each pause (True) and each end of one. Should the gatekeeper's minute come while a test lets it look, both tell
    of the same change: an event can come twice."""
    return [paused for paused, _ in groupby(change.paused for change in dropcut.spending_changes())]
