"""Every way in which an upload can go: to the cut queue, or to its end with a reason."""

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dropcut.adapters.imaging_process import ImagingFailedError
from dropcut.adapters.job_records import JobRecords
from dropcut.core import picture_refusals
from dropcut.core.message_result import Done, Message
from dropcut.core.messages import CutRequest, Ended, MalformedMessageError, OutcomeMessage
from dropcut.core.picture_limits import DecodeLimits, Fitted, PictureRefusedError
from dropcut.imaging.fit import fit
from dropcut.use_cases.prepare import Prepare

from tests.functions.cloud import INPUT, WORK, Cloud
from tests.functions.pictures import decoded, picture
from tests.functions.upload_messages import body, by_event_bridge, by_notification

NOW = 1_722_000_000.0
PHOTO = picture("jpeg")


@pytest.fixture
def prepare(cloud: Cloud) -> Prepare:
    return prepare_with(cloud)


def prepare_with(cloud: Cloud, *, input_prefix: str = "") -> Prepare:
    return Prepare(
        objects=cloud.objects,
        jobs=JobRecords(table=cloud.table),
        cut_queue=cloud.queues["cut"],
        deliver_queue=cloud.queues["deliver"],
        fit=partial(fit, limits=DecodeLimits(max_pixels=6_000_000, max_frames=3)),
        max_photo_mib=1,
        input_bucket=INPUT,
        input_prefix=input_prefix,
        work_bucket=WORK,
        clock=lambda: NOW,
    )


def message(event: Any) -> Message:
    return Message(body=body(event), receive_count=1, sent_at_seconds=NOW - 3)


def requests(cloud: Cloud) -> list[CutRequest]:
    return [CutRequest.from_json(sent["Body"]) for sent in cloud.take("cut")]


def ends(cloud: Cloud) -> list[Ended]:
    """What was sent to the deliver queue, with the assurance that all of it are ends."""
    outcomes = [OutcomeMessage.from_json(sent["Body"]).outcome for sent in cloud.take("deliver")]
    assert all(isinstance(outcome, Ended) for outcome in outcomes)
    return outcomes  # type: ignore[return-value]


def end_of(cloud: Cloud) -> tuple[str, str]:
    """The one end there is, and the assurance that nothing waits to be paid for."""
    (end,) = ends(cloud)
    assert requests(cloud) == []
    assert cloud.keys(WORK) == []
    assert end.reason.endswith(".")
    return end.kind, end.code


@pytest.mark.parametrize("shape", [by_event_bridge, by_notification])
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_a_photo_is_made_ready_and_waits_to_be_paid_for(cloud: Cloud, prepare: Prepare, shape: Any, kind: str) -> None:
    photo = picture(kind)
    cloud.put("shop/ü a+b.jpg", photo)
    assert prepare(message(shape("shop/ü a+b.jpg"))) == Done()
    (request,) = requests(cloud)
    sha256 = hashlib.sha256(photo).hexdigest()
    assert (request.upload.bucket, request.upload.key) == (INPUT, "shop/ü a+b.jpg")
    assert request.upload.arrived_at_seconds == NOW - 3
    assert (request.picture.sha256, request.picture.format) == (sha256, kind)
    assert (request.picture.width, request.picture.height, request.picture.size_bytes) == (80, 64, len(photo))
    assert cloud.read(WORK, request.picture.work_key) == photo
    assert request.picture.work_key.startswith("prepared/")
    assert (cloud.item(f"object#{INPUT}/shop/ü a+b.jpg") or {})["status"] == "waiting"
    assert cloud.take("deliver") == []


def test_a_sideways_photo_is_sent_upright(cloud: Cloud, prepare: Prepare) -> None:
    cloud.put("a.jpg", picture("jpeg", orientation=6))
    prepare(message(by_event_bridge()))
    (request,) = requests(cloud)
    assert (request.picture.width, request.picture.height) == (64, 80)
    sent = cloud.read(WORK, request.picture.work_key)
    assert decoded(sent).size == (64, 80)
    assert request.picture.sha256 == hashlib.sha256(sent).hexdigest()


def png_with_pixels(width: int, height: int) -> bytes:
    return picture("png", width=width, height=height, mode="1")


@pytest.mark.parametrize(
    ("key", "photo", "end"),
    [
        ("folder/", b"", ("skipped", "folder")),
        ("a.jpg", b"", ("rejected", "empty")),
        ("a.png", b"this is a letter, not a picture", ("rejected", "not_a_picture")),
        ("a.jpg", b"\0\0\0\x18ftypheic" + b"\0" * 40, ("rejected", "damaged")),
        ("a.jpg", PHOTO[:15], ("rejected", "damaged")),
        ("a.jpg", PHOTO[: len(PHOTO) * 2 // 3], ("rejected", "damaged")),
        ("a.png", picture("png", width=300, height=300)[:-700], ("rejected", "damaged")),
        ("a.jpg", picture("jpeg", width=63, height=200), ("rejected", "too_small")),
        ("a.png", png_with_pixels(2001, 3000), ("rejected", "too_many_pixels")),
        ("a.png", png_with_pixels(70, 80_000), ("rejected", "too_narrow")),
        ("a.jpg", PHOTO + b"\0" * (1024 * 1024), ("rejected", "too_many_bytes")),
    ],
    ids=lambda part: part if isinstance(part, str) else None,
)
def test_what_cannot_be_sent_ends_with_its_reason_and_costs_nothing(
    cloud: Cloud, prepare: Prepare, key: str, photo: bytes, end: tuple[str, str]
) -> None:
    cloud.put(key, photo)
    assert prepare(message(by_event_bridge(key))) == Done()
    assert end_of(cloud) == end


@pytest.mark.parametrize(
    ("photo", "sent_as"),
    [(png_with_pixels(2048, 2048), ("png", 2048, 2048)), (png_with_pixels(2000, 3000), ("jpeg", 1672, 2508))],
    ids=["as many pixels as the API takes", "as many as we take"],
)
def test_a_photo_of_just_the_largest_size_is_sent(
    cloud: Cloud, prepare: Prepare, photo: bytes, sent_as: tuple[str, int, int]
) -> None:
    cloud.put("a.png", photo)
    prepare(message(by_event_bridge("a.png")))
    (request,) = requests(cloud)
    assert (request.picture.format, request.picture.width, request.picture.height) == sent_as


def test_a_photo_of_just_the_largest_file_is_sent(cloud: Cloud, prepare: Prepare) -> None:
    cloud.put("a.jpg", PHOTO + b"\0" * (1024 * 1024 - len(PHOTO)))
    prepare(message(by_event_bridge()))
    (request,) = requests(cloud)
    assert request.picture.size_bytes <= len(PHOTO)


def test_the_request_says_which_bytes_were_read(cloud: Cloud, prepare: Prepare) -> None:
    cloud.put("a.jpg", PHOTO)
    cloud.put("letter.png", b"not a picture")
    prepare(message(by_event_bridge()))
    prepare(message(by_event_bridge("letter.png")))
    (request,) = requests(cloud)
    assert request.upload.etag == cloud.clients.s3.head_object(Bucket=INPUT, Key="a.jpg")["ETag"]
    (end,) = (OutcomeMessage.from_json(sent["Body"]) for sent in cloud.take("deliver"))
    assert end.upload.etag == cloud.clients.s3.head_object(Bucket=INPUT, Key="letter.png")["ETag"]


def test_an_error_of_the_imaging_goes_up_and_the_upload_is_taken_up_again(cloud: Cloud, prepare: Prepare) -> None:
    def no_disc(source: Path, target: Path) -> Fitted:
        raise ImagingFailedError("OSError: No space left on device")

    cloud.put("a.jpg", PHOTO)
    with pytest.raises(ImagingFailedError):
        replace(prepare, fit=no_disc)(message(by_event_bridge()))
    assert ends(cloud) == requests(cloud) == []
    prepare(message(by_event_bridge()))
    assert len(requests(cloud)) == 1


def test_a_photo_that_took_too_long_is_tried_once_more_and_then_rejected(cloud: Cloud, prepare: Prepare) -> None:
    """Its neighbour may have taken the processor."""

    def slow(source: Path, target: Path) -> Fitted:
        raise picture_refusals.too_slow(40)

    object.__setattr__(prepare, "fit", slow)
    cloud.put("a.jpg", picture("jpeg"))
    first = message(by_event_bridge("a.jpg"))
    with pytest.raises(PictureRefusedError):
        prepare(first)
    assert ends(cloud) == []
    assert prepare(replace(first, receive_count=2)) == Done()
    assert end_of(cloud) == ("rejected", "too_slow")


def test_an_object_that_is_gone_is_skipped(cloud: Cloud, prepare: Prepare) -> None:
    prepare(message(by_event_bridge()))
    assert end_of(cloud) == ("skipped", "gone")


def test_a_version_that_is_gone_is_skipped_though_a_newer_one_is_there(cloud: Cloud, prepare: Prepare) -> None:
    cloud.clients.s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Enabled"})
    version = cloud.clients.s3.put_object(Bucket=INPUT, Key="a.jpg", Body=PHOTO)["VersionId"]
    cloud.clients.s3.delete_object(Bucket=INPUT, Key="a.jpg", VersionId=version)
    cloud.put("a.jpg", PHOTO)
    prepare(message(by_event_bridge(**{"version-id": version})))
    assert end_of(cloud) == ("skipped", "gone")


@pytest.mark.parametrize(
    ("tags", "taken"), [("dropcut=skip", False), ("dropcut=failed", True), ("team=skip", True), ("Dropcut=skip", True)]
)
def test_a_photo_tagged_to_be_skipped_is_left_alone(cloud: Cloud, prepare: Prepare, tags: str, taken: bool) -> None:
    cloud.put("a.jpg", PHOTO, tags=tags)
    prepare(message(by_event_bridge()))
    if taken:
        assert len(requests(cloud)) == 1
    else:
        assert end_of(cloud) == ("skipped", "left_alone")


@pytest.mark.parametrize(("key", "taken"), [("in/a.jpg", True), ("inn/a.jpg", False), ("a.jpg", False)])
def test_only_keys_under_the_prefix_are_taken(cloud: Cloud, key: str, taken: bool) -> None:
    cloud.put(key, PHOTO)
    prepare_with(cloud, input_prefix="in/")(message(by_event_bridge(key)))
    if taken:
        assert len(requests(cloud)) == 1
    else:
        assert end_of(cloud) == ("skipped", "other_prefix")


def test_a_bucket_that_is_not_ours_is_malformed(cloud: Cloud, prepare: Prepare) -> None:
    with pytest.raises(MalformedMessageError, match=f"other-bucket.*{INPUT}"):
        prepare(message(by_event_bridge(bucket="other-bucket")))
    assert cloud.take("cut") == cloud.take("deliver") == []


def test_a_test_event_is_dropped(cloud: Cloud, prepare: Prepare) -> None:
    assert prepare(message({"Event": "s3:TestEvent"})) == Done()
    assert cloud.take("cut") == cloud.take("deliver") == []


def test_events_that_come_twice_make_one_request(cloud: Cloud, prepare: Prepare) -> None:
    cloud.put("a.jpg", PHOTO)
    for event in (by_event_bridge(), by_event_bridge(), by_notification()):
        assert prepare(message(event)) == Done()
    assert len(requests(cloud)) == 1


def test_an_older_upload_that_comes_late_is_superseded(cloud: Cloud, prepare: Prepare) -> None:
    cloud.put("a.jpg", PHOTO)
    prepare(message(by_event_bridge(sequencer="0002")))
    prepare(message(by_event_bridge(sequencer="0001")))
    assert [request.upload.sequencer[:4] for request in requests(cloud)] == ["0002"]
    (end,) = ends(cloud)
    assert (end.kind, end.code) == ("skipped", "superseded")


def test_every_upload_of_one_notification_is_taken_up(cloud: Cloud, prepare: Prepare) -> None:
    cloud.put("a.jpg", PHOTO)
    cloud.put("b.jpg", picture("png"))
    records = by_notification("a.jpg")["Records"] + by_notification("b.jpg")["Records"]
    prepare(message({"Records": records}))
    assert [request.upload.key for request in requests(cloud)] == ["a.jpg", "b.jpg"]


def test_an_error_of_storage_goes_up_and_the_upload_is_taken_up_again(cloud: Cloud, prepare: Prepare) -> None:
    cloud.put("a.jpg", PHOTO)
    cloud.clients.s3.delete_bucket(Bucket=WORK)
    with pytest.raises(Exception, match="NoSuchBucket"):
        prepare(message(by_event_bridge()))
    cloud.clients.s3.create_bucket(Bucket=WORK, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    prepare(message(by_event_bridge()))
    assert len(requests(cloud)) == 1


def test_a_failure_is_announced_with_the_reason_it_was_set_aside_for(cloud: Cloud, prepare: Prepare) -> None:
    prepare.announce_failure(message(by_event_bridge()), "Failed 5 times.")
    assert ends(cloud) == [Ended(kind="failed", code="prepare_failed", reason="Failed 5 times.")]
