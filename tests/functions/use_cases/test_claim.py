"""A claim is given back on the way out, whatever happens, unless it was settled."""

import pytest
from dropcut.core.messages import Ended, Upload
from dropcut.observability import metrics
from dropcut.use_cases.claim import AlreadyPaid, Claim, Claims, InFlight, Remembered

from tests.functions.fakes import FakePayments
from tests.functions.records import ANSWER

NOW, LEASE, KEEP = 1_722_081_600.0, 205.0, 86_400.0
UPLOAD = Upload(bucket="in", key="a.jpg", sequencer="01")
FAILED = Ended(kind="failed", code="http_500", reason="It failed.")


class Desk:
    def __init__(self) -> None:
        self.now = NOW
        self.payments = FakePayments()
        self.claims = Claims(payments=self.payments, lease_seconds=LEASE, keep_seconds=KEEP, clock=lambda: self.now)

    def state(self) -> str:
        return self.payments.records["k"].state(self.now)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_claim_that_nobody_settled_is_given_back_and_was_no_attempt(desk: Desk) -> None:
    with desk.claims.claim("k") as claim:
        assert isinstance(claim, Claim)
        assert (desk.state(), claim.payment.attempts) == ("claimed", 1)
    assert (desk.state(), desk.payments.records["k"].attempts) == ("free", 0)


@pytest.mark.parametrize("at_risk", [False, True])
def test_an_error_gives_the_claim_back_and_counts_what_may_be_gone(desk: Desk, at_risk: bool) -> None:
    metrics.metric_set.clear()
    with pytest.raises(ValueError, match="oh"), desk.claims.claim("k") as claim:
        assert isinstance(claim, Claim)
        claim.at_risk = at_risk
        raise ValueError("oh")
    assert desk.payments.records["k"].possibly_paid == at_risk
    assert ("PossiblyPaidCalls" in metrics.metric_set) is at_risk


def test_what_was_settled_is_not_given_back_again(desk: Desk) -> None:
    with desk.claims.claim("k") as claim:
        assert isinstance(claim, Claim)
        claim.pay(ANSWER, upload=UPLOAD)
    with desk.claims.claim("k") as found:
        assert found == AlreadyPaid(answer=ANSWER, job_id=UPLOAD.job_id)


def test_an_end_is_remembered_until_its_time_is_over(desk: Desk) -> None:
    with desk.claims.claim("k") as claim:
        assert isinstance(claim, Claim)
        claim.end(FAILED, job_id="j")
    with desk.claims.claim("k") as found:
        assert found == Remembered(ended=FAILED, job_id="j")
    desk.now += KEEP + 1
    with desk.claims.claim("k") as found:
        assert isinstance(found, Claim)


@pytest.mark.parametrize(("redriven_at", "is_ours"), [(NOW, False), (NOW + 1, True)])
def test_an_end_is_forgotten_for_a_redrive_that_came_after_it(desk: Desk, redriven_at: float, is_ours: bool) -> None:
    with desk.claims.claim("k") as claim:
        assert isinstance(claim, Claim)
        claim.end(FAILED, job_id="j")
    with desk.claims.claim("k", redriven_at=redriven_at) as found:
        assert isinstance(found, Claim) is is_ours


def test_a_picture_is_claimed_by_one_worker_at_a_time(desk: Desk) -> None:
    with desk.claims.claim("k"), desk.claims.claim("k") as found:
        assert found == InFlight(until=NOW + LEASE)
        desk.now += LEASE - 1
    assert desk.state() == "free"


def test_a_dead_workers_call_is_counted_as_possibly_paid(desk: Desk) -> None:
    metrics.metric_set.clear()
    desk.payments.claim("k", holder="dead", now=NOW, lease_until=NOW + LEASE, expires_at=NOW + KEEP)
    desk.now += LEASE + 1
    with desk.claims.claim("k") as claim:
        assert isinstance(claim, Claim)
        assert (claim.payment.attempts, claim.payment.possibly_paid) == (2, 1)
    assert "PossiblyPaidCalls" in metrics.metric_set


def test_a_claim_that_was_taken_over_changes_nothing_when_it_is_given_back_late(desk: Desk) -> None:
    with desk.claims.claim("k"):
        desk.now += LEASE + 1
        with desk.claims.claim("k") as next_one:
            assert isinstance(next_one, Claim)
            inner = desk.payments.records["k"]
    assert inner.holder
    assert desk.payments.records["k"].attempts == 1
