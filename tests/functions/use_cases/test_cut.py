"""The stage that spends money, call by call: what is paid, what is counted, who waits, and who is told."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from dropcut.adapters.api_key import ApiKey
from dropcut.core.messages import Ended, MalformedMessageError, PaidAnswer
from dropcut.core.message_result import Done, Message, Postpone, SetAside
from dropcut.core.decision import Reply
from dropcut.core.pace import AHEAD_SECONDS

from tests.functions.cloud import INPUT, WORK, Cloud
from tests.functions.pictures import cutout, picture
from tests.functions.use_cases.shop import (
    BROKEN_OFF,
    FINGERPRINT,
    INTERVAL_SECONDS,
    NOT_TAKEN,
    NOW,
    RULES,
    Scripted,
    Shop,
    error,
    success,
)

OTHER_PHOTO = picture("jpeg", quality=40)
MIDNIGHT = NOW + 12 * 3600


@pytest.fixture
def shop(cloud: Cloud) -> Shop:
    return Shop(cloud)


def test_a_picture_is_paid_for_stored_and_handed_on(shop: Shop) -> None:
    request = shop.request()
    assert shop.handle(request) == Done()
    (answer,) = shop.handed_on()
    assert answer == PaidAnswer(
        work_key=f"paid/{request.picture.sha256}.png",
        picture_sha256=request.picture.sha256,
        format="png",
        width=80,
        height=64,
        credits=2.0,
        request_id="r1",
        provider="ezlink",
    )
    assert shop.cloud.read(WORK, answer.work_key) == cutout()
    metadata = {"request-id": "r1", "credits": "2", "paid-at": f"{NOW:.0f}"}
    assert shop.cloud.metadata(answer.work_key, WORK) == metadata
    assert (shop.spent(), shop.spent_in_all()) == (2, 2)
    assert [(key, sent) for key, _time, sent in shop.api.calls] == [("key-1", picture("jpeg"))]
    assert "lease_until" not in shop.payment(request)


def test_a_picture_under_two_names_is_paid_for_once(shop: Shop) -> None:
    assert shop.handle(shop.request("a.jpg")) == Done()
    assert shop.handle(shop.request("b.jpg")) == Done()
    first, second = shop.handed_on()
    assert isinstance(first, PaidAnswer)
    assert second == replace(first, credits=0.0)
    assert (len(shop.api.calls), shop.spent(), shop.spent_in_all()) == (1, 2, 2)


def test_a_message_that_comes_twice_is_paid_for_once(shop: Shop) -> None:
    request = shop.request()
    shop.handle(request)
    assert shop.handle(request) == Done()
    assert (len(shop.api.calls), len(shop.handed_on())) == (1, 2)


def test_what_was_paid_for_and_could_not_be_handed_on_is_not_paid_for_again_keeps_its_credits_and_is_added_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = shop.request()

    def away(_body: str) -> None:
        raise ConnectionError("SQS is away")

    with monkeypatch.context() as broken:
        broken.setattr(shop.cut.deliver_queue, "send", away)
        with pytest.raises(ConnectionError):
            shop.handle(request)
    assert shop.spent_in_all() == 2
    assert shop.handle(request) == Done()
    (answer,) = shop.handed_on()
    assert isinstance(answer, PaidAnswer)
    assert (answer.credits, len(shop.api.calls), shop.spent(), shop.spent_in_all()) == (2.0, 1, 2, 2)


def test_an_answer_that_is_not_kept_any_more_is_paid_for_again(shop: Shop) -> None:
    """As after `keep_results_days` was lowered, or the work bucket was emptied by hand."""
    shop.handle(shop.request("a.jpg"))
    (first,) = shop.handed_on()
    assert isinstance(first, PaidAnswer)
    shop.cloud.clients.s3.delete_object(Bucket=WORK, Key=first.work_key)
    request = shop.request("b.jpg")
    assert isinstance(shop.handle(request), Postpone)
    assert shop.handle(request) == Done()
    assert shop.handed_on()[1:] == [first]
    assert (len(shop.api.calls), shop.cloud.read(WORK, first.work_key)) == (2, cutout())


def test_a_picture_being_paid_for_right_now_is_waited_for(shop: Shop) -> None:
    request = shop.request()
    shop.cut.payments.claim(f"{request.picture.sha256}.png", now=NOW, lease_seconds=100)
    waits = []
    for shop.now in (NOW, NOW + 98, NOW + 99.9):
        result = shop.handle(request)
        assert isinstance(result, Postpone)
        waits.append(round(result.seconds, 3))
    assert waits == [5, 2, 1]
    assert (shop.api.calls, shop.spent()) == ([], 0)


def test_the_same_picture_ten_times_in_one_batch_is_paid_for_once(shop: Shop) -> None:
    requests = [shop.request(f"{number}.jpg") for number in range(10)]
    round_ = shop.cut.begin_round(10)
    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(lambda request: shop.handle(request, round_=round_), requests))
    assert len(shop.api.calls) == 1
    assert results.count(Done()) == len(shop.handed_on()) >= 1
    assert all(isinstance(result, Done | Postpone) for result in results)


def test_a_superseded_upload_is_not_paid_for(shop: Shop) -> None:
    request = shop.request(sequencer="02")
    shop.request(sequencer="03")
    assert shop.handle(request) == Done()
    (end,) = shop.handed_on()
    assert isinstance(end, Ended)
    assert (end.kind, end.code) == ("skipped", "superseded")
    assert shop.api.calls == []


def test_what_is_no_request_is_malformed(shop: Shop) -> None:
    with pytest.raises(MalformedMessageError):
        shop.cut.begin_round(1)(Message(body="{}", receive_count=1, sent_at_seconds=NOW))


def test_a_prepared_picture_that_is_gone_fails_without_a_call(shop: Shop) -> None:
    request = shop.request()
    shop.cloud.clients.s3.delete_object(Bucket=WORK, Key=request.picture.work_key)
    result = shop.handle(request)
    assert isinstance(result, SetAside)
    assert result.details["code"] == "prepared_gone"
    assert shop.handed_on() == [Ended(kind="failed", code="prepared_gone", reason=result.reason)]
    assert (shop.api.calls, shop.spent()) == ([], 0)
    assert "lease_until" not in shop.payment(request)


def test_a_prepared_picture_that_goes_between_two_tries_does_not_hide_what_the_first_may_have_cost(shop: Shop) -> None:
    shop.api.script = [BROKEN_OFF]
    request = shop.request()
    shop.handle(request)
    shop.cloud.clients.s3.delete_object(Bucket=WORK, Key=request.picture.work_key)
    result = shop.handle(request)
    assert isinstance(result, SetAside)
    assert (result.details["attempts"], result.details["possibly_paid"]) == ("1", "1")


# What each answer of the API comes to.


@pytest.mark.parametrize(
    ("reply", "code", "spent"),
    [
        (error(400, b'{"errors":["image: no"],"name":"bad_request"}'), "bad_request", 0),
        (error(403, b'{"errors":["no"],"name":"content_moderation"}'), "content_moderation", 0),
        (error(413, b""), "http_413", 0),
        (error(422, b'{"errors":["no"],"name":"public_figure"}'), "public_figure", 0),
        (replace(success(), body=success().body.replace(b"SUCCESS", b"CONTENT_FILTERED")), "content_filtered", 2),
    ],
)
def test_a_refused_picture_ends_for_good(shop: Shop, reply: Reply, code: str, spent: float) -> None:
    shop.api.script = [reply]
    assert shop.handle(shop.request()) == Done()
    (end,) = shop.handed_on()
    assert isinstance(end, Ended)
    assert (end.kind, end.code) == ("rejected", code)
    assert (shop.spent(), shop.spent_in_all()) == (spent, 0)
    assert shop.standing == "open"


def test_a_picture_refused_under_many_names_is_rejected_each_time(shop: Shop) -> None:
    shop.api.script = [error(400)] * 6
    for number in range(6):
        assert shop.handle(shop.request(f"{number}.jpg")) == Done()
        shop.now += 10
    assert {end.kind for end in shop.handed_on() if isinstance(end, Ended)} == {"rejected"}


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [(error(429), 60), (error(429, retry_after="7"), 7), (error(429, retry_after="0"), 0)],
)
def test_a_lock_out_holds_everyone_and_is_nobodys_attempt(shop: Shop, reply: Reply, seconds: float) -> None:
    shop.api.script = [reply]
    request = shop.request()
    result = shop.handle(request)
    assert isinstance(result, Postpone)
    assert result.seconds == seconds + 0.5
    assert shop.payment(request)["attempts"] == 0
    assert shop.spent() == 0
    assert shop.standing == "open"
    if seconds:
        other = shop.handle(shop.request("b.jpg", photo=OTHER_PHOTO))
        assert isinstance(other, Postpone)
        assert other.seconds == pytest.approx(seconds + 0.5)
        assert len(shop.api.calls) == 1


def test_a_lock_out_holds_the_others_of_its_batch_as_well(shop: Shop) -> None:
    shop.api.script = [error(429)]
    round_ = shop.cut.begin_round(3)
    requests = [shop.request(f"{number}.jpg", photo=picture("jpeg", quality=50 + number)) for number in range(3)]
    results = [shop.handle(request, round_=round_) for request in requests]
    waits = [NOW + 60.5 - shop.now for _ in requests]
    for result, request in zip(results, requests, strict=True):
        assert isinstance(result, Postpone)
        assert "locked this key out" in result.why
        assert shop.payment(request)["attempts"] == 0
    assert [result.seconds for result in results if isinstance(result, Postpone)][-1] == pytest.approx(waits[-1])
    assert (len(shop.api.calls), shop.spent()) == (1, 0)


def test_a_short_lock_out_told_late_does_not_end_a_longer_one(shop: Shop) -> None:
    round_ = shop.cut.begin_round(3)
    shop.api.script = [error(429, retry_after="1")]
    other = shop.request("other.jpg", photo=OTHER_PHOTO)

    def meanwhile() -> None:
        shop.api.meanwhile = lambda: None
        shop.api.script.insert(0, error(429))
        shop.handle(other, round_=round_)

    shop.api.meanwhile = meanwhile
    shop.handle(shop.request(), round_=round_)
    result = shop.handle(shop.request("third.jpg", photo=picture("jpeg", quality=30)), round_=round_)
    assert isinstance(result, Postpone)
    assert shop.now + result.seconds >= NOW + 60
    assert len(shop.api.calls) == 2


# Real attempts.


def others_go_well(shop: Shop) -> None:
    """Calls for other pictures succeed meanwhile: the API is not down."""
    shop.cut.failures.ended()


def _last_id(set_aside: SetAside) -> str | None:
    return set_aside.details["request_id"] if set_aside.details["request_id"] != "none" else None


@pytest.mark.parametrize("reply", [error(500), error(503, b"<title>x</title>"), error(521), NOT_TAKEN])
def test_a_failure_that_cost_nothing_is_tried_again_until_the_attempts_are_used_up(shop: Shop, reply: Scripted) -> None:
    shop.api.script = [reply] * 3
    request = shop.request()
    waits = [shop.handle(request), shop.handle(request)]
    assert [wait.seconds for wait in waits if isinstance(wait, Postpone)] == [2.0, 4.0]
    shop.now += 10
    others_go_well(shop)
    last = shop.handle(request)
    assert isinstance(last, SetAside)
    assert (last.details["attempts"], last.details["possibly_paid"]) == ("3", "0")
    (end,) = shop.handed_on()
    assert isinstance(end, Ended)
    assert (end.kind, end.code) == ("failed", last.details["code"])
    assert (end.attempts, end.possibly_paid, end.request_id) == (3, 0, _last_id(last))
    assert shop.spent() == 0
    assert shop.standing == "open"


def test_a_photo_that_failed_can_be_sent_again_and_starts_afresh(shop: Shop) -> None:
    shop.api.script = [error(500)] * 4
    request = shop.request()
    results = []
    for _ in range(4):
        results.append(shop.handle(request))
        others_go_well(shop)
    assert [type(result) for result in results] == [Postpone, Postpone, SetAside, Postpone]
    assert shop.handle(request) == Done()


@pytest.mark.parametrize("reply", [BROKEN_OFF, error(504), error(400, b'{"error":"failed to get response"}')])
def test_calls_that_may_have_been_charged_have_a_ceiling_of_their_own(shop: Shop, reply: Scripted) -> None:
    shop.api.script = [reply] * 2
    request = shop.request()
    assert isinstance(shop.handle(request), Postpone)
    last = shop.handle(request)
    assert isinstance(last, SetAside)
    assert (last.details["attempts"], last.details["possibly_paid"]) == ("2", "2")
    assert shop.spent() == 4
    (end,) = shop.handed_on()
    assert isinstance(end, Ended)
    assert (end.attempts, end.possibly_paid) == (2, 2)


def test_waiting_uses_up_no_attempt(shop: Shop) -> None:
    request = shop.request()
    for _ in range(5):
        shop.api.script = [error(429, retry_after="1")]
        shop.handle(request)
        shop.now += 5
    for _ in range(5):
        shop.api.script = [error(402)]
        shop.handle(request)
        shop.now += 2_000
    assert len(shop.api.calls) == 10
    assert shop.payment(request)["attempts"] == 0
    assert shop.handle(request) == Done()
    assert shop.spent_in_all() == 2


# Crashes.


def test_an_error_between_the_call_and_its_storing_counts_as_possibly_paid(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = shop.request()

    def broken(*_arguments: object, **_more: object) -> None:
        raise ConnectionError("S3 cannot be reached")

    with monkeypatch.context() as patched, pytest.raises(ConnectionError):
        patched.setattr(shop.cut.objects, "write", broken)
        shop.handle(request)
    assert (shop.payment(request)["attempts"], shop.payment(request)["possibly_paid"]) == (1, 1)
    assert shop.spent() == 2
    assert shop.handle(request) == Done()
    assert (len(shop.api.calls), shop.spent()) == (2, 4)


def test_an_error_before_the_call_costs_nothing_and_is_no_attempt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    request = shop.request()

    def broken(*_arguments: object) -> bytes:
        raise ConnectionError("S3 cannot be reached")

    with monkeypatch.context() as patched, pytest.raises(ConnectionError):
        patched.setattr(shop.cut.objects, "read", broken)
        shop.handle(request)
    assert (shop.payment(request)["attempts"], shop.payment(request)["possibly_paid"]) == (0, 0)
    assert shop.spent() == 0


def test_an_error_of_the_client_itself_counts_as_possibly_paid(shop: Shop) -> None:
    request = shop.request()
    shop.api.script = [ZeroDivisionError("nobody thought of this")]
    with pytest.raises(ZeroDivisionError):
        shop.handle(request)
    assert shop.payment(request)["possibly_paid"] == 1
    assert shop.spent() == 2


def died(shop: Shop, *, stored: bool) -> None:
    """A worker ended without a word during its call, or right after it stored the answer."""
    request = shop.request()
    shop.cut.payments.claim(f"{request.picture.sha256}.png", now=shop.now, lease_seconds=100)
    if stored:
        metadata = {"request-id": "r0", "credits": "2"}
        shop.cloud.put(f"paid/{request.picture.sha256}.png", cutout(), bucket=WORK, Metadata=metadata)
    shop.now += 101


def test_the_stored_answer_of_a_worker_that_died_is_used(shop: Shop) -> None:
    died(shop, stored=True)
    assert shop.handle(shop.request()) == Done()
    (answer,) = shop.handed_on()
    assert isinstance(answer, PaidAnswer)
    assert (answer.request_id, answer.credits, shop.spent_in_all()) == ("r0", 2.0, 2)
    assert shop.api.calls == []
    assert shop.handle(shop.request("b.jpg")) == Done()
    assert shop.api.calls == []


@pytest.mark.parametrize(("days_ago", "calls"), [(29, 0), (31, 1)])
def test_a_stored_answer_is_used_as_long_as_answers_are_kept(shop: Shop, days_ago: int, calls: int) -> None:
    """After that its file would be gone before the record that it were given now."""
    request = shop.request()
    metadata = {"request-id": "r0", "credits": "2", "paid-at": f"{shop.now - days_ago * 86_400:.0f}"}
    shop.cloud.put(f"paid/{request.picture.sha256}.png", cutout(), bucket=WORK, Metadata=metadata)
    shop.cut.payments.claim(f"{request.picture.sha256}.png", now=shop.now, lease_seconds=100)
    shop.now += 101
    assert shop.handle(request) == Done()
    assert len(shop.api.calls) == calls


def test_a_message_that_comes_again_after_the_photos_end_calls_nobody(shop: Shop) -> None:
    shop.api.script = [filtered()]
    request = shop.request()
    assert shop.handle(request) == Done()
    (end,) = shop.handed_on()
    assert isinstance(end, Ended)
    shop.cut.jobs.ended(request.upload, end, now=shop.now)
    assert shop.handle(request) == Done()
    assert (len(shop.api.calls), len(shop.handed_on())) == (1, 1)


@pytest.mark.parametrize("attempts", [1, RULES.max_attempts])
def test_the_claim_is_given_up_only_after_the_photos_end_went_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    """Whoever dies in between has announced the end: the message that comes back finds that, and does not call."""
    shop.api.script = [filtered()] if attempts == 1 else [error(500)] * attempts
    request = shop.request()
    for _ in range(attempts - 1):
        shop.handle(request)
    with monkeypatch.context() as patched, pytest.raises(ConnectionError):
        patched.setattr(shop.cut.payments.table, "update", _breaks_at_giving_up(shop.cut.payments.table.update))
        shop.handle(request)
    assert len(shop.handed_on()) == 1


def _breaks_at_giving_up(update: Callable[..., Any]) -> Callable[..., Any]:
    def broken_update(item: str, change: str, *rest: Any, **more: Any) -> Any:
        if "attempts = :zero" in change:
            raise ConnectionError
        return update(item, change, *rest, **more)

    return broken_update


def filtered() -> Reply:
    body = json.dumps({"image": "", "finish_reason": "CONTENT_FILTERED"}).encode()
    return Reply(status=200, headers={}, body=body)


def test_credits_of_yesterday_buy_nothing_today(cloud: Cloud) -> None:
    """The slot lies beyond midnight: the credits go back to the day they are of, and the picture asks again."""
    shop = Shop(cloud, daily_credit_limit=2, now=MIDNIGHT - 0.01)
    shop.cut.pace.hold(FINGERPRINT, until=MIDNIGHT + 1)
    request = shop.request()
    assert isinstance(shop.handle(request), Postpone)
    assert (shop.api.calls, shop.spent(), shop.payment(request)["attempts"]) == ([], 0, 0)
    assert shop.handle(request) == Done()
    assert len(shop.api.calls) == 1


def test_after_a_worker_that_died_without_an_answer_the_picture_is_paid_for(shop: Shop) -> None:
    died(shop, stored=False)
    assert shop.handle(shop.request()) == Done()
    assert len(shop.api.calls) == 1


def test_workers_that_die_again_and_again_do_not_pay_for_ever(shop: Shop) -> None:
    died(shop, stored=False)
    died(shop, stored=False)
    result = shop.handle(shop.request())
    assert isinstance(result, SetAside)
    assert (result.details["code"], result.details["possibly_paid"]) == ("attempts_exhausted", "2")
    assert result.details["attempts"] == "2"
    assert shop.api.calls == []


# The key.


def test_a_key_that_was_changed_is_fetched_once_more_and_used(shop: Shop) -> None:
    request = shop.request()
    shop.cut.begin_round(1)
    shop.secrets.text = "key-2"
    shop.api.script = [error(401)]
    result = shop.handle(request)
    assert isinstance(result, Postpone)
    assert (result.seconds, shop.payment(request)["attempts"], shop.spent()) == (0, 0, 0)
    assert shop.standing == "open"
    assert shop.handle(request) == Done()
    assert [key for key, _time, _sent in shop.api.calls] == ["key-1", "key-2"]


def test_a_key_put_in_meanwhile_is_used_at_its_own_pace(shop: Shop) -> None:
    round_ = shop.cut.begin_round(2)
    shop.secrets.text = "key-2"
    shop.cut.pace.reserve(ApiKey("key-2").fingerprint, 4, now=NOW)  # by a worker that knows it already
    shop.api.script = [error(401)]
    assert isinstance(shop.handle(shop.request(), round_=round_), Postpone)
    assert shop.handle(shop.request("b.jpg", photo=OTHER_PHOTO), round_=round_) == Done()
    (_old, _time, _sent), (key, time, _sent) = shop.api.calls
    assert (key, time - NOW) == ("key-2", pytest.approx(AHEAD_SECONDS + 4 * INTERVAL_SECONDS))


# The pace and the budget.


def test_calls_of_a_batch_are_made_in_their_slots(shop: Shop) -> None:
    round_ = shop.cut.begin_round(3)
    for number in range(3):
        shop.handle(shop.request(f"{number}.jpg", photo=picture("jpeg", quality=50 + number)), round_=round_)
    times = [time - NOW for _key, time, _sent in shop.api.calls]
    assert times == pytest.approx([0, AHEAD_SECONDS + INTERVAL_SECONDS, AHEAD_SECONDS + 2 * INTERVAL_SECONDS])


def test_a_slot_that_passed_meanwhile_is_replaced_by_another(shop: Shop) -> None:
    round_ = shop.cut.begin_round(2)
    shop.now += 10
    first = shop.cut.pace.reserve(FINGERPRINT, 3, now=shop.now)
    for number in range(2):
        shop.handle(shop.request(f"{number}.jpg", photo=picture("jpeg", quality=50 + number)), round_=round_)
    times = [time - NOW - 10 for _key, time, _sent in shop.api.calls]
    assert isinstance(first, list)
    assert times == pytest.approx([AHEAD_SECONDS + number * INTERVAL_SECONDS for number in (3, 4)])


def test_when_a_slot_has_passed_and_all_others_are_taken_the_picture_waits_and_its_credits_go_back(shop: Shop) -> None:
    request = shop.request()
    round_ = shop.cut.begin_round(1)
    shop.now += 10
    shop.cut.pace.hold(FINGERPRINT, until=shop.now + AHEAD_SECONDS + 20 * INTERVAL_SECONDS)
    result = shop.handle(request, round_=round_)
    assert isinstance(result, Postpone)
    assert result.seconds == pytest.approx(AHEAD_SECONDS + 20 * INTERVAL_SECONDS + 0.5)
    assert (shop.api.calls, shop.payment(request)["attempts"], shop.spent()) == ([], 0, 0)


def test_a_pace_that_is_booked_out_for_a_moment_is_waited_for_once(shop: Shop) -> None:
    shop.cut.pace.hold(FINGERPRINT, until=NOW + AHEAD_SECONDS + 9 * INTERVAL_SECONDS)
    assert shop.handle(shop.request()) == Done()
    ((_key, time, _sent),) = shop.api.calls
    assert time - NOW == pytest.approx(AHEAD_SECONDS + 9 * INTERVAL_SECONDS)


def test_a_pace_that_is_booked_out_for_long_sends_the_picture_away_for_just_as_long(shop: Shop) -> None:
    shop.cut.pace.hold(FINGERPRINT, until=NOW + AHEAD_SECONDS + 20 * INTERVAL_SECONDS)
    request = shop.request()
    result = shop.handle(request)
    assert isinstance(result, Postpone)
    assert result.seconds == pytest.approx(AHEAD_SECONDS + 20 * INTERVAL_SECONDS + 0.5)
    assert (shop.api.calls, shop.payment(request), shop.spent()) == ([], {}, 0)


def test_at_a_slow_rate_a_batch_takes_the_slots_within_reach_and_the_others_come_back(shop: Shop) -> None:
    """Else they would sleep past the function's time-out, and count as calls that may have been charged."""
    round_ = shop.cut.begin_round(10)
    photos = [picture("jpeg") + bytes([number]) for number in range(10)]
    results = [shop.handle(shop.request(photo=photo), round_=round_) for photo in photos]
    assert [type(result) for result in results] == [Done] * 6 + [Postpone] * 4
    assert shop.spent() == 6 * 2


def test_a_call_is_not_begun_that_might_outlast_the_invocation(shop: Shop) -> None:
    request = shop.request()
    round_ = shop.cut.begin_round(1, ends_at=shop.now + shop.cut.rules.longest_call_seconds - 1)
    result = shop.handle(request, round_=round_)
    assert isinstance(result, Postpone)
    assert (shop.api.calls, shop.payment(request)["attempts"], shop.spent()) == ([], 0, 0)


def test_credits_are_taken_before_the_call(shop: Shop) -> None:
    during: list[float] = []
    shop.api.meanwhile = lambda: during.append(shop.spent())
    shop.handle(shop.request())
    assert during == [2]


def test_what_is_paid_for_in_one_format_is_paid_for_again_in_another(shop: Shop) -> None:
    shop.handle(shop.request())
    other = shop.with_rules(output_format="webp")
    other.now += 1
    other.api.script = [Reply(status=200, headers={}, body=cutout("webp"))]
    assert other.handle(shop.request()) == Done()
    assert (len(shop.api.calls), len(other.api.calls)) == (1, 1)
    assert [answer.format for answer in shop.handed_on() if isinstance(answer, PaidAnswer)] == ["png", "webp"]


def test_the_record_of_the_job_is_left_to_the_stages_that_own_it(shop: Shop) -> None:
    request = shop.request()
    before = shop.cloud.item(f"object#{INPUT}/a.jpg")
    shop.handle(request)
    assert shop.cloud.item(f"object#{INPUT}/a.jpg") == before
