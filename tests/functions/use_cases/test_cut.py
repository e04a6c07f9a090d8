"""Which pictures are bought, and which end, wait or are reused without a call."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from dropcut.core.message_result import DeadLetter, Done, Message, MessageResult, Wait
from dropcut.core.messages import CutRequest, Ended, MalformedMessageError, PaidAnswer
from dropcut.core.photo_source import PhotoSource

from tests.functions.fakes import one_after_the_other
from tests.functions.pictures import cutout, picture
from tests.functions.use_cases.shop import (
    BROKEN_OFF,
    FILTERED,
    INPUT,
    NOW,
    WORK,
    Reply,
    Scripted,
    Shop,
    error,
    photos,
)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_picture_is_paid_for_stored_and_handed_on(shop: Shop) -> None:
    request = shop.request()
    assert shop.handle(request) == Done()
    (answer,) = shop.outcomes()
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
    stored = shop.records.s3.objects[WORK, answer.work_key]
    assert (stored.body, stored.metadata) == (cutout(), {"request-id": "r1", "credits": "2", "paid-at": f"{NOW:.0f}"})
    assert [(key, sent) for key, _time, sent in shop.api.calls] == [("key-1", picture("jpeg"))]
    assert shop.spent() == 2
    assert shop.payment(request).state(shop.now) == "paid"


def test_a_small_picture_comes_with_its_message_and_is_not_looked_for(shop: Shop) -> None:
    request = replace(shop.request(), content=picture("jpeg"))
    del shop.records.s3.objects[WORK, request.picture.work_key]
    assert shop.handle(request) == Done()
    assert [sent for _key, _time, sent in shop.api.calls] == [picture("jpeg")]


def test_a_picture_under_two_names_is_paid_for_once(shop: Shop) -> None:
    assert shop.handle(shop.request("a.jpg")) == Done()
    assert shop.handle(shop.request("b.jpg")) == Done()
    first, second = shop.outcomes()
    assert isinstance(first, PaidAnswer)
    assert second == replace(first, credits=0.0, request_id=None)  # it does not say whose call it was
    assert (len(shop.api.calls), shop.spent()) == (1, 2)


def test_a_message_that_comes_twice_is_paid_for_once_and_keeps_its_credits(shop: Shop) -> None:
    request = shop.request()
    shop.handle(request)
    assert shop.handle(request) == Done()
    first, second = shop.outcomes()
    assert (first, len(shop.api.calls)) == (second, 1)


def test_reused_answers_book_no_slots(shop: Shop) -> None:
    shop.handle(shop.request("first.jpg"))
    booked = dict(shop.records.pace.next_free)
    shop.now += 100
    again = [shop.request(f"{number}.jpg") for number in range(6)]
    handle = shop.begin(*again)
    assert [handle(request) for request in again] == [Done()] * 6
    assert shop.records.pace.next_free == booked


def test_an_answer_that_is_not_kept_any_more_is_paid_for_again(shop: Shop) -> None:
    """As after `keep_results_days` was lowered, or the work bucket was emptied by hand."""
    shop.handle(shop.request("a.jpg"))
    (first,) = shop.outcomes()
    assert isinstance(first, PaidAnswer)
    del shop.records.s3.objects[WORK, first.work_key]
    request = shop.request("b.jpg")
    assert isinstance(shop.handle(request), Wait)
    assert shop.handle(request) == Done()
    assert shop.outcomes()[1:] == [first]
    assert len(shop.api.calls) == 2


def test_a_picture_being_paid_for_right_now_is_waited_for(shop: Shop) -> None:
    request = shop.request()
    waits = []
    with shop.claims.claim(request.payment_key):
        for shop.now in (NOW, NOW + 203, NOW + 204.9):
            result = shop.handle(request)
            assert isinstance(result, Wait)
            waits.append(round(result.seconds, 3))
    assert waits == [5, 2, 1]
    assert (shop.api.calls, shop.spent()) == ([], 0)


def test_the_same_picture_ten_times_in_one_batch_is_paid_for_once(shop: Shop) -> None:
    requests = [shop.request(f"{number}.jpg") for number in range(10)]
    handle = shop.begin(*requests)
    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(handle, requests))
    assert len(shop.api.calls) == 1
    assert results.count(Done()) == len(shop.outcomes()) >= 1
    assert all(isinstance(result, Done | Wait) for result in results)


def test_a_superseded_upload_is_not_paid_for(shop: Shop) -> None:
    request = shop.request(sequencer="02")
    shop.request(sequencer="03")
    assert shop.handle(request) == Done()
    assert (shop.last_end().kind, shop.last_end().code) == ("skipped", "superseded")
    assert shop.api.calls == []


@pytest.mark.parametrize(
    ("waited", "version_id", "looked_for"), [(61, None, True), (59, None, False), (61, "v", False)]
)
def test_a_photo_deleted_while_it_waits_is_not_paid_for(
    shop: Shop, waited: float, version_id: str | None, looked_for: bool
) -> None:
    """A version may be invisible for a quarter of an hour, and a photo that has just come is not looked for."""
    request = shop.request()
    request = replace(request, upload=replace(request.upload, version_id=version_id))
    del shop.records.s3.objects[INPUT, "a.jpg"]
    shop.now += waited
    assert shop.handle(request) == Done()
    assert (shop.api.calls == []) is looked_for
    if looked_for:
        assert (shop.last_end().kind, shop.last_end().code) == ("skipped", "gone")


def test_a_paid_picture_is_handed_on_although_its_photo_was_deleted(shop: Shop) -> None:
    request = shop.request()
    shop.records.deliver_queue.refuses = ConnectionError("SQS is away")
    with pytest.raises(ConnectionError):
        shop.handle(request)
    shop.records.deliver_queue.refuses = None
    del shop.records.s3.objects[INPUT, "a.jpg"]
    shop.now += 3600
    assert shop.handle(request) == Done()
    assert isinstance(shop.outcomes()[0], PaidAnswer)


def test_what_is_no_request_is_malformed_and_spoils_no_batch(shop: Shop) -> None:
    nonsense = Message(body="{}", receive_count=1, sent_at_seconds=NOW)
    good = shop.request()
    handle = shop.cut.begin([nonsense, _message(good)], ends_at=NOW + 200)
    with pytest.raises(MalformedMessageError):
        handle(nonsense)
    assert handle(_message(good)) == Done()


def _message(request: CutRequest, **more: Any) -> Message:
    return Message(body=request.to_json(), receive_count=1, sent_at_seconds=NOW, **more)


def test_a_message_of_the_version_before_is_handled(shop: Shop) -> None:
    body = json.loads(shop.request().to_json())
    assert set(body) == {"upload", "picture"}
    message = Message(body=json.dumps(body), receive_count=1, sent_at_seconds=NOW)
    assert shop.cut.begin([message], ends_at=NOW + 200)(message) == Done()


def test_a_message_that_comes_again_after_the_photos_end_calls_nobody(shop: Shop) -> None:
    shop.api.script = [FILTERED]
    request = shop.request()
    assert shop.handle(request) == Done()
    shop.jobs.ended(request.upload, shop.last_end(), now=shop.now)
    assert shop.handle(request) == Done()
    assert (len(shop.api.calls), len(shop.outcomes())) == (1, 1)


# What was prepared goes when it is paid for.


def prepared(shop: Shop) -> list[str]:
    return [key for bucket, key in shop.records.s3.objects if bucket == WORK and key.startswith("prepared/")]


def test_what_was_prepared_is_gone_once_it_is_paid_for_and_that_of_a_copy_too(shop: Shop) -> None:
    for key in ("a.jpg", "b.jpg"):
        request = shop.request(key)
        assert prepared(shop) == [request.picture.work_key]
        assert shop.handle(request) == Done()
        assert prepared(shop) == []


def test_the_removal_stands_in_nobodys_way(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made beside the payment's record, or beside the message to deliver, never before or after them."""
    made, beside = list[str](), list[int]()

    def together(*calls: Callable[[], Any]) -> list[Any]:
        before = len(made)
        results = one_after_the_other(*calls)
        beside.extend([len(calls)] * (len(made) - before))
        return results

    monkeypatch.setattr(shop.objects, "remove", lambda _bucket, key: made.append(key))
    shop.cut = replace(shop.cut, purchases=replace(shop.cut.purchases, together=together))
    for key in ("a.jpg", "b.jpg"):
        shop.handle(shop.request(key))
    assert (len(made), beside) == (2, [3, 2])


@pytest.mark.parametrize("reply", [BROKEN_OFF, error(500), error(402)])
def test_what_was_prepared_stays_as_long_as_it_is_not_paid_for(shop: Shop, reply: Scripted) -> None:
    shop.api.script = [reply]
    request = shop.request()
    assert isinstance(shop.handle(request), Wait)
    assert prepared(shop) == [request.picture.work_key]


def test_what_was_prepared_of_a_refused_picture_is_gone_and_that_of_a_copy_too(shop: Shop) -> None:
    shop.api.script = [FILTERED]
    for key in ("a.jpg", "b.jpg"):
        assert shop.handle(shop.request(key)) == Done()
        assert (shop.last_end().kind, prepared(shop)) == ("rejected", [])


def test_what_was_prepared_stays_with_a_photo_that_was_deleted_for_a_copy_may_wait(shop: Shop) -> None:
    first, copy = shop.request("a.jpg"), shop.request("b.jpg")
    del shop.records.s3.objects[INPUT, "a.jpg"]
    shop.now += 100
    assert shop.handle(first) == shop.handle(copy) == Done()
    assert [type(outcome) for outcome in shop.outcomes()] == [Ended, PaidAnswer]


def test_what_was_prepared_stays_with_a_dead_letter_which_may_go_again(shop: Shop) -> None:
    shop.api.always = {picture("jpeg"): BROKEN_OFF}
    request = shop.request()
    until_it_ends(shop, request)
    assert (shop.last_end().kind, prepared(shop)) == ("failed", [request.picture.work_key])


def test_a_bucket_that_removes_nothing_holds_up_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_named: str) -> None:
        raise PermissionError("not allowed")

    monkeypatch.setattr(shop.objects, "remove", refuse)
    assert shop.handle(shop.request()) == Done()
    assert isinstance(shop.outcomes()[0], PaidAnswer)


@pytest.mark.parametrize("days", [0, 29, 31])
def test_a_copy_left_without_its_picture_gets_the_answer_that_was_paid_for(shop: Shop, days: int) -> None:
    """Also when that is too old to be used for a new photo, and when its record is gone: the answer lives longer."""
    first, copy = shop.request("a.jpg"), shop.request("b.jpg")
    shop.handle(first)
    shop.now += days * 86_400
    if days:
        shop.records.payments.records.clear()
    assert shop.handle(copy) == Done()
    paid, reused = shop.outcomes()
    assert isinstance(paid, PaidAnswer)
    assert reused == paid.for_a_copy()
    assert len(shop.api.calls) == 1


def test_a_copy_left_without_picture_and_answer_fails_and_can_go_again(shop: Shop) -> None:
    first, copy = shop.request("a.jpg"), shop.request("b.jpg")
    shop.handle(first)
    shop.records.payments.records.clear()
    del shop.records.s3.objects[WORK, f"paid/{first.payment_key}"]
    assert shop.handle(copy) == Done()
    assert (shop.last_end().kind, shop.last_end().code) == ("failed", "prepared_gone")
    assert "redrive" in shop.last_end().reason
    ((body, _reason),) = shop.records.dead_letters.dead
    assert body == copy.to_json()


# Copies of a bad picture.


@pytest.mark.parametrize("reply", [FILTERED, error(400), error(403, b'{"errors":["no"],"name":"content_moderation"}')])
def test_copies_of_a_refused_picture_end_the_same_way_without_a_call(shop: Shop, reply: Reply) -> None:
    shop.api.script = [reply] * 20
    for number in range(20):
        assert shop.handle(shop.request(f"{number}.jpg")) == Done()
    ends = shop.outcomes()
    assert all(isinstance(end, Ended) and end.kind == "rejected" for end in ends)
    assert len({end.code for end in ends if isinstance(end, Ended)}) == 1
    assert len(shop.api.calls) == 1


def test_copies_of_a_picture_whose_calls_break_off_fail_without_a_call(shop: Shop) -> None:
    shop.api.always = {picture("jpeg"): BROKEN_OFF}
    shop.handle(shop.request("other.jpg", photo=photos(2)[1]))
    until_it_ends(shop, shop.request("first.jpg"))
    calls = len(shop.api.calls)
    for number in range(10):
        assert shop.handle(shop.request(f"{number}.jpg")) == Done()
        assert (shop.last_end().kind, shop.last_end().possibly_paid, shop.last_end().request_id) == ("failed", 0, None)
    assert len(shop.api.calls) == calls
    assert len(shop.records.dead_letters.dead) == 11


def until_it_ends(shop: Shop, request: CutRequest) -> list[MessageResult]:
    """Handle a message until it need not come back."""
    results = [shop.handle(request)]
    while isinstance(results[-1], Wait):
        shop.now += results[-1].seconds
        results.append(shop.handle(request))
    return results


def test_only_a_redrive_asks_the_api_again_for_what_was_refused(shop: Shop) -> None:
    shop.api.script = [error(400)]
    shop.handle(shop.request())
    shop.now += 100
    assert shop.handle(shop.request(), redriven=True) == Done()
    assert isinstance(shop.outcomes()[-1], PaidAnswer)


def test_a_redrive_by_way_of_prepare_counts_as_well(shop: Shop) -> None:
    shop.api.script = [error(400)]
    shop.handle(shop.request("a.jpg"))
    shop.now += 100
    assert shop.handle(shop.request("a.jpg", redriven_at=shop.now)) == Done()
    assert isinstance(shop.outcomes()[-1], PaidAnswer)


def test_a_redriven_picture_that_is_refused_again_is_remembered_again(shop: Shop) -> None:
    shop.api.script = [error(400)] * 2
    shop.handle(shop.request())
    shop.now += 100
    redriven = _message(shop.request(), redriven=True)
    redriven = replace(redriven, sent_at_seconds=shop.now)
    for _receive in range(3):
        shop.cut.begin([redriven], ends_at=shop.now + 200)(redriven)
        shop.now += 10
    assert len(shop.api.calls) == 2


def test_an_end_is_forgotten_after_keep_results_days(shop: Shop) -> None:
    shop.api.script = [error(400)]
    shop.handle(shop.request("a.jpg"))
    shop.now += 31 * 86_400
    assert shop.handle(shop.request("b.jpg")) == Done()
    assert len(shop.api.calls) == 2


# Behind a closed gate.


def test_a_waiting_photos_record_says_why_and_when_the_next_try_is(shop: Shop) -> None:
    shop.close_gate()
    shop.handle(shop.request())
    item = shop.records.table.items[f"object#{INPUT}/a.jpg"]
    assert item["status"] == "waiting"
    assert "no_credits" in str(item["waits_for"])
    assert float(item["next_try"]) == shop.gate.until  # type: ignore[arg-type]


def test_the_record_of_the_job_is_left_to_the_stages_that_own_it(shop: Shop) -> None:
    request = shop.request()
    before = dict(shop.records.table.items[f"object#{INPUT}/a.jpg"])
    shop.handle(request)
    assert shop.records.table.items[f"object#{INPUT}/a.jpg"] == before


def test_what_waited_too_long_is_announced_as_failed(shop: Shop) -> None:
    shop.cut.announce_failure(_message(shop.request()), "It waited for 13 days.")
    assert (shop.last_end().kind, shop.last_end().code) == ("failed", "waited_too_long")
    assert not shop.records.dead_letters.dead  # the batch wrote its dead letter before


def handled_raw(shop: Shop, body: str) -> MessageResult:
    """What is to happen with a message that somebody else than prepare wrote."""
    message = Message(body=body, receive_count=1, sent_at_seconds=shop.now)
    return shop.cut.begin([message], ends_at=shop.now + 200)(message)


def test_other_bytes_under_a_victims_hash_are_neither_paid_for_nor_kept(shop: Shop) -> None:
    """Whoever holds prepare's role can write them to the work bucket, and send them along."""
    victims, evil = shop.request("victim.jpg"), picture("png")
    shop.records.s3.put_object(Bucket=WORK, Key=victims.picture.work_key, Body=evil)
    for forged in (victims, replace(victims, content=evil)):
        with pytest.raises(MalformedMessageError, match="not those with the SHA-256"):
            handled_raw(shop, forged.to_json())
    assert not shop.api.calls
    assert shop.spent() == 0
    assert shop.outcomes() == []
    assert not [key for _bucket, key in shop.records.s3.objects if key.startswith("paid/")]

    shop.records.s3.put_object(Bucket=WORK, Key=victims.picture.work_key, Body=picture("jpeg"))
    assert shop.handle(victims) == Done()
    assert [sent for _key, _time, sent in shop.api.calls] == [picture("jpeg")]


def test_a_false_size_does_not_make_a_victims_picture_fail(shop: Shop) -> None:
    """No answer would fit it: after some paid calls the picture would be remembered as one that failed."""
    victims = shop.request("victim.jpg")
    with pytest.raises(MalformedMessageError, match="not as it states"):
        handled_raw(shop, replace(victims, picture=replace(victims.picture, width=81)).to_json())
    assert not shop.api.calls
    assert shop.payment(victims).attempts == 0


@pytest.mark.parametrize("changed", [{"bucket": "taken-away"}, {"key": "other/waits.jpg"}], ids=str)
def test_a_photo_of_no_input_any_more_is_not_paid_for_until_it_is_of_one(shop: Shop, changed: dict[str, str]) -> None:
    """Its bucket was taken away, or the input's prefix was changed, while it waited."""
    inputs = [PhotoSource(bucket=INPUT, prefix="photos/")]
    request = shop.request("photos/waits.jpg")
    waits = replace(request, upload=replace(request.upload, **changed))  # type: ignore[arg-type]
    sent = Message(body=waits.to_json(), receive_count=1, sent_at_seconds=shop.now)
    narrow = replace(shop.cut, sources=inputs)
    result = narrow.begin([sent], ends_at=shop.now + 200)(sent)
    assert isinstance(result, DeadLetter) and result.details == {"code": "input_removed"} and result.announce
    assert "Add the input back, deploy, and redrive the message" in result.reason
    narrow.announce_failure(sent, result.reason)
    (ended,) = shop.records.deliver_queue.outcomes()
    assert isinstance(ended, Ended) and (ended.kind, ended.code) == ("failed", "input_removed")
    assert not shop.api.calls
    back = replace(shop.cut, sources=[PhotoSource(bucket=waits.upload.bucket)])
    assert back.begin([sent], ends_at=shop.now + 200)(sent) == Done()
    assert len(shop.api.calls) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"upload": {"bucket": "Nobodys"}},
        {"upload": {"sequencer": "~"}},
        {"picture": {"work_key": "paid/other.png"}},
        {"picture": {"sha256": "../probe"}},
    ],
    ids=str,
)
def test_a_forged_request_costs_no_call_and_harms_no_other_of_its_batch(shop: Shop, changed: dict[str, Any]) -> None:
    forged, honest = json.loads(shop.request("forged.jpg", photo=photos(1)[0]).to_json()), shop.request("honest.jpg")
    for part, fields in changed.items():
        forged[part] |= fields
    messages = [
        Message(body=text, receive_count=1, sent_at_seconds=shop.now) for text in (json.dumps(forged), honest.to_json())
    ]
    handle = shop.cut.begin(messages, ends_at=shop.now + 200)
    with pytest.raises(MalformedMessageError, match="cannot be from the stage before"):
        handle(messages[0])
    assert handle(messages[1]) == Done()
    assert [sent for _key, _time, sent in shop.api.calls] == [picture("jpeg")]
