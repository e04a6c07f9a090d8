from dataclasses import replace

import pytest
from dropcut.adapters.payment_records import AlreadyPaid, Claimed, InFlight, PaymentRecords, unit_id
from dropcut.adapters.state_table import StateTable
from dropcut.core.messages import PaidAnswer

from tests.functions.adapters.threads import at_once

UNIT = "abc.png"
NOW = 1_722_000_000.0
LEASE = 100.0
DAY = 86_400
ANSWER = PaidAnswer(
    work_key="paid/abc.png",
    picture_sha256="abc",
    format="png",
    width=80,
    height=64,
    credits=2.0,
    request_id="r1",
    provider="ezlink",
)
FIRST = Claimed(attempts=1, possibly_paid=0, predecessor_died=False, seen_before=False)
AGAIN = replace(FIRST, seen_before=True)


@pytest.fixture
def payments(table: StateTable) -> PaymentRecords:
    return PaymentRecords(table=table, keep_days=30)


def claim(payments: PaymentRecords, *, now: float = NOW, unit: str = UNIT) -> Claimed | AlreadyPaid | InFlight:
    return payments.claim(unit, now=now, lease_seconds=LEASE)


def test_the_first_to_claim_a_picture_gets_it(payments: PaymentRecords) -> None:
    assert claim(payments) == FIRST


@pytest.mark.parametrize("later", [0.0, 50.0, LEASE])
def test_while_the_lease_runs_nobody_else_gets_it(payments: PaymentRecords, later: float) -> None:
    claim(payments)
    assert claim(payments, now=NOW + later) == InFlight(until=NOW + LEASE)


def test_other_pictures_and_other_formats_are_other_payments(payments: PaymentRecords) -> None:
    claim(payments)
    assert claim(payments, unit="abc.webp") == FIRST
    assert claim(payments, unit="def.png") == FIRST


@pytest.mark.parametrize("request_id", ["r1", None])
def test_a_completed_payment_serves_everybody_after_it(payments: PaymentRecords, request_id: str | None) -> None:
    answer = replace(ANSWER, request_id=request_id)
    claim(payments)
    payments.complete(UNIT, answer, job_id="job-1", now=NOW)
    for later in (0.0, 29.9 * DAY):
        assert claim(payments, now=NOW + later) == AlreadyPaid(answer=answer, job_id="job-1")


def test_what_was_paid_for_and_is_gone_is_paid_for_again(payments: PaymentRecords) -> None:
    claim(payments)
    payments.complete(UNIT, ANSWER, job_id="job-1", now=NOW)
    payments.forget(UNIT, ANSWER)
    assert isinstance(claim(payments, now=NOW + 1), Claimed)


def test_a_payment_made_since_is_not_forgotten(payments: PaymentRecords) -> None:
    claim(payments)
    payments.complete(UNIT, replace(ANSWER, request_id="r2"), job_id="job-2", now=NOW)
    payments.forget(UNIT, replace(ANSWER, request_id="r1"))
    assert isinstance(claim(payments, now=NOW + 1), AlreadyPaid)


def test_an_expired_payment_is_made_again_also_while_its_record_is_still_there(payments: PaymentRecords) -> None:
    for _ in range(3):
        claim(payments)
        payments.release(UNIT, now=NOW, counts=True, possibly_paid=True)
    claim(payments)
    payments.complete(UNIT, ANSWER, job_id="job-1", now=NOW)
    assert claim(payments, now=NOW + 30 * DAY + 1) == FIRST
    assert claim(payments, now=NOW + 30 * DAY + 2) == InFlight(until=NOW + 30 * DAY + 1 + LEASE)


def test_real_attempts_are_counted_and_waiting_is_none(payments: PaymentRecords) -> None:
    for counts, attempts in ((False, 1), (False, 1), (True, 1), (True, 2), (False, 3), (True, 3)):
        claimed = claim(payments)
        assert isinstance(claimed, Claimed)
        assert (claimed.attempts, claimed.possibly_paid, claimed.predecessor_died) == (attempts, 0, False)
        payments.release(UNIT, now=NOW, counts=counts)


def test_calls_that_may_have_been_charged_are_added_up(payments: PaymentRecords) -> None:
    for seen, possibly_paid in ((0, True), (1, False), (1, True), (2, True)):
        claimed = claim(payments)
        assert isinstance(claimed, Claimed)
        assert claimed.possibly_paid == seen
        payments.release(UNIT, now=NOW, counts=True, possibly_paid=possibly_paid)


def test_a_worker_that_died_may_have_paid(payments: PaymentRecords) -> None:
    claim(payments)
    later = NOW + LEASE + 1
    assert claim(payments, now=later) == replace(AGAIN, attempts=2, possibly_paid=1, predecessor_died=True)
    payments.release(UNIT, now=later, counts=True)
    assert claim(payments, now=later) == replace(AGAIN, attempts=3, possibly_paid=1)


def test_after_giving_up_the_picture_starts_afresh(payments: PaymentRecords) -> None:
    claim(payments)
    payments.release(UNIT, now=NOW, counts=True, possibly_paid=True)
    claim(payments)
    payments.give_up(UNIT, now=NOW)
    assert claim(payments) == AGAIN


@pytest.mark.parametrize("possibly_paid", [False, True])
def test_a_picture_that_was_given_back_is_known_to_have_been_claimed(
    payments: PaymentRecords, possibly_paid: bool
) -> None:
    assert claim(payments) == FIRST
    payments.release(UNIT, now=NOW, counts=False, possibly_paid=possibly_paid)
    assert claim(payments) == replace(AGAIN, possibly_paid=int(possibly_paid))


@pytest.mark.parametrize("end", ["complete", "release", "give_up"])
def test_every_record_that_rests_expires_by_itself(payments: PaymentRecords, table: StateTable, end: str) -> None:
    claim(payments)
    if end == "complete":
        payments.complete(UNIT, ANSWER, job_id="job-1", now=NOW)
    elif end == "release":
        payments.release(UNIT, now=NOW, counts=True)
    else:
        payments.give_up(UNIT, now=NOW)
    item = table.get(unit_id(UNIT)) or {}
    assert item["expires_at"] == NOW + 30 * DAY
    assert "lease_until" not in item


def test_a_record_does_not_expire_while_its_lease_runs(payments: PaymentRecords, table: StateTable) -> None:
    claim(payments)
    payments.release(UNIT, now=NOW, counts=True)
    later = NOW + 30 * DAY - 1
    claim(payments, now=later)
    item = table.get(unit_id(UNIT)) or {}
    assert item["expires_at"] == later + 30 * DAY


def test_of_twenty_claims_at_once_exactly_one_wins(payments: PaymentRecords) -> None:
    results = at_once(20, lambda: claim(payments))
    assert results.count(FIRST) == 1
    assert results.count(InFlight(until=NOW + LEASE)) == 19


def test_of_twenty_claims_after_a_death_exactly_one_wins_and_the_death_is_counted_once(
    payments: PaymentRecords,
) -> None:
    claim(payments)
    later = NOW + LEASE + 1
    results = at_once(20, lambda: claim(payments, now=later))
    assert results.count(replace(AGAIN, attempts=2, possibly_paid=1, predecessor_died=True)) == 1
    assert sum(isinstance(result, InFlight) for result in results) == 19
    payments.release(UNIT, now=later, counts=True)
    assert claim(payments, now=later) == replace(AGAIN, attempts=3, possibly_paid=1)
