"""One call and what comes of it: what is stored, counted, remembered, and what an error in between may cost."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from dropcut.core.message_result import Done, Wait
from dropcut.core.messages import Ended, PaidAnswer
from dropcut.core.payment import Payment
from dropcut.observability import metrics
from dropcut.use_cases.purchase import STORE_AGAIN_SECONDS

from tests.functions.pictures import cutout
from tests.functions.use_cases.shop import (
    BLAME,
    BROKEN_OFF,
    FILTERED,
    FUNCTION_SECONDS,
    NOT_TAKEN,
    PAUSE,
    STORE_SECONDS,
    WORK,
    Reply,
    Scripted,
    Shop,
    error,
    photos,
    success,
)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def counted(metric: str) -> float:
    return sum(metrics.metric_set.get(metric, {}).get("Value", []))


def others_go_well(shop: Shop) -> None:
    """A call for another picture succeeds meanwhile."""
    shop.records.health.went_well(shop.accounts.keys.current().fingerprint)


def denied() -> ConnectionError:
    return ConnectionError("S3 cannot be reached")


@pytest.mark.parametrize(
    ("reply", "code", "spent"),
    [
        (error(400, b'{"errors":["image: no"],"name":"bad_request"}'), "bad_request", 0),
        (error(403, b'{"errors":["no"],"name":"content_moderation"}'), "content_moderation", 0),
        (error(413, b""), "http_413", 0),
        (error(422, b'{"errors":["no"],"name":"public_figure"}'), "public_figure", 0),
        (FILTERED, "content_filtered", 2),
    ],
)
def test_a_refused_picture_ends_for_good(shop: Shop, reply: Reply, code: str, spent: float) -> None:
    shop.api.script = [reply]
    request = shop.request()
    assert shop.handle(request) == Done()
    end = shop.last_end()
    assert (end.kind, end.code, end.attempts, end.possibly_paid) == ("rejected", code, 1, int(spent > 0))
    assert shop.spent() == spent
    assert shop.payment(request).state(shop.now) == "refused"
    assert counted("PossiblyPaidCalls") == int(spent > 0)


@pytest.mark.parametrize("reason", ["success", "STOP", "LENGTH"])
def test_a_picture_with_an_odd_finish_reason_is_delivered_with_a_note(shop: Shop, reason: str) -> None:
    shop.api.script = [success(reason)]
    assert shop.handle(shop.request()) == Done()
    (answer,) = shop.outcomes()
    assert isinstance(answer, PaidAnswer)
    assert reason in answer.note


@pytest.mark.parametrize("lead", [b"\n", b"  ", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_a_paid_answer_is_not_lost_for_what_stands_before_its_json(shop: Shop, lead: bytes) -> None:
    shop.api.script = [replace(success(), body=lead + success().body)]
    assert shop.handle(shop.request()) == Done()
    assert isinstance(shop.outcomes()[0], PaidAnswer)


@pytest.mark.parametrize("reply", [error(500), error(503, b"<title>x</title>"), error(521), NOT_TAKEN])
def test_a_failure_that_cost_nothing_is_tried_until_the_attempts_are_used_up(shop: Shop, reply: Scripted) -> None:
    shop.api.script = [reply] * BLAME.max_attempts
    request = shop.request()
    waits = []
    for _attempt in range(BLAME.max_attempts - 1):
        waits.append(shop.handle(request))
        others_go_well(shop)
    assert [wait.seconds for wait in waits if isinstance(wait, Wait)] == [2.0, 4.0]
    assert shop.handle(request) == Done()
    end = shop.last_end()
    assert (end.kind, end.attempts, end.possibly_paid) == ("failed", 3, 0)
    ((body, reason),) = shop.records.dead_letters.dead
    assert (body, reason["code"], reason["attempts"]) == (request.to_json(), end.code, "3")
    assert (shop.spent(), shop.gate.is_closed) == (0, False)


def test_the_payment_says_how_many_calls_it_took(shop: Shop) -> None:
    request = shop.request()
    shop.api.script = [NOT_TAKEN]
    shop.handle(request)
    assert shop.handle(request) == Done()
    assert shop.records.payments.attempts_paid[request.payment_key] == 2


def test_a_photo_that_failed_starts_afresh_when_it_is_redriven(shop: Shop) -> None:
    shop.api.script = [error(500)] * (BLAME.max_attempts + 1)
    request = shop.request()
    for _attempt in range(BLAME.max_attempts):
        shop.handle(request)
        others_go_well(shop)
    shop.now += 60
    assert isinstance(shop.handle(request, redriven=True), Wait)
    assert shop.payment(request).attempts == 1
    assert shop.handle(request) == Done()
    assert isinstance(shop.outcomes()[-1], PaidAnswer)


@pytest.mark.parametrize(
    "reply", [BROKEN_OFF, error(504), error(400, b'{"error":"failed to get response"}'), error(202)]
)
def test_calls_that_may_have_been_charged_have_a_ceiling_of_their_own(shop: Shop, reply: Scripted) -> None:
    shop.api.script = [reply] * BLAME.max_possibly_paid
    request = shop.request()
    assert isinstance(shop.handle(request), Wait)
    assert shop.handle(request) == Done()
    assert (shop.last_end().kind, shop.last_end().attempts, shop.last_end().possibly_paid) == ("failed", 2, 2)
    assert (shop.spent(), counted("PossiblyPaidCalls")) == (4, 2)


def test_waiting_uses_up_no_attempt(shop: Shop) -> None:
    request = shop.request()
    for answer, rest in [(error(429, retry_after="1"), 5), (error(402), 2_000)]:
        shop.api.script = [answer]
        assert isinstance(shop.handle(request), Wait)
        shop.now += rest
    assert (len(shop.api.calls), shop.payment(request).attempts, shop.spent()) == (2, 0, 0)


def test_a_prepared_picture_that_is_gone_fails_without_a_call(shop: Shop) -> None:
    request = shop.request()
    del shop.records.s3.objects[WORK, request.picture.work_key]
    assert shop.handle(request) == Done()
    assert (shop.last_end().kind, shop.last_end().code) == ("failed", "prepared_gone")
    assert (shop.api.calls, shop.spent()) == ([], 0)
    assert shop.payment(request).state(shop.now) == "free"


def test_a_picture_gone_between_two_tries_does_not_hide_what_one_may_have_cost(shop: Shop) -> None:
    shop.api.script = [BROKEN_OFF]
    request = shop.request()
    shop.handle(request)
    del shop.records.s3.objects[WORK, request.picture.work_key]
    shop.handle(request)
    assert (shop.last_end().attempts, shop.last_end().possibly_paid) == (1, 1)


# An answer in hand that cannot be stored.


def test_an_answer_that_cannot_be_stored_closes_the_gate_and_is_tried_to_the_end(shop: Shop) -> None:
    request, begun = shop.request(), shop.now
    shop.objects.broken = denied()
    with pytest.raises(ConnectionError):
        shop.handle(request)
    assert (shop.gate.is_closed, shop.gate.code) == (True, "answer_not_stored")
    assert FUNCTION_SECONDS - STORE_SECONDS - 10 < shop.now - begun < FUNCTION_SECONDS
    assert (shop.payment(request).attempts, shop.payment(request).possibly_paid) == (0, 1)
    assert (shop.spent(), counted("PossiblyPaidCalls")) == (2, 1)


def test_an_answer_that_can_be_stored_after_all_is_not_lost(shop: Shop) -> None:
    request, sleep = shop.request(), shop._sleep
    shop.objects.broken = denied()

    def fixed(seconds: float) -> None:
        sleep(seconds)
        shop.objects.broken = None if seconds == STORE_AGAIN_SECONDS else shop.objects.broken

    object.__setattr__(shop.accounts, "sleep", fixed)
    assert shop.handle(request) == Done()
    assert isinstance(shop.outcomes()[0], PaidAnswer)
    assert (shop.gate.code, counted("PossiblyPaidCalls")) == ("answer_not_stored", 0)


def test_while_answers_cannot_be_stored_only_those_in_flight_are_paid_in_vain(shop: Shop) -> None:
    """30 pictures, the API well, the work bucket not writable: once 60 calls were charged, with the gate open."""
    requests = shop.requests(30)
    in_flight = shop.begin(*requests[:3])
    shop.objects.broken = denied()
    for request in requests[:3]:
        with suppress(ConnectionError):
            in_flight(request)
    for _hour in range(24):
        for request in requests:
            shop.handle(request)
        shop.now += 3600
    assert len(shop.api.calls) == 1
    shop.objects.broken = None
    shop.now += 3600
    assert shop.handle(requests[5]) == Done()
    assert shop.gate.is_opening


@pytest.mark.parametrize("trouble", [ZeroDivisionError("nobody thought of this"), MemoryError()])
def test_any_error_after_the_call_was_sent_is_possibly_paid_and_closes_the_gate(shop: Shop, trouble: Exception) -> None:
    request = shop.request()
    shop.api.script = [trouble]
    with pytest.raises(type(trouble)):
        shop.handle(request)
    assert (shop.payment(request).possibly_paid, shop.payment(request).attempts) == (1, 0)
    assert (shop.spent(), shop.gate.code) == (2, "answer_not_stored")


def test_an_error_before_the_call_costs_nothing_and_is_no_attempt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    request = shop.request()
    monkeypatch.setattr(shop.records.pace, "reserve", raising)
    with pytest.raises(ConnectionError):
        shop.handle(request)
    assert (shop.payment(request).attempts, shop.payment(request).possibly_paid, shop.spent()) == (0, 0, 0)
    assert (shop.payment(request).state(shop.now), shop.gate.is_closed) == ("free", False)


def test_a_refusal_that_was_not_remembered_leaves_the_picture_to_the_next_worker(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = shop.request()
    shop.api.script = [FILTERED]
    with monkeypatch.context() as broken, pytest.raises(ConnectionError):
        broken.setattr(shop.records.payments, "end", raising)
        shop.handle(request)
    assert (shop.payment(request).state(shop.now), shop.payment(request).possibly_paid) == ("free", 1)
    assert counted("PossiblyPaidCalls") == 1


def raising(*_arguments: object, **_more: object) -> Any:
    raise ConnectionError("it cannot be reached")


def test_an_unheard_end_of_a_call_that_may_be_charged_is_counted_all_the_same(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state table is away just when the trouble is to be written down."""
    request = shop.request()
    shop.api.script = [BROKEN_OFF]
    monkeypatch.setattr(shop.records.health, "trouble", raising)
    with pytest.raises(ConnectionError):
        shop.handle(request)
    assert (shop.payment(request).possibly_paid, counted("PossiblyPaidCalls")) == (1, 1)


# Workers that die.


def died(shop: Shop, *, stored: bool, paid_at: float | None = None) -> None:
    """A worker ended without a word during its call, or right after it stored the answer."""
    request = shop.request()
    shop.records.payments.claim(
        request.payment_key, holder="dead", now=shop.now, lease_until=shop.now + 205, expires_at=shop.now + 1e6
    )
    if stored:
        metadata = {"request-id": "r0", "credits": "2"} | ({"paid-at": f"{paid_at:.0f}"} if paid_at else {})
        key = f"paid/{request.payment_key}"
        shop.records.s3.put_object(Bucket=WORK, Key=key, Body=cutout(), Metadata=metadata)
    shop.now += 206


def test_the_stored_answer_of_a_worker_that_died_is_used(shop: Shop) -> None:
    died(shop, stored=True)
    assert shop.handle(shop.request()) == Done()
    (answer,) = shop.outcomes()
    assert isinstance(answer, PaidAnswer)
    assert (answer.request_id, answer.credits, shop.api.calls) == ("r0", 2.0, [])
    assert shop.handle(shop.request("b.jpg")) == Done()
    assert shop.api.calls == []


@pytest.mark.parametrize(("days_ago", "calls"), [(29, 0), (31, 1)])
def test_a_stored_answer_is_used_as_long_as_answers_are_kept(shop: Shop, days_ago: int, calls: int) -> None:
    """After that its file would be gone before the record that it were given now."""
    died(shop, stored=True, paid_at=shop.now - days_ago * 86_400)
    assert shop.handle(shop.request()) == Done()
    assert len(shop.api.calls) == calls


def test_an_answer_that_was_stored_but_not_recorded_is_not_paid_for_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = shop.request()
    with monkeypatch.context() as broken, pytest.raises(ConnectionError):
        broken.setattr(shop.records.payments, "pay", raising)
        shop.handle(request)
    shop.now += 300
    assert shop.handle(request) == Done()
    assert (len(shop.api.calls), shop.spent()) == (1, 2)


def test_an_answer_that_was_paid_for_and_not_handed_on_keeps_its_credits(shop: Shop) -> None:
    request = shop.request()
    shop.records.deliver_queue.refuses = ConnectionError("SQS is away")
    with pytest.raises(ConnectionError):
        shop.handle(request)
    shop.records.deliver_queue.refuses = None
    assert shop.handle(request) == Done()
    (answer,) = shop.outcomes()
    assert isinstance(answer, PaidAnswer)
    assert (answer.credits, len(shop.api.calls), shop.spent()) == (2.0, 1, 2)


def test_workers_that_die_again_and_again_do_not_pay_for_ever(shop: Shop) -> None:
    for _worker in range(BLAME.max_possibly_paid):
        died(shop, stored=False)
    assert shop.handle(shop.request()) == Done()
    end = shop.last_end()
    assert (end.kind, end.code, end.attempts, end.possibly_paid) == ("failed", "attempts_exhausted", 2, 2)
    assert shop.api.calls == []


# The end of a picture is remembered before it is published.


@pytest.mark.parametrize("refuses", ["dead_letters", "deliver_queue"])
def test_a_picture_whose_end_cannot_be_published_is_not_called_for_again(shop: Shop, refuses: str) -> None:
    """Once the attempts were forgotten first, and a dead-letter queue that could not be written lifted the ceiling."""
    shop.api.script = [BROKEN_OFF] * 100
    request = shop.request()
    getattr(shop.records, refuses).refuses = ConnectionError("SQS refuses")
    for receive in range(1, 101):
        with suppress(ConnectionError):
            shop.handle(request, receives=receive)
        shop.now += 1500
    assert len(shop.api.calls) == BLAME.max_possibly_paid
    getattr(shop.records, refuses).refuses = None
    assert shop.handle(request) == Done()
    assert (shop.last_end().code, shop.last_end().possibly_paid) == ("broken_off", 2)
    assert shop.records.dead_letters.dead[-1][1]["possibly_paid"] == "2"


def test_an_old_end_does_not_count_against_the_next_payment(shop: Shop) -> None:
    request = shop.request()
    shop.api.script = [error(500)]
    shop.handle(request)
    others_go_well(shop)
    shop.handle(request)
    record = shop.payment(request)
    assert record == Payment(
        answer=record.answer, job_id=request.upload.job_id, expires_at=record.expires_at, exists=True
    )


def test_a_poison_picture_fails_after_its_attempts_when_others_go_well(shop: Shop) -> None:
    """A lone kind of answer that looks like the account's: once it closed the gate again and again, for ever."""
    poison, *others = shop.requests(60)
    for reply in (error(403, b"<title>Cloudflare</title>"),):
        shop.api.always = {photos(1)[0]: reply}
        closings, tries = 0, 0
        while not any(isinstance(end, Ended) for end in shop.outcomes()):
            tries += 1
            shop.handle(poison)
            if shop.gate.is_closed:
                closings += 1
                shop.now = shop.gate.until
            shop.now += PAUSE
            assert shop.handle(others[tries]) == Done()
            shop.records.gate.opened()
        assert (closings, shop.last_end().kind, shop.last_end().code) == (1, "failed", "account_barred")
        assert tries == 1 + BLAME.max_attempts


def test_an_answer_that_quotes_the_key_of_its_call_gives_it_to_nobody(shop: Shop) -> None:
    """Whatever the key looks like."""
    key = "of.no/usual+look"
    shop.secrets.text = key
    shop.api.script = [error(400, json.dumps({"name": "bad_request", "message": f"no: {key}", "id": key}).encode())]
    assert shop.handle(shop.request()) == Done()
    ended = shop.last_end()
    assert (ended.reason, ended.request_id) == (
        "The API refused the picture: HTTP 400 bad_request: no: [redacted].",
        "[redacted]",
    )
