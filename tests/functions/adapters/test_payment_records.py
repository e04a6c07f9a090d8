"""One record for each picture: who may call the API for it, and what it came to, as `core/payment.py` says."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from dropcut.adapters.payment_records import PaymentRecords, payment_id, read_payment
from dropcut.adapters.state_table import StateTable
from dropcut.core.messages import Ended, PaidAnswer, Upload
from dropcut.core.payment import EVENTS, TABLE, Payment

from tests.functions.adapters.threads import at_once
from tests.functions.cloud import TABLE as TABLE_NAME
from tests.functions.records import ANSWER as PAID

NOW = 1_722_000_000.0
LEASE = 100.0
UPLOAD = Upload(bucket="in", key="shop/a b.jpg", sequencer="01")
KEEP = 30 * 86_400.0
ANSWER = replace(
    PAID, work_key="paid/abc.png", picture_sha256="abc", request_id="r1", note="The API called this result 'ERROR'."
)
REFUSED = Ended(kind="rejected", code="bad_request", reason="No.", attempts=1, request_id="r2")
FAILED = Ended(kind="failed", code="broken_off", reason="It broke off.", attempts=5, possibly_paid=3)


@dataclass(frozen=True)
class Picture:
    """One picture's record: what its workers do to it, and what then stands in it."""

    table: StateTable
    payments: PaymentRecords
    key: str = "abc.png"

    @property
    def item_id(self) -> str:
        return payment_id(self.key)

    def record(self) -> Payment:
        return read_payment(self.table.get(self.item_id))

    def claim(self, holder: str = "first", *, now: float = NOW, redriven_at: float = 0.0) -> Payment:
        return self.payments.claim(
            self.key, holder=holder, now=now, lease_until=now + LEASE, expires_at=now + KEEP, redriven_at=redriven_at
        )

    def action(self, holder: str, *, now: float = NOW, redriven_at: float = 0.0) -> str:
        """What the claim of this holder comes to."""
        before = self.claim(holder, now=now, redriven_at=redriven_at)
        return before.transition("redriven claim" if redriven_at > before.ended_at else "claim", now).action

    def release(self, holder: str = "first", payment: Payment | None = None) -> None:
        self.payments.release(self.key, holder=holder, payment=payment or replace(self.record(), attempts=0))

    def pay(self, answer: PaidAnswer = ANSWER, *, now: float = NOW) -> None:
        self.payments.pay(self.key, answer, upload=UPLOAD, payment=self.record(), expires_at=now + KEEP)

    def end(self, ended: Ended, holder: str = "first", *, now: float = NOW) -> None:
        self.payments.end(self.key, ended, job_id=UPLOAD.job_id, holder=holder, now=now, expires_at=now + KEEP)


@pytest.fixture
def picture(table: StateTable) -> Picture:
    return Picture(table, PaymentRecords(table=table))


# Every cell of the table, carried out.

LATER = NOW + LEASE + 1
AFTER_ALL = NOW + KEEP + LEASE + 2


def claimed(picture: Picture) -> None:
    picture.claim()


def given_back(picture: Picture) -> None:
    picture.claim()
    picture.release()


def paid(picture: Picture) -> None:
    picture.claim()
    picture.pay()


def refused(picture: Picture) -> None:
    picture.claim()
    picture.end(REFUSED)


def failed(picture: Picture) -> None:
    picture.claim()
    picture.end(FAILED)


WAYS: list[tuple[str, str, Callable[[Picture], None], float]] = [
    ("free", "never met", lambda _: None, NOW + 1),
    ("free", "given back", given_back, NOW + 1),
    ("free", "paid long ago", paid, AFTER_ALL),
    ("free", "refused long ago", refused, AFTER_ALL),
    ("free", "failed long ago", failed, AFTER_ALL),
    ("claimed", "claimed", claimed, NOW + LEASE),
    ("abandoned", "its holder is gone", claimed, LATER),
    ("paid", "paid", paid, NOW + 1),
    ("paid", "paid, the last moment", paid, NOW + KEEP),
    ("refused", "refused", refused, NOW + 1),
    ("failed", "failed", failed, NOW + 1),
]
"""For each state the ways into it, and the time at which the record is in it."""


def happen(event: str, picture: Picture, now: float) -> None:
    """Carry an event out; `first` is the holder of the lease, if anybody is."""
    match event:
        case "claim":
            picture.claim("second", now=now)
        case "redriven claim":
            picture.claim("second", now=now, redriven_at=now)
        case "release":
            picture.release("first")
        case "pay":
            picture.pay(now=now)
        case "refuse":
            picture.end(REFUSED, now=now)
        case "fail":
            picture.end(FAILED, now=now)
        case "answer gone":
            picture.payments.forget_answer(picture.key, ANSWER)
        case _:
            raise AssertionError(f"{event} is not carried out")


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(("state", "come_there", "now"), [way[:1] + way[2:] for way in WAYS], ids=[w[1] for w in WAYS])
def test_each_cell_of_the_table_is_what_happens(
    picture: Picture, state: str, come_there: Callable[[Picture], None], now: float, event: str
) -> None:
    come_there(picture)
    assert picture.record().state(now) == state
    happen(event, picture, now)
    assert picture.record().state(now) == TABLE[state][event].next


def test_every_state_was_come_to() -> None:
    assert {way[0] for way in WAYS} == set(TABLE)


@pytest.mark.parametrize("redriven", [False, True])
@pytest.mark.parametrize(("state", "come_there", "now"), [way[:1] + way[2:] for way in WAYS], ids=[w[1] for w in WAYS])
def test_a_claim_is_answered_as_the_table_says(
    picture: Picture, state: str, come_there: Callable[[Picture], None], now: float, redriven: bool
) -> None:
    come_there(picture)
    event = "redriven claim" if redriven else "claim"
    assert picture.action("second", now=now, redriven_at=now if redriven else 0.0) == TABLE[state][event].action


# What a claim finds.


def test_the_first_to_claim_a_picture_meets_nobody_and_holds_it_then(picture: Picture) -> None:
    assert picture.claim() == Payment()
    assert picture.record() == Payment(
        attempts=1, holder="first", lease_until=NOW + LEASE, expires_at=NOW + KEEP, exists=True
    )


def test_other_pictures_and_other_formats_are_other_payments(picture: Picture) -> None:
    picture.claim()
    for key in ("abc.webp", "def.png"):
        other = picture.payments.claim(key, holder="h", now=NOW, lease_until=NOW + LEASE, expires_at=NOW + KEEP)
        assert other == Payment()


@pytest.mark.parametrize("answer", [ANSWER, replace(ANSWER, request_id=None, note="")], ids=["all", "the least"])
def test_a_payment_serves_everybody_after_it_with_all_that_is_known(picture: Picture, answer: PaidAnswer) -> None:
    picture.claim()
    picture.pay(answer)
    found = picture.claim("second", now=NOW + KEEP)
    assert (found.answer, found.job_id, found.lease_until) == (answer, UPLOAD.job_id, 0)


@pytest.mark.parametrize("ended", [REFUSED, FAILED], ids=["refused", "failed"])
def test_a_remembered_end_is_found_by_copies_with_all_that_is_known(picture: Picture, ended: Ended) -> None:
    picture.claim()
    picture.end(ended)
    found = picture.claim("second", now=NOW + KEEP)
    assert (found.ended, found.job_id, found.ended_at) == (ended, UPLOAD.job_id, NOW)


@pytest.mark.parametrize(("asked_at", "action"), [(NOW - 1, "repeat"), (NOW, "repeat"), (NOW + 0.001, "buy")])
def test_only_a_redrive_after_the_end_clears_it(picture: Picture, asked_at: float, action: str) -> None:
    picture.claim()
    picture.end(FAILED)
    assert picture.action("second", now=NOW + 5, redriven_at=asked_at) == action
    assert picture.record().holder == ("second" if action == "buy" else "")


def test_a_redrive_does_not_pay_again_for_what_is_paid(picture: Picture) -> None:
    picture.claim()
    picture.pay()
    assert picture.action("second", now=NOW + 5, redriven_at=NOW + 5) == "reuse"


def test_after_an_end_or_a_payment_the_attempts_start_afresh(picture: Picture) -> None:
    spent = Payment(attempts=4, possibly_paid=2, trouble_since=NOW - 9, probes=3)
    for settle in (lambda: picture.end(FAILED), picture.pay):
        picture.claim("first", now=NOW, redriven_at=NOW + 1)
        picture.release(payment=spent)
        picture.claim("first", now=NOW, redriven_at=NOW + 1)
        settle()
        record = picture.record()
        assert (record.attempts, record.possibly_paid, record.trouble_since, record.probes) == (0, 0, 0, 0)


def test_a_payment_keeps_how_many_calls_it_took(picture: Picture) -> None:
    picture.claim()
    picture.release(payment=Payment(attempts=1, possibly_paid=1))
    picture.claim("second")
    picture.pay()
    item = picture.table.get(picture.item_id) or {}
    assert (item["end_attempts"], item["end_possibly_paid"]) == (2, 1)


def test_a_payment_forgets_the_end_that_it_overtakes_and_an_end_the_answer(picture: Picture) -> None:
    picture.claim()
    picture.end(FAILED)
    picture.pay()
    assert (picture.record().ended, picture.record().answer) == (None, ANSWER)
    picture.claim("second", now=AFTER_ALL)
    picture.end(REFUSED, "second", now=AFTER_ALL)
    assert (picture.record().ended, picture.record().answer) == (REFUSED, None)


def test_what_was_paid_for_and_is_gone_is_paid_for_again(picture: Picture) -> None:
    picture.claim()
    picture.pay()
    picture.payments.forget_answer(picture.key, ANSWER)
    assert picture.action("second") == "buy"


@pytest.mark.parametrize("request_id", ["r2", None])
def test_an_answer_that_was_paid_for_since_is_not_forgotten(picture: Picture, request_id: str | None) -> None:
    picture.claim()
    picture.pay(replace(ANSWER, request_id=request_id))
    picture.payments.forget_answer(picture.key, ANSWER)
    assert picture.action("second") == "reuse"


def test_the_attempts_of_an_expired_record_are_not_counted_twice(picture: Picture) -> None:
    picture.claim()
    picture.pay()
    picture.claim("second", now=AFTER_ALL)
    assert picture.record() == Payment(
        attempts=1,
        holder="second",
        lease_until=AFTER_ALL + LEASE,
        job_id=UPLOAD.job_id,
        expires_at=AFTER_ALL + KEEP,
        exists=True,
    )


def test_a_picture_that_is_given_back_keeps_what_its_holder_says(picture: Picture) -> None:
    said = Payment(attempts=2, possibly_paid=1, trouble_since=NOW - 5, probes=3)
    picture.claim()
    picture.release(payment=said)
    assert picture.claim("second") == replace(said, expires_at=NOW + KEEP, exists=True)
    assert picture.record().attempts == 3


@pytest.mark.parametrize("come_there", [given_back, paid, refused, failed])
def test_every_record_that_rests_expires_by_itself(picture: Picture, come_there: Callable[[Picture], None]) -> None:
    come_there(picture)
    item = picture.table.get(picture.item_id) or {}
    assert item["expires_at"] == NOW + KEEP
    assert {"lease_until", "claimed_by"}.isdisjoint(item)


def test_a_record_does_not_expire_while_its_lease_runs(picture: Picture) -> None:
    given_back(picture)
    picture.claim("second", now=NOW + KEEP - 1)
    assert picture.record().expires_at == NOW + KEEP - 1 + KEEP


# Workers that are slow, or die.


@pytest.mark.parametrize("late", [lambda p: p.release(), lambda p: p.end(REFUSED), lambda p: p.end(FAILED)])
def test_a_holder_that_comes_late_changes_nothing_of_the_next_holders(
    picture: Picture, late: Callable[[Picture], None]
) -> None:
    picture.claim()
    picture.claim("second", now=LATER)
    before = picture.table.get(picture.item_id)
    late(picture)
    assert picture.table.get(picture.item_id) == before


@pytest.mark.parametrize("late", [lambda p: p.release(), lambda p: p.end(REFUSED), lambda p: p.end(FAILED)])
@pytest.mark.parametrize("settle", [lambda p: p.pay(), lambda p: p.end(FAILED, "second")], ids=["paid", "failed"])
def test_a_holder_that_comes_late_changes_nothing_of_what_the_next_one_settled(
    picture: Picture, settle: Callable[[Picture], None], late: Callable[[Picture], None]
) -> None:
    picture.claim()
    picture.claim("second", now=LATER)
    settle(picture)
    before = picture.table.get(picture.item_id)
    late(picture)
    assert picture.table.get(picture.item_id) == before


def test_an_answer_that_is_stored_late_is_paid_for_all_the_same(picture: Picture) -> None:
    picture.claim()
    picture.claim("second", now=LATER)
    picture.pay()
    assert picture.record().state(LATER) == "paid"
    assert picture.action("third", now=LATER) == "reuse"


def test_each_worker_that_died_may_have_paid(picture: Picture) -> None:
    picture.claim("0")
    for died in range(1, 4):
        now = NOW + died * (LEASE + 1)
        assert picture.action(str(died), now=now) == "buy again"
        record = picture.record()
        assert (record.attempts, record.possibly_paid, record.holder) == (died + 1, died, str(died))


def test_a_death_is_counted_once_however_often_the_picture_is_asked_for(picture: Picture) -> None:
    picture.claim()
    assert [picture.action(holder, now=LATER) for holder in ("second", "third", "fourth")] == [
        "buy again",
        "wait",
        "wait",
    ]
    assert picture.record().possibly_paid == 1


def test_of_twenty_claims_at_once_exactly_one_wins(picture: Picture) -> None:
    holders = iter([str(number) for number in range(20)])
    results = at_once(20, lambda: picture.action(next(holders)))
    assert (results.count("buy"), results.count("wait")) == (1, 19)
    assert picture.record().attempts == 1


def test_of_twenty_claims_after_a_death_exactly_one_takes_over(picture: Picture) -> None:
    picture.claim()
    holders = iter([str(number) for number in range(20)])
    results = at_once(20, lambda: picture.action(next(holders), now=LATER))
    assert (results.count("buy again"), results.count("wait")) == (1, 19)
    assert (picture.record().attempts, picture.record().possibly_paid) == (2, 1)


# Answers of DynamoDB that get lost: botocore asks again, and meets what it did itself.


class LosesAnswers:
    """A client of DynamoDB that does each update twice, and gives the second answer: the first one was lost."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def update_item(self, **request: Any) -> Any:
        with suppress(ClientError):  # refused: that answer is lost as well
            self._client.update_item(**request)
        return self._client.update_item(**request)


@pytest.fixture
def unlucky(dynamodb: Any, picture: Picture) -> Picture:
    """The same picture, as a worker sees it whose answers get lost."""
    return replace(picture, payments=PaymentRecords(table=StateTable(LosesAnswers(dynamodb), TABLE_NAME)))  # type: ignore[arg-type]


def test_a_lost_answer_to_a_claim_does_not_lock_its_own_worker_out(unlucky: Picture) -> None:
    assert unlucky.action("first") == "buy"
    assert unlucky.action("second") == "wait"
    record = unlucky.record()
    assert (record.attempts, record.possibly_paid, record.holder) == (1, 0, "first")


def test_a_claim_whose_answer_was_lost_finds_the_attempts_of_before(unlucky: Picture, picture: Picture) -> None:
    picture.claim()
    picture.release(payment=Payment(attempts=2, possibly_paid=1, trouble_since=5, probes=1))
    found = unlucky.claim("second")
    assert (found.attempts, found.possibly_paid, found.trouble_since, found.probes) == (2, 1, 5, 1)
    assert found.exists


def test_a_take_over_whose_answer_was_lost_is_one_all_the_same(unlucky: Picture, picture: Picture) -> None:
    """The worker is not locked out by itself, and the dead one's call is counted (in the metrics, too) as it should."""
    picture.claim()
    found = unlucky.claim("second", now=LATER)
    assert found.transition("claim", LATER).action == "buy again"
    assert (found.attempts, found.possibly_paid) == (1, 0), "as the dead worker left it"
    record = unlucky.record()
    assert (record.attempts, record.possibly_paid, record.holder) == (2, 1, "second")


@pytest.mark.parametrize(
    "settle", [lambda p: p.pay(), lambda p: p.end(FAILED), lambda p: p.release()], ids=["paid", "failed", "given back"]
)
def test_a_lost_answer_to_any_other_change_does_nothing_twice(
    unlucky: Picture, picture: Picture, settle: Callable[[Picture], None]
) -> None:
    other = replace(picture, key="def.png")
    for each in (unlucky, other):
        each.claim()
        settle(each)
    assert unlucky.record() == other.record()


# Items that the version before wrote.


def test_a_payment_of_the_version_before_is_read(picture: Picture) -> None:
    values = {
        "work_key": "paid/abc.png",
        "picture_sha256": "abc",
        "answer_format": "png",
        "width": 80,
        "height": 64,
        "credits": 2.0,
        "request_id": "r1",
        "provider": "ezlink",
        "job_id": UPLOAD.job_id,
        "paid_at": NOW,
        "expires_at": NOW + KEEP,
    }
    picture.table.update(picture.item_id, "SET " + ", ".join(f"{name} = :{name}" for name in values), values)
    found = picture.claim()
    assert (found.state(NOW), found.answer, found.job_id) == ("paid", replace(ANSWER, note=""), UPLOAD.job_id)


def test_attempts_that_the_version_before_counted_go_on_being_counted(picture: Picture) -> None:
    values: dict[str, float] = {"attempts": 2, "possibly_paid": 1, "expires_at": NOW + KEEP}
    picture.table.update(picture.item_id, "SET " + ", ".join(f"{name} = :{name}" for name in values), values)
    assert picture.claim() == Payment(attempts=2, possibly_paid=1, expires_at=NOW + KEEP, exists=True)
    assert picture.record().attempts == 3


@pytest.mark.parametrize(("now", "action"), [(NOW + LEASE, "wait"), (LATER, "buy again")])
def test_a_worker_of_the_version_before_keeps_its_lease_although_it_has_no_name(
    picture: Picture, now: float, action: str
) -> None:
    values: dict[str, float] = {"attempts": 1, "lease_until": NOW + LEASE, "expires_at": NOW + KEEP}
    picture.table.update(picture.item_id, "SET " + ", ".join(f"{name} = :{name}" for name in values), values)
    assert picture.action("second", now=now) == action
    assert picture.record().possibly_paid == (action == "buy again")
