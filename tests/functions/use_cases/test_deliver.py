"""What is seen of a photo's end: the output, the tag, the event, and the record."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import ObjectUnreadableError
from dropcut.core.choices import Choices
from dropcut.core.message_result import DeadLetter, Done, Message
from dropcut.core.messages import (
    Ended,
    MalformedMessageError,
    OutcomeMessage,
    PaidAnswer,
    RefusedRequest,
    Remake,
    SpendingNotice,
    Upload,
)
from dropcut.core.photo_source import PhotoSource
from dropcut.core.rendition_setting import FULL

from tests.functions.cloud import INPUT, OUTPUT, WORK, Cloud, table_in_memory
from tests.functions.use_cases.delivery import ANSWER, KEYS, NEWER, NOW, SET, UPLOAD, Delivery

REJECTED = Ended(kind="rejected", code="too_small", reason="Too small.")
FAILED = Ended(kind="failed", code="broken_off", reason="It broke off.")
SKIPPED = Ended(kind="skipped", code="gone", reason="It is gone.")


@pytest.fixture
def delivery(cloud: Cloud) -> Delivery:
    return Delivery(cloud)


def message(outcome: PaidAnswer | Ended, *, receives: int = 1) -> Message:
    body = OutcomeMessage(upload=UPLOAD, outcome=outcome).to_json()
    return Message(body=body, receive_count=receives, sent_at_seconds=NOW)


@pytest.mark.parametrize("format_", ["png", "webp"])
def test_a_cut_out_is_written_tagged_published_and_recorded(delivery: Delivery, format_: str) -> None:
    delivery.use(replace(FULL, format=format_))
    delivery.end()
    key = f"shop/a.{format_}"
    assert delivery.cloud.keys(OUTPUT) == [key]
    assert delivery.cloud.read(OUTPUT, key) == b"cut-out"
    assert delivery.cloud.tags("shop/a.jpg") == {"dropcut": "delivered"}
    assert (delivery.record()["status"], delivery.record()["output_key"]) == ("delivered", key)
    assert delivery.events.published == [
        (
            "Cutout Delivered",
            {
                "job_id": UPLOAD.job_id,
                "bucket": INPUT,
                "key": "shop/a.jpg",
                "version_id": None,
                "sequencer": "02",
                "output_bucket": OUTPUT,
                "output_key": key,
                "width": 80,
                "height": 64,
                "size_bytes": 7,
                "credits": 2.0,
                "request_id": "r1",
                "picture_sha256": ANSWER.picture_sha256,
                "renditions": [
                    {"name": "full", "key": key, "format": format_, "width": 80, "height": 64, "size_bytes": 7}
                ],
            },
        )
    ]


def test_every_rendition_is_published_in_one_event(delivery: Delivery) -> None:
    delivery.use(*SET)
    delivery.end(upload=delivery.seen())
    assert sorted(delivery.cloud.keys(OUTPUT)) == KEYS
    ((detail_type, detail),) = delivery.events.published
    assert (detail_type, detail["output_key"]) == ("Cutout Delivered", "shop/a.png")
    assert [(each["name"], each["key"], each["format"]) for each in detail["renditions"]] == [
        ("full", "shop/a.png", "png"),
        ("amazon_main", "shop/a-amazon_main.jpg", "jpeg"),
        ("small", "small/shop/a.jpg.png", "png"),
    ]
    assert "note" not in detail
    assert delivery.imaging.sources == [b"photo"]


def test_the_event_says_what_is_not_as_asked_for(delivery: Delivery) -> None:
    delivery.end(replace(ANSWER, note="The API called this result 'STOP'."))
    assert delivery.events.details[0]["note"] == "The API called this result 'STOP'."


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_set_that_was_written_in_part_is_published_only_when_it_is_whole(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    whole, calls = delivery.cloud.objects.write_if_unchanged, iter(range(100))

    def breaks_off(*arguments: Any, **more: Any) -> bool:
        if next(calls) == written:
            raise ConnectionError
        return whole(*arguments, **more)

    delivery.use(*SET)
    monkeypatch.setattr(delivery.cloud.objects, "write_if_unchanged", breaks_off)
    with pytest.raises(ConnectionError):
        delivery.end(upload=delivery.seen())
    assert delivery.events.published == []
    assert delivery.record()["status"] != "delivered"
    delivery.end(upload=delivery.seen())
    assert sorted(delivery.cloud.keys(OUTPUT)) == KEYS
    assert delivery.events.types == ["Cutout Delivered"]


def test_an_older_upload_is_skipped_when_a_newer_one_is_there(delivery: Delivery) -> None:
    delivery.newer_one_is_delivered()
    delivery.end()
    assert delivery.cloud.read(OUTPUT, "shop/a.png") == b"new cut-out"
    assert delivery.events.types == ["Cutout Delivered", "Cutout Skipped"]
    assert delivery.events.details[1]["code"] == "superseded"
    assert (delivery.record()["status"], delivery.record()["job_id"]) == ("delivered", NEWER.job_id)


def test_an_older_upload_never_writes_over_a_newer_one_delivered_while_it_was_made(
    delivery: Delivery,
) -> None:
    """When deliver looked for a newer one, there was none; the cut-out itself is the last place that shows it."""
    delivery.imaging.meanwhile = [delivery.newer_one_is_delivered]
    delivery.end()
    assert delivery.cloud.keys(OUTPUT) == ["shop/a.png"]
    assert delivery.cloud.read(OUTPUT, "shop/a.png") == b"new cut-out"
    assert delivery.events.types == ["Cutout Delivered", "Cutout Skipped"]
    delivered, skipped = delivery.events.details
    assert (delivered["job_id"], skipped["job_id"], skipped["code"]) == (NEWER.job_id, UPLOAD.job_id, "superseded")
    assert (delivery.record()["status"], delivery.record()["job_id"]) == ("delivered", NEWER.job_id)


def test_an_older_upload_is_not_published_after_a_newer_one_under_a_key_of_its_own(delivery: Delivery) -> None:
    """Its name is free, so the cut-outs do not show that a newer one was delivered while it was made."""
    delivery.use(replace(FULL, key="{folder}{stem}-{sha256}.{extension}"))
    delivery.imaging.meanwhile = [delivery.newer_one_is_delivered]
    delivery.end()
    assert delivery.events.types == ["Cutout Delivered", "Cutout Skipped"]
    assert [delivery.cloud.read(OUTPUT, key) for key in delivery.cloud.keys(OUTPUT)] == [b"new cut-out"]


def test_a_photo_replaced_by_a_newer_upload_on_its_way_is_superseded(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, state = delivery.seen(), JobRecords.state
    looks = iter(["under_way"])  # the newer upload comes just after deliver has looked for it

    def look(jobs: JobRecords, asked: Upload) -> Any:
        for found in looks:
            delivery.upload(NEWER, photo=b"newer photo")
            return found
        return state(jobs, asked)

    monkeypatch.setattr(JobRecords, "state", look)
    delivery.end(upload=upload)
    assert delivery.events.types == ["Cutout Skipped"]
    assert delivery.cloud.keys(OUTPUT) == []


@pytest.mark.parametrize("outcome", [ANSWER, REJECTED, SKIPPED])
def test_an_end_that_comes_twice_is_published_once(delivery: Delivery, outcome: PaidAnswer | Ended) -> None:
    delivery.end(outcome)
    delivery.end(outcome)
    assert len(delivery.events.published) == 1


def test_the_event_of_a_failed_photo_names_the_calls_made_for_it(delivery: Delivery) -> None:
    delivery.end(replace(FAILED, attempts=3, possibly_paid=1, request_id="r-7"))
    delivery.end(REJECTED)
    failed, rejected = delivery.events.details
    assert (failed["attempts"], failed["possibly_paid"], failed["request_id"]) == (3, 1, "r-7")
    assert "attempts" not in rejected  # nobody asked the API


def test_a_photo_that_failed_may_be_delivered_later(delivery: Delivery) -> None:
    delivery.end(FAILED)
    assert delivery.cloud.tags("shop/a.jpg") == {"dropcut": "failed"}
    delivery.end()
    assert delivery.events.types == ["Cutout Failed", "Cutout Delivered"]
    assert delivery.cloud.tags("shop/a.jpg") == {"dropcut": "delivered"}
    assert delivery.record()["status"] == "delivered"
    assert "reason" not in delivery.record()


@pytest.mark.parametrize(
    ("end", "tags"), [(REJECTED, {"dropcut": "rejected"}), (FAILED, {"dropcut": "failed"}), (SKIPPED, {})]
)
def test_an_end_without_a_cut_out_is_published_with_its_reason(
    delivery: Delivery, end: Ended, tags: dict[str, str]
) -> None:
    delivery.end(end)
    ((detail_type, detail),) = delivery.events.published
    assert detail_type == f"Cutout {end.kind.capitalize()}"
    assert (detail["key"], detail["code"], detail["reason"]) == ("shop/a.jpg", end.code, end.reason)
    assert delivery.cloud.tags("shop/a.jpg") == tags
    record = delivery.record()
    assert (record["status"], record["code"], record["reason"]) == (end.kind, end.code, end.reason)
    assert delivery.cloud.keys(OUTPUT) == []


def test_a_source_the_user_wants_skipped_keeps_the_users_tag(delivery: Delivery) -> None:
    delivery.upload(tags="dropcut=skip")
    delivery.end(replace(SKIPPED, code="left_alone"))
    assert delivery.cloud.tags("shop/a.jpg") == {"dropcut": "skip"}


def test_a_source_that_vanished_is_delivered_all_the_same(delivery: Delivery) -> None:
    delivery.vanishes()
    delivery.end()
    assert delivery.events.types == ["Cutout Delivered"]
    assert delivery.cloud.keys(OUTPUT) == ["shop/a.png"]


def test_a_source_with_ten_tags_is_delivered_all_the_same(delivery: Delivery) -> None:
    delivery.upload(tags="&".join(f"t{number}=v" for number in range(10)))
    delivery.end()
    assert delivery.events.types == ["Cutout Delivered"]
    assert "dropcut" not in delivery.cloud.tags("shop/a.jpg")


def denied(*, kms: bool = False) -> ClientError:
    text = "not authorized to perform: kms:Decrypt" if kms else "Access Denied"
    return ClientError({"Error": {"Code": "AccessDenied", "Message": text}}, "PutObjectTagging")


@pytest.mark.parametrize("outcome", [ANSWER, REJECTED, FAILED])
@pytest.mark.parametrize(
    "error",
    [
        denied(),
        ReadTimeoutError(endpoint_url="https://s3"),
        ObjectUnreadableError("archived", "Restore it."),
        ConnectionError("reset"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_tag_that_cannot_be_written_holds_up_no_event(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch, outcome: PaidAnswer | Ended, error: Exception
) -> None:
    def refuse(*_arguments: Any, **_more: Any) -> None:
        raise error

    monkeypatch.setattr(delivery.cloud.objects, "tag_outcome", refuse)
    delivery.end(outcome)
    assert len(delivery.events.published) == 1
    assert delivery.record()["status"] in ("delivered", "rejected", "failed")


def test_the_failure_of_an_outcome_is_published_though_its_tag_cannot_be_written(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_request: Any) -> None:
        raise denied(kms=True)

    for call in ("get_object_tagging", "put_object_tagging"):
        monkeypatch.setattr(delivery.cloud.clients.s3, call, refuse)
    delivery.deliver.announce_failure(message(REJECTED, receives=12), "Failed 12 times.")
    assert delivery.events.types == ["Cutout Failed"]


def test_an_older_uploads_end_does_not_tag_the_newer_photo(delivery: Delivery) -> None:
    delivery.upload(NEWER)
    delivery.end(REJECTED)
    assert delivery.cloud.tags("shop/a.jpg") == {}


def test_an_older_upload_does_not_tag_the_newer_photo_that_came_while_it_was_made(
    delivery: Delivery,
) -> None:
    delivery.imaging.meanwhile = [lambda: delivery.upload(NEWER)]
    delivery.end()
    assert delivery.events.types == ["Cutout Delivered"]
    assert delivery.cloud.keys(OUTPUT) == ["shop/a.png"]
    assert delivery.cloud.tags("shop/a.jpg") == {}


def test_the_version_that_was_cut_out_gets_the_tag(delivery: Delivery) -> None:
    s3 = delivery.cloud.clients.s3
    s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Enabled"})
    versioned = replace(UPLOAD, version_id=s3.put_object(Bucket=INPUT, Key="shop/a.jpg", Body=b"one")["VersionId"])
    delivery.cloud.put("shop/a.jpg", b"two")
    delivery.end(upload=versioned)
    assert delivery.cloud.objects.tags(INPUT, "shop/a.jpg", versioned.version_id) == {"dropcut": "delivered"}
    assert delivery.cloud.tags("shop/a.jpg") == {}


def test_what_is_no_outcome_is_malformed(delivery: Delivery) -> None:
    with pytest.raises(MalformedMessageError):
        delivery.handle("{}")


def test_a_dead_lettered_outcome_is_published_as_failed(delivery: Delivery) -> None:
    delivery.deliver.announce_failure(message(ANSWER, receives=5), "Failed 5 times.")
    assert delivery.events.types == ["Cutout Failed"]
    assert (delivery.record()["status"], delivery.record()["code"]) == ("failed", "deliver_failed")


def test_an_end_that_could_not_be_published_keeps_what_it_said_of_the_calls(delivery: Delivery) -> None:
    ended = replace(FAILED, attempts=5, possibly_paid=2, request_id="r-7")
    delivery.deliver.announce_failure(message(ended, receives=12), "Failed 12 times.")
    (detail,) = delivery.events.details
    assert (detail["code"], detail["attempts"], detail["request_id"]) == ("deliver_failed", 5, "r-7")


PAUSED = SpendingNotice(kind="paused", code="no_credits", reason="Buy some.", until=NOW + 60)
RESUMED = SpendingNotice(kind="resumed", code="open", reason="A call went well again.")


@pytest.mark.parametrize(("notice", "detail_type"), [(PAUSED, "Spending Paused"), (RESUMED, "Spending Resumed")])
def test_a_pause_of_spending_and_its_end_are_published(
    delivery: Delivery, notice: SpendingNotice, detail_type: str
) -> None:
    before = delivery.record()
    assert delivery.handle(notice.to_json()) == Done()
    assert delivery.events.published == [(detail_type, asdict(notice))]
    assert (delivery.cloud.keys(OUTPUT), delivery.cloud.tags("shop/a.jpg")) == ([], {})
    assert delivery.record() == before


def test_a_dead_lettered_notice_is_no_photo_that_failed(delivery: Delivery) -> None:
    delivery.deliver.announce_failure(
        Message(body=PAUSED.to_json(), receive_count=5, sent_at_seconds=NOW), "Failed 5 times."
    )
    assert delivery.events.published == []


def test_a_message_and_a_record_of_the_version_before_are_delivered(delivery: Delivery) -> None:
    """Written by hand as that version wrote them: the answer has no note, the record no version."""
    old = {
        "upload": {
            "bucket": INPUT,
            "key": "shop/a.jpg",
            "sequencer": "02",
            "version_id": None,
            "arrived_at_seconds": 1721999993.0,
            "etag": None,
        },
        "outcome": {
            "work_key": ANSWER.work_key,
            "picture_sha256": ANSWER.picture_sha256,
            "format": "png",
            "width": 80,
            "height": 64,
            "credits": 2.0,
            "request_id": "r1",
            "provider": "ezlink",
        },
    }
    delivery.cloud.table.update(
        f"object#{INPUT}/shop/a.jpg",
        "SET sequencer = :sequencer, job_id = :job_id, #status = :status, updated_at = :now REMOVE version_id",
        {"sequencer": "02", "job_id": UPLOAD.job_id, "status": "waiting", "now": NOW},
    )
    assert delivery.handle(json.dumps(old)) == Done()
    assert delivery.record()["status"] == "delivered"
    assert delivery.events.types == ["Cutout Delivered"]


@pytest.mark.parametrize(
    ("upload", "outcome"),
    [
        (replace(UPLOAD, sequencer="~"), ANSWER),
        (UPLOAD, replace(ANSWER, work_key=f"paid/{'0' * 64}.png")),
        (UPLOAD, Ended(kind="skip", code="c", reason="It would be left alone for ever.")),  # type: ignore[arg-type]
    ],
    ids=["a sequencer after all others", "another's answer", "the tag that means: leave alone"],
)
def test_a_forged_outcome_is_neither_delivered_nor_published(
    delivery: Delivery, upload: Upload, outcome: PaidAnswer | Ended
) -> None:
    """By a message itself, and when it was dead-lettered."""
    before = delivery.record()
    forged = Message(
        body=OutcomeMessage(upload=upload, outcome=outcome).to_json(), receive_count=1, sent_at_seconds=NOW
    )
    with pytest.raises(MalformedMessageError, match="cannot be from the stage before"):
        delivery.deliver(forged)
    with pytest.raises(MalformedMessageError):
        delivery.deliver.announce_failure(forged, "It came too often.")
    assert delivery.cloud.keys(OUTPUT) == []
    assert delivery.cloud.tags(UPLOAD.key) == {}
    assert delivery.events.types == []
    assert delivery.record() == before


# An input that is taken away while its photos wait.


TAKEN_AWAY = replace(UPLOAD, bucket="taken-away")


def outcome_message(upload: Upload, outcome: PaidAnswer | Ended) -> Message:
    return Message(body=OutcomeMessage(upload=upload, outcome=outcome).to_json(), receive_count=1, sent_at_seconds=NOW)


def test_what_was_paid_for_a_photo_of_no_input_waits_as_a_dead_letter(delivery: Delivery) -> None:
    sent, before = outcome_message(TAKEN_AWAY, ANSWER), delivery.record()
    result = delivery.deliver(sent)
    assert isinstance(result, DeadLetter) and result.details == {"code": "input_removed"} and result.announce
    delivery.deliver.announce_failure(sent, result.reason)
    ((kind, detail),) = delivery.events.published
    assert (kind, detail["code"], detail["bucket"]) == ("Cutout Failed", "input_removed", "taken-away")
    assert "what was paid for is not paid for again" in detail["reason"]
    assert delivery.cloud.keys(OUTPUT) == []
    assert delivery.record() == before


def test_a_changed_filter_holds_up_nothing_that_is_paid_for(delivery: Delivery) -> None:
    """If the photo may not be read any more, it is delivered as one that is gone."""
    narrow = replace(delivery.deliver, sources=[PhotoSource(bucket=INPUT, prefix="other/")])
    assert narrow(outcome_message(UPLOAD, ANSWER)) == Done()
    assert delivery.events.types == ["Cutout Delivered"]


def test_the_end_of_a_photo_of_no_input_is_published_and_nothing_of_it_touched(delivery: Delivery) -> None:
    before = delivery.record()
    end = Ended(kind="failed", code="input_removed", reason="It is of no input.")
    assert delivery.deliver(outcome_message(TAKEN_AWAY, end)) == Done()
    assert delivery.events.types == ["Cutout Failed"]
    assert (delivery.record(), delivery.cloud.tags(UPLOAD.key)) == (before, {})


def test_any_other_end_of_a_photo_of_no_input_waits_unpublished_for_its_input(delivery: Delivery) -> None:
    """The stage before may have decided it before the input was removed, or somebody may have forged it."""
    result = delivery.deliver(outcome_message(TAKEN_AWAY, REJECTED))
    assert isinstance(result, DeadLetter) and (result.details, result.announce) == ({"code": "input_removed"}, False)
    assert delivery.events.types == []


def test_a_remake_of_a_photo_of_no_input_is_a_dead_letter(delivery: Delivery) -> None:
    asked = Remake(bucket="taken-away", key=UPLOAD.key).to_json()
    result = delivery.deliver(Message(body=asked, receive_count=1, sent_at_seconds=NOW))
    assert isinstance(result, DeadLetter) and (result.details, result.announce) == ({"code": "input_removed"}, False)


# What was paid for is not kept for ever.


def test_an_answer_gone_before_its_delivery_is_a_dead_letter_that_says_what_helps(cloud: Cloud) -> None:
    """At once: no try brings it back."""
    delivery = Delivery(cloud)
    cloud.clients.s3.delete_object(Bucket=WORK, Key=ANSWER.work_key)
    result = delivery.handle(OutcomeMessage(upload=UPLOAD, outcome=ANSWER).to_json())
    assert isinstance(result, DeadLetter)
    assert (result.details, result.announce) == ({"code": "answer_expired"}, True)
    assert "redrive" in result.reason


def test_a_message_that_comes_again_long_after_its_delivery_is_no_dead_letter(cloud: Cloud) -> None:
    delivery = Delivery(cloud)
    delivery.end()
    cloud.clients.s3.delete_object(Bucket=WORK, Key=ANSWER.work_key)
    delivery.end()
    assert delivery.events.types == ["Cutout Delivered"]


def test_an_older_upload_does_not_win_when_the_newer_ones_record_has_expired(delivery: Delivery) -> None:
    """As when an event is replayed after `keep_jobs_days`: the cut-out itself says how new it is."""
    delivery.newer_one_is_delivered()
    delivery.jobs = JobRecords(table=table_in_memory())
    delivery.use(FULL)
    assert delivery.jobs.begin(UPLOAD, now=NOW) == "begun"
    delivery.end()
    assert delivery.cloud.read(OUTPUT, "shop/a.png") == b"new cut-out"
    assert delivery.events.types[-1] == "Cutout Skipped"


# ---- what an uploader or a requester chose, and what subscribers rely on

CHOSEN = replace(UPLOAD, choices=Choices(renditions=("small", "full"), reference="order 4711"))


def test_the_chosen_renditions_alone_are_made_also_when_they_are_made_anew(delivery: Delivery) -> None:
    delivery.use(*SET)
    delivery.end(upload=delivery.seen(CHOSEN))
    delivery.remake()
    assert sorted(delivery.cloud.keys(OUTPUT)) == ["shop/a.png", "small/shop/a.jpg.png"]
    for detail in delivery.events.details:
        assert [each["name"] for each in detail["renditions"]] == ["full", "small"]
    assert [detail.get("remade") for detail in delivery.events.details] == [None, True]


@pytest.mark.parametrize("outcome", [ANSWER, REJECTED, FAILED, SKIPPED], ids=lambda each: type(each).__name__)
def test_every_event_of_a_photo_has_its_reference(delivery: Delivery, outcome: PaidAnswer | Ended) -> None:
    delivery.end(outcome, CHOSEN)
    assert [detail["reference"] for detail in delivery.events.details] == ["order 4711"]


def test_a_refused_request_is_published_and_touches_no_photo(delivery: Delivery) -> None:
    before = delivery.record()
    requested = replace(CHOSEN, bucket="another", request="e1")
    refused = RefusedRequest(upload=requested, code="request_not_allowed", reason="No photos are taken from it.")
    for _time in range(2):
        assert delivery.handle(refused.to_json()) == Done()
    (detail_type, detail), _again = delivery.events.published
    assert (detail_type, detail["code"], detail["job_id"]) == (
        "Cutout Rejected",
        "request_not_allowed",
        requested.job_id,
    )
    assert (detail["bucket"], detail["reference"]) == ("another", "order 4711")
    assert len(set(delivery.events.ids)) == 1
    assert (delivery.cloud.keys(OUTPUT), delivery.cloud.tags("shop/a.jpg"), delivery.record()) == ([], {}, before)


def test_an_event_that_is_published_again_has_the_same_id(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the worker dies before the end is on record."""
    delivered = JobRecords.delivered

    def dies(*_arguments: Any, **_more: Any) -> None:
        monkeypatch.setattr(JobRecords, "delivered", delivered)
        raise ConnectionError

    monkeypatch.setattr(JobRecords, "delivered", dies)
    with pytest.raises(ConnectionError):
        delivery.end()
    delivery.end()
    assert delivery.events.types == ["Cutout Delivered"] * 2
    assert len(set(delivery.events.ids)) == 1


def test_a_photo_that_fails_again_after_a_redrive_is_another_event(delivery: Delivery) -> None:
    delivery.end(FAILED)
    delivery.end(FAILED)
    delivery.end(replace(FAILED, redriven_at=NOW))
    first, doubled, redriven = delivery.events.ids
    assert first == doubled != redriven


def test_renditions_made_anew_are_another_event_each_time(delivery: Delivery) -> None:
    delivery.end()
    message_ = Message(body=Remake(bucket=INPUT, key=UPLOAD.key).to_json(), receive_count=1, sent_at_seconds=NOW)
    for sent_at in (NOW, NOW, NOW + 0.25):
        delivery.deliver(replace(message_, sent_at_seconds=sent_at))
    delivered, once, twice, other = delivery.events.ids
    assert once == twice
    assert len({delivered, once, other}) == 3
