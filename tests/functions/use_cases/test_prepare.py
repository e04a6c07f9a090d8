"""Every way in which an upload can go: to the cut queue, or to its end with a reason."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from dropcut.adapters.imaging_process import ImagingFailedError
from dropcut.adapters.job_records import LOST_AFTER_SECONDS, JobRecords
from dropcut.adapters.object_store import CUTOUT_OF, ObjectForbiddenError, ObjectGoneError
from dropcut.core import picture_refusals
from dropcut.core.choices import Choices
from dropcut.core.deliver_message import read_deliver_message
from dropcut.core.message_result import DeadLetter, Done, Message, Wait
from dropcut.core.messages import (
    MOST_INLINE_BYTES,
    CutRequest,
    Ended,
    OutcomeMessage,
    RefusedRequest,
    Upload,
)
from dropcut.core.photo_source import ByPhoto, PhotoSource
from dropcut.core.picture_limits import DecodeLimits, Fitted, PictureRefusedError
from dropcut.imaging.fit import fit
from dropcut.use_cases.intake import Intake
from dropcut.use_cases.prepare import SETTLED_AFTER_SECONDS, TRIES_IF_SLOW, Prepare

from tests.functions.cloud import INPUT, WORK, Cloud
from tests.functions.fakes import FakeQueue
from tests.functions.pictures import decoded, picture, sent_as_it_is
from tests.functions.upload_messages import body, by_event_bridge, by_notification, request
from tests.functions.use_cases.delivery import ANSWER

NOW = 1_722_000_000.0
SENT_AT = NOW - 3
PHOTO = picture("jpeg")
SURELY_VISIBLE = 15 * 60
"""Seconds after which S3 finds every version, by its guide."""


class Stage:
    """The prepare stage, its queues, and a clock to turn."""

    def __init__(self, cloud: Cloud, **filters: Any) -> None:
        self.cloud, self.now = cloud, NOW
        self.cut_queue, self.deliver_queue = FakeQueue(), FakeQueue()
        self.jobs = JobRecords(table=cloud.table)
        self.prepare = Prepare(
            objects=cloud.objects,
            jobs=self.jobs,
            cut_queue=self.cut_queue,
            deliver_queue=self.deliver_queue,
            fit=partial(fit, limits=DecodeLimits(max_pixels=6_000_000, max_frames=3)),
            max_photo_mib=1,
            intake=Intake(
                sources=[PhotoSource(bucket=INPUT, **filters)], rendition_names=ByPhoto(others=["full", "web"])
            ),
            work_bucket=WORK,
            clock=lambda: self.now,
        )

    def with_fit(self, fit: Callable[[Path, Path], Fitted]) -> "Stage":
        self.prepare = replace(self.prepare, fit=fit)
        return self

    def handle(self, event: Any, *, receives: int = 1, redriven: bool = False) -> None:
        assert self.prepare(message(event, receives=receives, redriven=redriven)) == Done()

    @property
    def requests(self) -> list[CutRequest]:
        return [CutRequest.from_json(sent) for sent in self.cut_queue.sent]

    @property
    def ends(self) -> list[tuple[str, str]]:
        """Kind and code of what was sent to the deliver queue."""
        ended = self.deliver_queue.outcomes()
        assert all(isinstance(end, Ended) and end.reason.endswith(".") for end in ended)
        return [(end.kind, end.code) for end in ended if isinstance(end, Ended)]

    def end(self) -> tuple[str, str]:
        """The one end there is, and the assurance that nothing waits to be paid for."""
        (end,) = self.ends
        assert self.requests == []
        assert self.cloud.keys(WORK) == []
        return end

    def status(self, key: str = "a.jpg") -> str:
        return str((self.cloud.item(f"object#{INPUT}/{key}") or {})["status"])


def message(event: Any, *, receives: int = 1, redriven: bool = False) -> Message:
    return Message(body=body(event), receive_count=receives, sent_at_seconds=SENT_AT, redriven=redriven)


@pytest.fixture
def stage(cloud: Cloud) -> Stage:
    return Stage(cloud)


@pytest.mark.parametrize("shape", [by_event_bridge, by_notification])
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_a_photo_is_made_ready_and_waits_to_be_paid_for(stage: Stage, shape: Any, kind: str) -> None:
    photo = picture(kind)
    stage.cloud.put("shop/ü a+b.jpg", photo)
    stage.handle(shape("shop/ü a+b.jpg"))
    (request,) = stage.requests
    assert (request.upload.bucket, request.upload.key) == (INPUT, "shop/ü a+b.jpg")
    assert request.upload.arrived_at_seconds == SENT_AT
    assert (request.picture.sha256, request.picture.format) == (hashlib.sha256(photo).hexdigest(), kind)
    assert (request.picture.width, request.picture.height, request.picture.size_bytes) == (80, 64, len(photo))
    assert request.content == photo
    assert stage.status("shop/ü a+b.jpg") == "waiting"
    assert stage.ends == []


@pytest.mark.parametrize(("size", "travels"), [(MOST_INLINE_BYTES, True), (MOST_INLINE_BYTES + 1, False)])
def test_a_small_picture_travels_in_its_message_and_a_larger_one_is_stored(
    stage: Stage, size: int, travels: bool
) -> None:
    stage.with_fit(sent_as_it_is)
    photo = PHOTO + b"\0" * (size - len(PHOTO))
    stage.cloud.put("a.jpg", photo)
    stage.handle(by_event_bridge())
    (request,) = stage.requests
    assert request.content == (photo if travels else b"")
    assert request.picture.work_key == f"prepared/{hashlib.sha256(photo).hexdigest()}.jpeg"
    assert stage.cloud.keys(WORK) == ([] if travels else [request.picture.work_key])
    assert travels or stage.cloud.read(WORK, request.picture.work_key) == photo


def test_eight_of_the_largest_messages_fit_into_what_sqs_hands_over_at_once(stage: Stage) -> None:
    stage.with_fit(sent_as_it_is)
    stage.cloud.put("a.jpg", PHOTO + b"\0" * (MOST_INLINE_BYTES - len(PHOTO)))
    stage.handle(by_event_bridge())
    attributes_of_one = 1024
    assert 8 * (len(stage.cut_queue.sent[0]) + attributes_of_one) <= 1024 * 1024


def test_a_sideways_photo_is_sent_upright(stage: Stage) -> None:
    stage.cloud.put("a.jpg", picture("jpeg", orientation=6))
    stage.handle(by_event_bridge())
    (request,) = stage.requests
    assert (request.picture.width, request.picture.height) == (64, 80)
    assert decoded(request.content).size == (64, 80)
    assert request.picture.sha256 == hashlib.sha256(request.content).hexdigest()


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
    stage: Stage, key: str, photo: bytes, end: tuple[str, str]
) -> None:
    stage.cloud.put(key, photo)
    stage.handle(by_event_bridge(key))
    assert stage.end() == end


@pytest.mark.parametrize(
    ("photo", "sent_as"),
    [(png_with_pixels(2048, 2048), ("png", 2048, 2048)), (png_with_pixels(2000, 3000), ("jpeg", 1672, 2508))],
    ids=["as many pixels as the API takes", "as many as we take"],
)
def test_a_photo_of_just_the_largest_size_is_sent(stage: Stage, photo: bytes, sent_as: tuple[str, int, int]) -> None:
    stage.cloud.put("a.png", photo)
    stage.handle(by_event_bridge("a.png"))
    (request,) = stage.requests
    assert (request.picture.format, request.picture.width, request.picture.height) == sent_as


def test_a_photo_of_just_the_largest_file_is_sent(stage: Stage) -> None:
    stage.cloud.put("a.jpg", PHOTO + b"\0" * (1024 * 1024 - len(PHOTO)))
    stage.handle(by_event_bridge())
    (request,) = stage.requests
    assert request.picture.size_bytes <= len(PHOTO)


def test_the_request_says_which_bytes_were_read(stage: Stage) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    stage.handle(by_event_bridge())
    (request,) = stage.requests
    assert request.upload.etag == stage.cloud.clients.s3.head_object(Bucket=INPUT, Key="a.jpg")["ETag"]


def test_an_error_of_the_imaging_goes_up_and_the_upload_is_taken_up_again(stage: Stage) -> None:
    def no_disk(source: Path, target: Path) -> Fitted:
        raise ImagingFailedError("OSError: No space left on device")

    stage.cloud.put("a.jpg", PHOTO)
    with pytest.raises(ImagingFailedError):
        stage.with_fit(no_disk).handle(by_event_bridge())
    assert (stage.ends, stage.requests) == ([], [])
    stage.with_fit(sent_as_it_is).handle(by_event_bridge())
    assert len(stage.requests) == 1


def test_a_photo_that_took_too_long_is_tried_again_and_then_rejected(stage: Stage) -> None:
    """Its neighbour may have taken the processor."""

    def slow(source: Path, target: Path) -> Fitted:
        raise picture_refusals.too_slow(40)

    stage.with_fit(slow)
    stage.cloud.put("a.jpg", PHOTO)
    with pytest.raises(PictureRefusedError):
        stage.handle(by_event_bridge("a.jpg"), receives=TRIES_IF_SLOW - 1)
    assert stage.ends == []
    stage.handle(by_event_bridge("a.jpg"), receives=TRIES_IF_SLOW)
    assert stage.end() == ("rejected", "too_slow")


@pytest.mark.parametrize(
    ("said", "code", "advice"),
    [
        (("InvalidObjectState", "The operation is not valid for the object's storage class"), "archived", "Restore it"),
        (
            ("InvalidRequest", "The object was stored using a form of Server Side Encryption."),
            "customer_key",
            "Upload it without",
        ),
    ],
)
def test_a_photo_that_s3_gives_to_nobody_like_us_is_rejected_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, said: tuple[str, str], code: str, advice: str
) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    monkeypatch.setattr(stage.cloud.clients.s3, "get_object", refusing(*said))
    stage.handle(by_event_bridge())
    (end,) = stage.deliver_queue.outcomes()
    assert isinstance(end, Ended)
    assert (stage.end(), advice in end.reason) == (("rejected", code), True)


@pytest.mark.parametrize(
    ("code", "text", "said"),
    [
        ("AccessDenied", "Access Denied", r"AccessDenied.*whether the bucket is in this account"),
        ("AccessDenied", "is not authorized to perform: kms:Decrypt", "Allow kms:Decrypt"),
        ("KMS.DisabledException", "arn:aws:kms:... is disabled.", "Allow kms:Decrypt"),
    ],
)
def test_a_photo_that_may_not_be_read_is_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, code: str, text: str, said: str
) -> None:
    """Once a key that was disabled for a minute had every photo of that minute rejected for good."""
    stage.cloud.put("a.jpg", PHOTO)
    monkeypatch.setattr(stage.cloud.clients.s3, "get_object", refusing(code, text))
    with pytest.raises(ObjectForbiddenError, match=said):
        stage.handle(by_event_bridge())
    assert stage.ends == []


def refusing(code: str, text: str) -> Callable[..., Any]:
    def refuse(**_request: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": text}}, "GetObject")

    return refuse


def test_a_photo_that_was_never_read_has_a_record_when_it_failed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one deliver finds nothing that it could end, and `dropcut status` knows no such photo."""
    stage.cloud.put("a.jpg", PHOTO)
    monkeypatch.setattr(stage.cloud.clients.s3, "get_object", refusing("KMS.DisabledException", "is disabled."))
    stage.prepare.announce_failure(message(by_event_bridge()), "Failed 12 times.")
    assert stage.end() == ("failed", "prepare_failed")
    record = stage.cloud.item(f"object#{INPUT}/a.jpg")
    assert record
    assert record["status"] == "preparing"


def test_an_object_that_is_gone_is_skipped(stage: Stage) -> None:
    stage.handle(by_event_bridge())
    assert stage.end() == ("skipped", "gone")


class Versions:
    """An input bucket that keeps versions; each upload's event comes when a test says so."""

    def __init__(self, cloud: Cloud) -> None:
        self._s3 = cloud.clients.s3
        self._s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Enabled"})

    def put(self, content: bytes) -> str:
        return str(self._s3.put_object(Bucket=INPUT, Key="a.jpg", Body=content)["VersionId"])

    def remove(self, version: str) -> None:
        self._s3.delete_object(Bucket=INPUT, Key="a.jpg", VersionId=version)


@pytest.fixture
def versions(cloud: Cloud) -> Versions:
    return Versions(cloud)


def of_version(version: str, sequencer: str = "02") -> Any:
    return by_event_bridge(**{"version-id": version, "sequencer": sequencer})


def test_a_version_that_is_gone_is_skipped_though_a_newer_one_is_there(stage: Stage, versions: Versions) -> None:
    version = versions.put(PHOTO)
    versions.remove(version)
    versions.put(PHOTO)
    stage.now = SENT_AT + SURELY_VISIBLE
    stage.handle(of_version(version))
    assert stage.end() == ("skipped", "gone")


def test_a_young_version_that_s3_does_not_find_yet_is_tried_again(stage: Stage, versions: Versions) -> None:
    """For a quarter of an hour after versioning was first enabled, S3 may not find new versions."""
    version = versions.put(PHOTO)
    versions.remove(version)
    stage.now = SENT_AT + SURELY_VISIBLE - 1
    with pytest.raises(ObjectGoneError):
        stage.handle(of_version(version))
    assert stage.ends == []


def test_a_newer_version_that_is_gone_leaves_the_older_one_to_be_cut(stage: Stage, versions: Versions) -> None:
    older = versions.put(PHOTO)
    stage.handle(of_version(older, "01"))
    newer = versions.put(b"oops, the wrong file")
    versions.remove(newer)
    stage.now = SENT_AT + SURELY_VISIBLE
    stage.handle(of_version(newer, "02"))
    assert stage.ends == [("skipped", "gone")]
    (request,) = stage.requests
    assert stage.jobs.state(request.upload) == "under_way"


@pytest.mark.parametrize(
    ("tags", "taken"), [("dropcut=skip", False), ("dropcut=failed", True), ("team=skip", True), ("Dropcut=skip", True)]
)
def test_a_photo_tagged_to_be_skipped_is_left_alone(stage: Stage, tags: str, taken: bool) -> None:
    stage.cloud.put("a.jpg", PHOTO, tags=tags)
    stage.handle(by_event_bridge())
    assert len(stage.requests) == taken
    assert stage.ends == ([] if taken else [("skipped", "left_alone")])


@pytest.mark.parametrize(("key", "taken"), [("in/a.jpg", True), ("inn/a.jpg", False), ("a.jpg", False)])
def test_only_keys_under_the_prefix_are_taken(cloud: Cloud, key: str, taken: bool) -> None:
    stage = Stage(cloud, prefix="in/")
    cloud.put(key, PHOTO)
    stage.handle(by_event_bridge(key))
    assert len(stage.requests) == taken
    assert stage.ends == ([] if taken else [("skipped", "other_prefix")])


@pytest.mark.parametrize(
    ("filters", "tags", "code"),
    [
        ({"tag": ("cut", "yes")}, "cut=yes", None),
        ({"tag": ("cut", "yes")}, "cut=no", "other_tag"),
        ({"tag": ("cut", "yes")}, "", "other_tag"),
        ({"suffixes": (".png",)}, "", "other_suffix"),
        ({"smallest_bytes": 10_000_000}, "", "other_size"),
    ],
)
def test_what_an_input_leaves_out_is_skipped_with_the_reason(
    cloud: Cloud, filters: dict[str, Any], tags: str, code: str | None
) -> None:
    """EventBridge sees no tag; and messages that come another way, such as redriven ones, passed no rule."""
    stage = Stage(cloud, **filters)
    cloud.put("a.jpg", PHOTO, tags=tags)
    stage.handle(by_event_bridge())
    assert len(stage.requests) == (code is None)
    assert stage.ends == ([] if code is None else [("skipped", code)])


def test_a_photo_whose_input_was_taken_away_is_a_dead_letter_that_says_what_to_do(stage: Stage) -> None:
    """Nothing is read or recorded, so that it goes on as if it had just come when the input is back."""
    waiting = message(by_event_bridge(bucket="other-bucket"))
    result = stage.prepare(waiting)
    assert isinstance(result, DeadLetter) and result.announce and result.details == {"code": "input_removed"}
    assert f"in other-bucket is of no input of this deployment any more. Photos are taken from {INPUT}" in result.reason
    assert "redrive the message" in result.reason
    stage.prepare.announce_failure(waiting, result.reason)
    assert stage.end() == ("failed", "input_removed")
    assert stage.cloud.item("object#other-bucket/a.jpg") is None


def test_a_test_event_is_dropped(stage: Stage) -> None:
    stage.handle({"Event": "s3:TestEvent"})
    assert (stage.requests, stage.ends) == ([], [])


def test_events_that_come_twice_make_one_request(stage: Stage) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    for event in (by_event_bridge(), by_event_bridge(), by_notification()):
        stage.handle(event)
    assert len(stage.requests) == 1


def test_an_event_that_comes_again_after_its_photo_was_deleted_ends_nothing(stage: Stage) -> None:
    """It may be paid for by now; whoever handles it next finds out that it is gone."""
    stage.cloud.put("a.jpg", PHOTO)
    stage.handle(by_event_bridge())
    stage.cloud.clients.s3.delete_object(Bucket=INPUT, Key="a.jpg")
    stage.handle(by_event_bridge())
    assert (len(stage.requests), stage.ends, stage.status()) == (1, [], "waiting")


@pytest.mark.parametrize(("waited", "taken_up"), [(LOST_AFTER_SECONDS, False), (LOST_AFTER_SECONDS + 1, True)])
def test_a_waiting_photo_whose_message_may_be_gone_is_taken_up_by_a_replay(
    stage: Stage, waited: float, taken_up: bool
) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    stage.handle(by_event_bridge())
    stage.now += waited
    stage.handle(by_event_bridge())
    assert len(stage.requests) == 1 + taken_up
    assert stage.status() == "waiting"


@pytest.mark.parametrize("redriven", [True, False])
def test_a_photo_that_was_rejected_is_taken_up_by_a_redrive_alone(stage: Stage, redriven: bool) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    stage.handle(by_event_bridge())
    rejected = Ended(kind="rejected", code="http_400", reason="The API refused it.")
    stage.jobs.ended(stage.requests[0].upload, rejected, now=NOW)
    stage.handle(by_event_bridge(), redriven=redriven)
    assert [request.redriven_at for request in stage.requests] == ([0.0, SENT_AT] if redriven else [0.0])


def test_an_older_upload_that_comes_late_is_superseded(stage: Stage) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    stage.handle(by_event_bridge(sequencer="0002"))
    stage.handle(by_event_bridge(sequencer="0001"))
    assert [request.upload.sequencer[:4] for request in stage.requests] == ["0002"]
    assert stage.ends == [("skipped", "superseded")]


def test_every_upload_of_one_notification_is_taken_up(stage: Stage) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    stage.cloud.put("b.jpg", picture("png"))
    stage.handle({"Records": by_notification("a.jpg")["Records"] + by_notification("b.jpg")["Records"]})
    assert [request.upload.key for request in stage.requests] == ["a.jpg", "b.jpg"]


def test_an_error_of_storage_goes_up_and_the_upload_is_taken_up_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.with_fit(sent_as_it_is)
    stage.cloud.put("a.jpg", PHOTO + b"\0" * MOST_INLINE_BYTES)
    with monkeypatch.context() as patched, pytest.raises(ClientError, match="SlowDown"):
        patched.setattr(stage.cloud.clients.s3, "put_object", refusing("SlowDown", "Reduce your request rate."))
        stage.handle(by_event_bridge())
    stage.handle(by_event_bridge())
    assert len(stage.requests) == 1


def test_a_dead_letter_is_published_as_failed_with_its_reason(stage: Stage) -> None:
    stage.prepare.announce_failure(message(by_event_bridge()), "Failed 5 times.")
    (body_,) = stage.deliver_queue.sent
    outcome = OutcomeMessage.from_json(body_)
    assert outcome.outcome == Ended(kind="failed", code="prepare_failed", reason="Failed 5 times.")


# ---- what an uploader or a requester chooses


def put(stage: Stage, key: str = "a.jpg", **metadata: str) -> None:
    stage.cloud.clients.s3.put_object(Bucket=INPUT, Key=key, Body=PHOTO, Metadata=metadata)


def settled(stage: Stage, key: str = "a.jpg") -> None:
    """So long after the object was written that its upload's event would have come."""
    written = stage.cloud.clients.s3.head_object(Bucket=INPUT, Key=key)["LastModified"].timestamp()
    stage.now = written + SETTLED_AFTER_SECONDS


def refused(stage: Stage) -> tuple[RefusedRequest, ...]:
    read = [read_deliver_message(sent) for sent in stage.deliver_queue.sent]
    return tuple(each for each in read if isinstance(each, RefusedRequest))


def test_what_the_uploader_wrote_into_the_photos_metadata_goes_with_it(stage: Stage) -> None:
    put(stage, **{"dropcut-renditions": "web", "dropcut-reference": "order 4711"})
    stage.handle(by_event_bridge())
    (sent,) = stage.requests
    assert sent.upload.choices == Choices(renditions=("web",), reference="order 4711")


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"dropcut-renditions": "web,amazon_man"}, "There is no rendition 'amazon_man' here. Allowed: full, web."),
        ({"dropcut-reference": "r" * 129}, "reference is 'rrr"),
    ],
    ids=["an unknown rendition", "too long a reference"],
)
def test_choices_that_cannot_be_are_a_rejection_before_anything_is_paid(
    stage: Stage, metadata: dict[str, str], says: str
) -> None:
    put(stage, **metadata)
    stage.handle(by_event_bridge())
    assert stage.end() == ("rejected", "choices_not_allowed")
    (end,) = stage.deliver_queue.outcomes()
    assert isinstance(end, Ended)
    assert says in end.reason


@pytest.mark.parametrize(
    ("content", "metadata", "code"),
    [
        (b"", {}, "empty"),
        (PHOTO, {"dropcut-renditions": "web,none"}, "choices_not_allowed"),
        (PHOTO, {"dropcut-renditions": "web,no name"}, "choices_not_allowed"),
    ],
    ids=["an empty file", "an unknown rendition", "what is no rendition's name"],
)
def test_a_rejected_photo_keeps_its_reference(
    stage: Stage, content: bytes, metadata: dict[str, str], code: str
) -> None:
    s3 = stage.cloud.clients.s3
    s3.put_object(Bucket=INPUT, Key="a.jpg", Body=content, Metadata={"dropcut-reference": "order 4711", **metadata})
    stage.handle(by_event_bridge())
    assert stage.end()[1] == code
    message_ = OutcomeMessage.from_json(stage.deliver_queue.sent[0])
    assert message_.upload.choices.reference == "order 4711"


def test_a_request_makes_an_object_ready_as_its_upload_would(stage: Stage) -> None:
    put(stage, **{"dropcut-renditions": "full", "dropcut-reference": "the uploader's"})
    settled(stage)
    stage.handle(request(reference="the requester's", metadata={"sku": "42"}))
    (sent,) = stage.requests
    assert sent.content == PHOTO
    assert sent.upload.choices == Choices(renditions=("full",), reference="the requester's", metadata={"sku": "42"})
    assert stage.status() == "waiting"


def test_the_same_request_twice_is_one_job(stage: Stage) -> None:
    put(stage)
    settled(stage)
    stage.handle(request())
    stage.handle(request())
    assert len(stage.requests) == 1


def test_a_request_comes_after_the_objects_own_upload_and_before_the_next_one(stage: Stage) -> None:
    put(stage)
    settled(stage)
    stage.handle(by_event_bridge())
    stage.handle(request())
    stage.handle(request(id_="e2"))
    stage.handle(by_event_bridge(sequencer="0066A1B2C3D4E5F608"))
    sequencers = [sent.upload.sequencer for sent in stage.requests]
    assert len(sequencers) == 4
    assert sequencers == sorted(set(sequencers))


def test_a_request_right_after_the_upload_waits_for_the_uploads_own_event(stage: Stage) -> None:
    put(stage)
    settled(stage)
    stage.now -= 3
    waits = stage.prepare(message(request()))
    assert isinstance(waits, Wait)
    assert waits.seconds == pytest.approx(3)
    assert (stage.requests, stage.cloud.item(f"object#{INPUT}/a.jpg")) == ([], None)
    stage.handle(by_event_bridge())
    stage.now += 3
    stage.handle(request())
    upload, requested = stage.requests
    assert upload.upload.sequencer < requested.upload.sequencer


def test_a_wait_for_the_uploads_event_is_no_try_of_a_slow_photo(stage: Stage) -> None:
    """Once the photo was rejected for good when its very first try took too long."""

    def slow(source: Path, target: Path) -> Fitted:
        raise picture_refusals.too_slow(40)

    put(stage)
    settled(stage)
    stage.now -= 3
    assert isinstance(stage.prepare(message(request())), Wait)
    stage.now += 3
    with pytest.raises(PictureRefusedError):
        stage.with_fit(slow).prepare(replace(message(request()), receive_count=2))
    assert stage.ends == []


def test_a_request_that_loses_its_place_to_another_is_ordered_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(stage)
    settled(stage)
    begin = JobRecords.begin

    def another_first(jobs: JobRecords, upload: Upload, **more: Any) -> Any:
        monkeypatch.setattr(JobRecords, "begin", begin)
        stage.handle(request(id_="e2"))
        return begin(jobs, upload, **more)

    monkeypatch.setattr(JobRecords, "begin", another_first)
    assert isinstance(stage.prepare(message(request())), Wait)
    assert stage.ends == []
    stage.handle(request())
    assert [sent.upload.request for sent in stage.requests] == ["e2", "e1"]


def test_an_older_request_that_comes_back_does_not_take_a_newer_ones_place(stage: Stage) -> None:
    put(stage)
    settled(stage)
    stage.now -= 3
    older, newer = message(request()), replace(message(request(id_="e2")), sent_at_seconds=SENT_AT + 2)
    assert isinstance(stage.prepare(older), Wait)
    stage.now += 3
    assert stage.prepare(newer) == stage.prepare(older) == Done()
    assert [sent.upload.request for sent in stage.requests] == ["e2"]
    assert stage.ends == [("skipped", "superseded")]


def test_an_older_request_that_is_redriven_is_the_newest_wish(stage: Stage) -> None:
    put(stage)
    settled(stage)
    stage.handle(request(id_="e2"))
    assert stage.prepare(replace(message(request(), redriven=True), sent_at_seconds=SENT_AT + 600)) == Done()
    assert [sent.upload.request for sent in stage.requests] == ["e2", "e1"]


def test_a_name_that_cannot_be_written_makes_a_request_malformed(stage: Stage) -> None:
    stage.handle(request("a\ud800.jpg"))
    stage.handle(request(version_id="\udfff"))
    assert [each.code for each in refused(stage)] == ["request_malformed"] * 2


@pytest.mark.parametrize("event", [by_event_bridge(), request()], ids=["upload", "request"])
def test_a_cut_out_that_comes_back_in_is_not_paid_for_again(stage: Stage, event: dict[str, Any]) -> None:
    put(stage, **{CUTOUT_OF: "5" * 64})
    settled(stage)
    stage.handle(event)
    assert stage.end() == ("skipped", "cutout")


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        (
            request("shop/a.jpg", bucket="another"),
            "request_not_allowed",
            "No photos are taken from the bucket another.",
        ),
        (request("a.jpg"), "request_not_allowed", "Only keys that begin with 'shop/' are taken."),
        (request("shop/a.jpg", renditions=["mask"]), "request_not_allowed", "There is no rendition 'mask' here."),
        (request("shop/a.jpg", renditions="web"), "request_malformed", "renditions is 'web'."),
    ],
    ids=["another bucket", "another prefix", "a rendition that is not made", "malformed"],
)
def test_a_request_for_what_is_not_done_here_is_refused_and_touches_nothing(
    cloud: Cloud, asked: dict[str, Any], code: str, says: str
) -> None:
    stage = Stage(cloud, prefix="shop/")
    put(stage, "shop/a.jpg")
    stage.handle(by_event_bridge("shop/a.jpg"))
    before = stage.cloud.item(f"object#{INPUT}/shop/a.jpg")
    stage.handle(asked)
    (refusal,) = refused(stage)
    assert (refusal.code, refusal.upload.key) == (code, asked["detail"]["key"])
    assert says in refusal.reason
    assert len(stage.requests) == 1
    assert stage.cloud.item(f"object#{INPUT}/shop/a.jpg") == before


def test_a_requested_object_that_is_not_there_is_skipped_as_gone(stage: Stage) -> None:
    stage.handle(request())
    assert stage.end() == ("skipped", "gone")


def test_a_request_that_cannot_be_handled_is_published_as_failed(stage: Stage) -> None:
    put(stage)
    stage.prepare.announce_failure(message(request(reference="order 4711")), "Failed 12 times.")
    assert stage.end() == ("failed", "prepare_failed")
    stage.prepare.announce_failure(message(request(renditions=7)), "Failed 12 times.")
    assert len(stage.deliver_queue.sent) == 1


def test_the_end_of_a_redriven_photo_differs_from_the_one_before(stage: Stage) -> None:
    stage.cloud.put("a.jpg", b"")
    stage.handle(by_event_bridge())
    stage.handle(by_event_bridge(), redriven=True)
    first, again = (end.redriven_at for end in stage.deliver_queue.outcomes() if isinstance(end, Ended))
    assert (first, again) == (0.0, SENT_AT)


# ---- photos that a back-fill asks for


def fed(stage: Stage, key: str = "a.jpg") -> None:
    """As the feeder asks for a photo that has been there for a while."""
    settled(stage, key)
    stage.handle(request(key, id_="backfill-one"))


def end(stage: Stage, status: str, *, renditions: Sequence[str] = ("full", "web"), etag: str | None = None) -> None:
    """As if an upload had ended so."""
    upload = Upload(bucket=INPUT, key="a.jpg", sequencer="00" * 16, etag=etag)
    settled(stage)
    stage.jobs.begin(upload, now=stage.now)
    if status == "delivered":
        outcome = OutcomeMessage(upload=upload, outcome=ANSWER)
        stage.jobs.delivered(outcome, output_keys=["a.png"], renditions=renditions, now=NOW)
    elif status != "preparing":
        stage.jobs.ended(upload, Ended(kind=status, code="c", reason="r."), now=NOW)  # type: ignore[arg-type]


def tag(stage: Stage, value: str) -> None:
    tagging: Any = {"TagSet": [{"Key": "dropcut", "Value": value}]}
    stage.cloud.clients.s3.put_object_tagging(Bucket=INPUT, Key="a.jpg", Tagging=tagging)


def test_a_photo_that_nobody_has_met_is_fed(stage: Stage) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    fed(stage)
    (asked,) = stage.requests
    assert (asked.upload.is_fed, stage.status()) == (True, "waiting")


@pytest.mark.parametrize("status", ["delivered", "rejected", "preparing"])
def test_what_is_done_or_under_way_is_left_alone_and_its_record_stays(stage: Stage, status: str) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    end(stage, status)
    before = stage.cloud.item(f"object#{INPUT}/a.jpg")
    fed(stage)
    assert (stage.requests, stage.ends) == ([], [])
    assert stage.cloud.item(f"object#{INPUT}/a.jpg") == before


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_what_has_no_cutout_and_may_get_one_is_fed(stage: Stage, status: str) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    end(stage, status)
    fed(stage)
    assert len(stage.requests) == 1


def test_a_photo_is_fed_when_a_rendition_came_to_the_deployment_since(stage: Stage) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    end(stage, "delivered", renditions=["full"])
    fed(stage)
    assert len(stage.requests) == 1


def test_a_photo_is_fed_when_it_is_not_the_one_that_was_delivered(stage: Stage) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    end(stage, "delivered", etag='"of another"')
    fed(stage)
    assert len(stage.requests) == 1


@pytest.mark.parametrize(("value", "asked"), [("delivered", 0), ("held", 0), ("rejected", 0), ("failed", 1)])
def test_without_a_record_the_tag_says_whether_a_photo_is_done(stage: Stage, value: str, asked: int) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    tag(stage, value)
    fed(stage)
    assert (len(stage.requests), stage.ends) == (asked, [])


def test_a_page_that_is_fed_again_changes_nothing(stage: Stage) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    for _ in range(2):
        fed(stage)
    assert len(stage.requests) == 1


def test_a_fed_photo_whose_worker_died_is_taken_up_again(stage: Stage) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    stage.jobs.begin(Upload(bucket=INPUT, key="a.jpg", sequencer="0" * 31 + "1", request="backfill-one"), now=NOW)
    fed(stage)
    assert len(stage.requests) == 1


@pytest.mark.parametrize(("days", "asked"), [(13.9, 0), (14.1, 1)])
def test_a_photo_whose_message_can_be_in_no_queue_any_more_is_fed(stage: Stage, days: float, asked: int) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    settled(stage)
    stage.jobs.begin(Upload(bucket=INPUT, key="a.jpg", sequencer="01"), now=stage.now - days * 86_400)
    fed(stage)
    assert len(stage.requests) == asked


def test_a_request_of_somebody_else_asks_for_a_delivered_photo_again(stage: Stage) -> None:
    stage.cloud.put("a.jpg", PHOTO)
    end(stage, "delivered")
    settled(stage)
    stage.handle(request("a.jpg"))
    assert len(stage.requests) == 1
