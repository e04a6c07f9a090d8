"""What the world sees of a photo's end: the output, the tag, the event, and the record."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from dropcut.adapters.imaging_process import ImagingFailedError
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import ObjectGoneError
from dropcut.core import picture_refusals
from dropcut.core.message_result import Done, Message, MessageResult, SetAside
from dropcut.core.messages import (
    Ended,
    MalformedMessageError,
    OutcomeMessage,
    PaidAnswer,
    Remake,
    SpendingNotice,
    Upload,
)
from dropcut.core.picture_limits import PictureRefusedError
from dropcut.core.rendition import Rendition, RenditionFile
from dropcut.core.rendition_setting import FULL, read_renditions
from dropcut.observability import logger
from dropcut.use_cases.cutout_maker import TRIES_AT_FULL_SIZE
from dropcut.use_cases.deliver import Deliver
from dropcut.use_cases.outputs import OutputKeepsChangingError

from tests.functions.cloud import INPUT, OUTPUT, WORK, Cloud
from tests.functions.cutouts import answer_as_it_is

NOW = 1_722_000_000.0
UPLOAD = Upload(bucket=INPUT, key="shop/a.jpg", sequencer="02", arrived_at_seconds=NOW - 7)
NEWER = replace(UPLOAD, sequencer="03")
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
REJECTED = Ended(kind="rejected", code="too_small", reason="Too small.")
FAILED = Ended(kind="failed", code="broken_off", reason="It broke off.")
SKIPPED = Ended(kind="skipped", code="gone", reason="It is gone.")


class FakeEventBus:
    def __init__(self) -> None:
        self.published: list[tuple[str, dict[str, Any]]] = []

    def publish(self, detail_type: str, detail: dict[str, Any]) -> None:
        self.published.append((detail_type, detail))

    @property
    def types(self) -> list[str]:
        return [detail_type for detail_type, _detail in self.published]


class FakeImaging:
    """Makes every rendition of the answer as it is; fails as often as it is told to."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.sources: list[bytes | None] = []
        """What each call was given as the original."""
        self.meanwhile: list[Callable[[], None]] = []
        """Each happens once, while the cut-outs of one photo are made."""

    def __call__(
        self, original: Path | None, answer: Path, renditions: Sequence[Rendition], folder: Path
    ) -> Sequence[RenditionFile]:
        self.sources.append(original.read_bytes() if original else None)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        if self.failures:
            raise self.failures.pop(0)
        return answer_as_it_is(original, answer, renditions, folder)


class World:
    """A deliver stage and what it works on: one photo uploaded, its answer paid for."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.events, self.imaging = cloud, FakeEventBus(), FakeImaging()
        self.jobs = JobRecords(table=cloud.table)
        self.deliver = self.with_renditions(FULL)
        cloud.put(ANSWER.work_key, b"cut-out", bucket=WORK)
        self.upload()

    def with_renditions(self, *renditions: Rendition) -> Deliver:
        return Deliver(
            objects=self.cloud.objects,
            jobs=self.jobs,
            events=self.events,  # type: ignore[arg-type]
            make_cutouts=self.imaging,
            renditions=renditions,
            work_bucket=WORK,
            output_bucket=OUTPUT,
            clock=lambda: NOW,
        )

    def upload(self, upload: Upload = UPLOAD, *, tags: str = "") -> None:
        self.cloud.put(upload.key, b"photo", tags=tags)
        self.jobs.begin(upload, now=NOW)

    def end(self, outcome: PaidAnswer | Ended = ANSWER, upload: Upload = UPLOAD) -> None:
        message = OutcomeMessage(upload=upload, outcome=outcome).to_json()
        assert self.handle(message) == Done()

    def handle(self, body: str, *, receives: int = 1) -> MessageResult:
        return self.deliver(Message(body=body, receive_count=receives, sent_at_seconds=NOW))

    def seen(self, upload: Upload = UPLOAD) -> Upload:
        """The upload with the ETag of the object that is there now, as prepare hands it on."""
        return replace(upload, etag=self.cloud.objects.open(INPUT, upload.key).etag)

    def remake(self, **given: Any) -> MessageResult:
        return self.handle(Remake(**({"bucket": INPUT, "key": UPLOAD.key} | given)).to_json())

    def record(self, key: str = UPLOAD.key) -> dict[str, Any]:
        return self.cloud.item(f"object#{INPUT}/{key}") or {}


@pytest.fixture
def world(cloud: Cloud) -> World:
    return World(cloud)


@pytest.mark.parametrize(("format_", "content_type"), [("png", "image/png"), ("webp", "image/webp")])
def test_a_cut_out_is_written_beside_nothing_else_and_told_everywhere(
    world: World, format_: str, content_type: str
) -> None:
    world.deliver = world.with_renditions(replace(FULL, format=format_))
    world.end()
    key = f"shop/a.{format_}"
    assert world.cloud.keys(OUTPUT) == [key]
    assert world.cloud.read(OUTPUT, key) == b"cut-out"
    assert world.cloud.clients.s3.head_object(Bucket=OUTPUT, Key=key)["ContentType"] == content_type
    assert world.cloud.tags("shop/a.jpg") == {"dropcut": "delivered"}
    assert (world.record()["status"], world.record()["output_key"]) == ("delivered", key)
    assert world.events.published == [
        (
            "Cutout Delivered",
            {
                "job_id": UPLOAD.job_id,
                "bucket": INPUT,
                "key": "shop/a.jpg",
                "version_id": None,
                "output_bucket": OUTPUT,
                "output_key": key,
                "width": 80,
                "height": 64,
                "size_bytes": 7,
                "credits": 2.0,
                "request_id": "r1",
                "picture_sha256": "abc",
                "renditions": [
                    {"name": "full", "key": key, "format": format_, "width": 80, "height": 64, "size_bytes": 7}
                ],
            },
        )
    ]


@pytest.mark.parametrize("key", ["shop/a.jpg", "ü b+c/日本 100%.jpg", "k" * 1020 + ".jpg", "日" * 340 + ".jpg"])
def test_a_cut_out_says_where_it_comes_from(world: World, key: str) -> None:
    upload = replace(UPLOAD, key=key, version_id=None)
    world.upload(upload)
    world.end(replace(ANSWER, request_id=None, credits=0.0), upload)
    (output_key,) = world.cloud.keys(OUTPUT)
    metadata = world.cloud.metadata(output_key)
    assert metadata["dropcut-job-id"] == upload.job_id
    assert metadata["dropcut-picture-sha256"] == "abc"
    assert (metadata["dropcut-request-id"], metadata["dropcut-credits"]) == ("none", "0")
    assert unquote(metadata["dropcut-source"]) in (key, "too-long")
    assert metadata["dropcut-source-version"] == "none"
    assert sum(len(name) + len(value) for name, value in metadata.items()) <= 2048


def test_two_photos_that_would_share_a_name_both_get_one(world: World) -> None:
    other = replace(UPLOAD, key="shop/a.webp")
    world.upload(other)
    world.end()
    world.end(upload=other)
    assert sorted(world.cloud.keys(OUTPUT)) == ["shop/a.png", "shop/a.webp.png"]
    assert world.cloud.metadata("shop/a.webp.png")["dropcut-source"] == "shop/a.webp"
    assert world.record("shop/a.webp")["output_key"] == "shop/a.webp.png"


def test_somebody_elses_object_is_never_overwritten(world: World) -> None:
    for key in ("shop/a.png", "shop/a.jpg.png"):
        world.cloud.put(key, b"not ours", bucket=OUTPUT)
    world.end()
    assert world.cloud.read(OUTPUT, "shop/a.png") == world.cloud.read(OUTPUT, "shop/a.jpg.png") == b"not ours"
    assert world.cloud.read(OUTPUT, world.record()["output_key"]) == b"cut-out"
    assert len(world.cloud.keys(OUTPUT)) == 3


def test_a_newer_upload_replaces_the_cut_out_of_an_older_one(world: World) -> None:
    world.end()
    newer = replace(UPLOAD, sequencer="03")
    world.upload(newer)
    world.cloud.put("paid/new.png", b"new cut-out", bucket=WORK)
    world.end(replace(ANSWER, work_key="paid/new.png"), newer)
    assert world.cloud.keys(OUTPUT) == ["shop/a.png"]
    assert world.cloud.read(OUTPUT, "shop/a.png") == b"new cut-out"


def test_an_older_upload_never_replaces_the_cut_out_of_a_newer_one(world: World) -> None:
    newer = replace(UPLOAD, sequencer="03")
    world.upload(newer)
    world.end(upload=newer)
    world.cloud.put("paid/old.png", b"old cut-out", bucket=WORK)
    world.end(replace(ANSWER, work_key="paid/old.png"), UPLOAD)
    assert world.cloud.read(OUTPUT, "shop/a.png") == b"cut-out"
    assert world.events.types == ["Cutout Delivered", "Cutout Skipped"]
    assert world.events.published[1][1]["code"] == "superseded"
    assert (world.record()["status"], world.record()["job_id"]) == ("delivered", newer.job_id)


def newer_one_is_delivered(world: World) -> None:
    world.upload(NEWER)
    world.cloud.put("paid/new.png", b"new cut-out", bucket=WORK)
    world.end(replace(ANSWER, work_key="paid/new.png"), NEWER)


def test_an_older_upload_never_writes_over_a_newer_one_that_was_delivered_while_it_was_made(world: World) -> None:
    """When deliver looked for a newer one, there was none; the cut-out itself is the last place that tells."""
    world.imaging.meanwhile = [lambda: newer_one_is_delivered(world)]
    world.end()
    assert world.cloud.keys(OUTPUT) == ["shop/a.png"]
    assert world.cloud.read(OUTPUT, "shop/a.png") == b"new cut-out"
    assert world.events.types == ["Cutout Delivered", "Cutout Skipped"]
    (_, delivered), (_, skipped) = world.events.published
    assert (delivered["job_id"], skipped["job_id"], skipped["code"]) == (NEWER.job_id, UPLOAD.job_id, "superseded")
    assert (world.record()["status"], world.record()["job_id"]) == ("delivered", NEWER.job_id)


@pytest.mark.parametrize("outcome", [ANSWER, REJECTED, SKIPPED])
def test_an_end_told_twice_is_told_the_world_once(world: World, outcome: PaidAnswer | Ended) -> None:
    world.end(outcome)
    world.end(outcome)
    assert len(world.events.published) == 1


def test_the_calls_made_for_a_failed_photo_are_told(world: World) -> None:
    world.end(replace(FAILED, attempts=3, possibly_paid=1, request_id="r-7"))
    world.end(REJECTED)
    (_, failed), (_, rejected) = world.events.published
    assert (failed["attempts"], failed["possibly_paid"], failed["request_id"]) == (3, 1, "r-7")
    assert "attempts" not in rejected  # nobody asked the API


def test_a_photo_that_failed_may_be_delivered_later(world: World) -> None:
    world.end(FAILED)
    assert world.cloud.tags("shop/a.jpg") == {"dropcut": "failed"}
    world.end()
    assert world.events.types == ["Cutout Failed", "Cutout Delivered"]
    assert world.cloud.tags("shop/a.jpg") == {"dropcut": "delivered"}
    assert world.record()["status"] == "delivered"
    assert "reason" not in world.record()


@pytest.mark.parametrize(
    ("end", "tags"), [(REJECTED, {"dropcut": "rejected"}), (FAILED, {"dropcut": "failed"}), (SKIPPED, {})]
)
def test_an_end_without_a_cut_out_is_told_with_its_reason(world: World, end: Ended, tags: dict[str, str]) -> None:
    world.end(end)
    ((detail_type, detail),) = world.events.published
    assert detail_type == f"Cutout {end.kind.capitalize()}"
    assert (detail["key"], detail["code"], detail["reason"]) == ("shop/a.jpg", end.code, end.reason)
    assert world.cloud.tags("shop/a.jpg") == tags
    assert (world.record()["status"], world.record()["code"], world.record()["reason"]) == (
        end.kind,
        end.code,
        end.reason,
    )
    assert world.cloud.keys(OUTPUT) == []


def test_a_source_the_user_wants_skipped_keeps_the_users_tag(world: World) -> None:
    world.upload(tags="dropcut=skip")
    world.end(replace(SKIPPED, code="left_alone"))
    assert world.cloud.tags("shop/a.jpg") == {"dropcut": "skip"}


def test_a_source_that_vanished_is_delivered_all_the_same(world: World) -> None:
    world.cloud.clients.s3.delete_object(Bucket=INPUT, Key="shop/a.jpg")
    world.end()
    assert world.events.types == ["Cutout Delivered"]
    assert world.cloud.keys(OUTPUT) == ["shop/a.png"]


def test_a_source_with_ten_tags_is_delivered_all_the_same(world: World) -> None:
    world.upload(tags="&".join(f"t{number}=v" for number in range(10)))
    world.end()
    assert world.events.types == ["Cutout Delivered"]
    assert "dropcut" not in world.cloud.tags("shop/a.jpg")


def test_an_older_uploads_end_does_not_tag_the_newer_photo(world: World) -> None:
    world.upload(replace(UPLOAD, sequencer="03"))
    world.end(REJECTED)
    assert world.cloud.tags("shop/a.jpg") == {}


def test_an_older_upload_without_a_version_does_not_tag_the_newer_photo_that_came_while_it_was_made(
    world: World,
) -> None:
    world.imaging.meanwhile = [lambda: world.upload(NEWER)]
    world.end()
    assert world.events.types == ["Cutout Delivered"]
    assert world.cloud.keys(OUTPUT) == ["shop/a.png"]
    assert world.cloud.tags("shop/a.jpg") == {}


def test_the_version_that_was_cut_out_gets_the_tag(world: World) -> None:
    world.cloud.clients.s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Enabled"})
    put = world.cloud.clients.s3.put_object(Bucket=INPUT, Key="shop/a.jpg", Body=b"one")
    versioned = replace(UPLOAD, version_id=put["VersionId"])
    world.cloud.put("shop/a.jpg", b"two")
    world.end(upload=versioned)
    assert world.cloud.objects.tags(INPUT, "shop/a.jpg", versioned.version_id) == {"dropcut": "delivered"}
    assert world.cloud.tags("shop/a.jpg") == {}
    assert world.cloud.metadata("shop/a.png")["dropcut-source-version"] == versioned.version_id


def test_a_paid_answer_that_is_not_there_is_an_error_to_be_tried_again(world: World) -> None:
    with pytest.raises(ObjectGoneError, match="paid/none"):
        world.end(replace(ANSWER, work_key="paid/none"))
    assert world.events.published == []


def test_what_is_no_outcome_is_malformed(world: World) -> None:
    with pytest.raises(MalformedMessageError):
        world.deliver(Message(body="{}", receive_count=1, sent_at_seconds=NOW))


def test_an_outcome_set_aside_is_announced_as_failed(world: World) -> None:
    message = OutcomeMessage(upload=UPLOAD, outcome=ANSWER).to_json()
    world.deliver.announce_failure(Message(body=message, receive_count=5, sent_at_seconds=NOW), "Failed 5 times.")
    assert world.events.types == ["Cutout Failed"]
    assert (world.record()["status"], world.record()["code"]) == ("failed", "deliver_failed")


def test_an_end_that_could_not_be_announced_keeps_what_it_said_of_the_calls(world: World) -> None:
    message = OutcomeMessage(upload=UPLOAD, outcome=replace(FAILED, attempts=5, possibly_paid=2, request_id="r-7"))
    told = Message(body=message.to_json(), receive_count=12, sent_at_seconds=NOW)
    world.deliver.announce_failure(told, "Failed 12 times.")
    ((_, detail),) = world.events.published
    assert (detail["code"], detail["attempts"], detail["request_id"]) == ("deliver_failed", 5, "r-7")


PAUSED = SpendingNotice(kind="paused", code="no_credits", reason="Buy some.", until=NOW + 60)
RESUMED = SpendingNotice(kind="resumed", code="open", reason="A call went well again.")


@pytest.mark.parametrize(("notice", "detail_type"), [(PAUSED, "Spending Paused"), (RESUMED, "Spending Resumed")])
def test_a_pause_of_spending_and_its_end_are_told_the_world(
    world: World, notice: SpendingNotice, detail_type: str
) -> None:
    before = world.record()
    message = Message(body=notice.to_json(), receive_count=1, sent_at_seconds=NOW)
    assert world.deliver(message) == Done()
    detail = {
        "service": logger.service,
        "kind": notice.kind,
        "code": notice.code,
        "reason": notice.reason,
        "until": notice.until,
    }
    assert world.events.published == [(detail_type, detail)]
    assert (world.cloud.keys(OUTPUT), world.cloud.tags("shop/a.jpg"), world.record()) == ([], {}, before)


def test_a_notice_set_aside_is_no_photo_that_failed(world: World) -> None:
    message = Message(body=PAUSED.to_json(), receive_count=5, sent_at_seconds=NOW)
    world.deliver.announce_failure(message, "Failed 5 times.")
    assert world.events.published == []


def test_somebody_who_writes_between_our_look_and_our_write_keeps_the_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look comes when a cut-out is there already: here our own older one, until somebody else writes over it."""
    ours = {"dropcut-source-sha256": hashlib.sha256(b"shop/a.jpg").hexdigest(), "dropcut-sequencer": "0"}
    world.cloud.objects.write(OUTPUT, "shop/a.png", b"our older one", content_type="image/png", metadata=ours)
    look = world.cloud.objects.metadata_and_etag
    seen: list[str] = []

    def look_then_lose(bucket: str, key: str) -> Any:
        found = look(bucket, key)
        if not seen:
            world.cloud.put(key, b"somebody else's", bucket=OUTPUT)
        seen.append(key)
        return found

    monkeypatch.setattr(world.cloud.objects, "metadata_and_etag", look_then_lose)
    world.end()
    assert world.cloud.read(OUTPUT, "shop/a.png") == b"somebody else's"
    assert world.record()["output_key"] == "shop/a.jpg.png"


def test_the_same_photo_delivered_twice_at_once_gets_one_cut_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    look = world.cloud.objects.metadata_and_etag
    seen: list[str] = []

    def look_while_the_double_writes(bucket: str, key: str) -> Any:
        found = look(bucket, key)
        seen.append(key)
        if len(seen) == 1:
            world.end()
        return found

    monkeypatch.setattr(world.cloud.objects, "metadata_and_etag", look_while_the_double_writes)
    world.end()
    assert world.cloud.keys(OUTPUT) == ["shop/a.png"]


def test_a_name_that_keeps_changing_is_an_error_to_be_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.cloud.objects, "write_if_unchanged", lambda *_, **__: False)
    with pytest.raises(OutputKeepsChangingError, match=r"shop/a\.jpg"):
        world.end()
    assert world.events.published == []


# ---- renditions

SET = read_renditions(
    ["full", "amazon_main", {"name": "small", "longest_side": 64, "key": "small/{folder}{name}.{extension}"}]
)
KEYS = ["shop/a-amazon_main.jpg", "shop/a.png", "small/shop/a.jpg.png"]
DAMAGED = PictureRefusedError("decoder_crashed", "It crashed its decoder.")


def test_every_rendition_is_written_under_its_own_name_and_told_in_one_event(world: World) -> None:
    world.deliver = world.with_renditions(*SET)
    world.end(upload=world.seen())
    assert sorted(world.cloud.keys(OUTPUT)) == KEYS
    assert [world.cloud.metadata(key)["dropcut-rendition"] for key in KEYS] == ["amazon_main", "full", "small"]
    assert world.cloud.clients.s3.head_object(Bucket=OUTPUT, Key=KEYS[0])["ContentType"] == "image/jpeg"
    ((detail_type, detail),) = world.events.published
    assert (detail_type, detail["output_key"]) == ("Cutout Delivered", "shop/a.png")
    assert [(each["name"], each["key"], each["format"]) for each in detail["renditions"]] == [
        ("full", "shop/a.png", "png"),
        ("amazon_main", "shop/a-amazon_main.jpg", "jpeg"),
        ("small", "small/shop/a.jpg.png", "png"),
    ]
    assert "note" not in detail
    assert world.imaging.sources == [b"photo"]


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_set_that_was_written_in_part_is_told_only_when_it_is_whole(
    world: World, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    world.deliver = world.with_renditions(*SET)
    whole, calls = world.cloud.objects.write_if_unchanged, iter(range(100))

    def breaks_off(*arguments: Any, **more: Any) -> bool:
        if next(calls) == written:
            raise ConnectionError
        return whole(*arguments, **more)

    monkeypatch.setattr(world.cloud.objects, "write_if_unchanged", breaks_off)
    with pytest.raises(ConnectionError):
        world.end(upload=world.seen())
    assert world.events.published == []
    assert world.record()["status"] != "delivered"
    world.end(upload=world.seen())
    assert sorted(world.cloud.keys(OUTPUT)) == KEYS
    assert world.events.types == ["Cutout Delivered"]


def test_two_renditions_that_meet_at_one_name_both_get_one(world: World) -> None:
    """Another list of renditions may name one as an earlier list named another."""
    world.end()
    world.deliver = world.with_renditions(replace(FULL, name="other"))
    world.upload(replace(UPLOAD, sequencer="03"))
    world.end(upload=replace(UPLOAD, sequencer="03"))
    assert sorted(world.cloud.keys(OUTPUT)) == ["shop/a.jpg.png", "shop/a.png"]


def test_a_cut_out_from_before_there_were_renditions_is_replaced_by_the_full_one(world: World) -> None:
    ours = {"dropcut-source-sha256": hashlib.sha256(b"shop/a.jpg").hexdigest(), "dropcut-sequencer": "0"}
    world.cloud.objects.write(OUTPUT, "shop/a.png", b"our older one", content_type="image/png", metadata=ours)
    world.end()
    assert world.cloud.keys(OUTPUT) == ["shop/a.png"]
    assert world.cloud.read(OUTPUT, "shop/a.png") == b"cut-out"


# ---- what can go wrong with the original never loses what was paid for


def vanishes(world: World) -> None:
    world.cloud.clients.s3.delete_object(Bucket=INPUT, Key=UPLOAD.key)


def is_replaced(world: World) -> None:
    world.cloud.put(UPLOAD.key, b"another photo, whose event has not come yet")


def crashes(world: World) -> None:
    world.imaging.failures = [DAMAGED]


@pytest.mark.parametrize(
    ("happens", "sources", "said"),
    [
        (vanishes, [None], "was gone"),
        (is_replaced, [None], "was replaced"),
        (crashes, [b"photo", None], "It crashed its decoder."),
    ],
)
def test_without_the_original_the_renditions_are_made_of_the_answer_and_the_event_says_so(
    world: World, happens: Callable[[World], None], sources: list[bytes | None], said: str
) -> None:
    world.deliver = world.with_renditions(*SET)
    upload = world.seen()
    happens(world)
    world.end(upload=upload)
    assert world.imaging.sources == sources
    assert sorted(world.cloud.keys(OUTPUT)) == KEYS
    assert said in world.events.published[0][1]["note"]
    assert world.record()["status"] == "delivered"


def test_an_answer_that_nothing_can_be_made_of_is_delivered_as_it_came(world: World) -> None:
    world.deliver = world.with_renditions(*SET)
    world.imaging.failures = [DAMAGED, DAMAGED]
    world.end(upload=world.seen())
    assert world.cloud.keys(OUTPUT) == ["shop/a.png"]
    assert world.cloud.read(OUTPUT, "shop/a.png") == b"cut-out"
    detail = world.events.published[0][1]
    assert "as the API gave it" in detail["note"]
    assert [each["name"] for each in detail["renditions"]] == ["full"]


def test_a_message_older_than_full_size_cutouts_is_delivered_from_its_answer(world: World) -> None:
    """The photo that is there now may be another one; what was sent then was the photo itself."""
    world.end(upload=UPLOAD)
    assert world.imaging.sources == [None]
    assert "note" not in world.events.published[0][1]


def test_a_photo_replaced_by_a_newer_upload_on_its_way_is_superseded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, standing = world.seen(), JobRecords.standing
    looks = iter(["under_way"])  # the newer upload comes just after deliver has looked for it

    def look(jobs: JobRecords, asked: Upload) -> Any:
        for found in looks:
            world.upload(replace(UPLOAD, sequencer="03"))
            world.cloud.put(UPLOAD.key, b"newer photo")
            return found
        return standing(jobs, asked)

    monkeypatch.setattr(JobRecords, "standing", look)
    world.end(upload=upload)
    assert world.events.types == ["Cutout Skipped"]
    assert world.cloud.keys(OUTPUT) == []


@pytest.mark.parametrize("error", [ImagingFailedError("No space left on device."), picture_refusals.too_slow(40)])
def test_what_may_not_be_the_pictures_fault_is_waited_out_before_less_is_delivered(
    world: World, error: Exception
) -> None:
    message = OutcomeMessage(upload=world.seen(), outcome=ANSWER).to_json()
    for receives in range(1, TRIES_AT_FULL_SIZE):
        world.imaging.failures = [error]
        with pytest.raises(ImagingFailedError):
            world.handle(message, receives=receives)
    assert world.events.published == []
    world.imaging.failures = [error]
    assert world.handle(message, receives=TRIES_AT_FULL_SIZE) == Done()
    assert str(error) in world.events.published[0][1]["note"]


# ---- making renditions anew


def test_changed_renditions_are_made_anew_without_paying(world: World) -> None:
    world.end(upload=world.seen())
    world.deliver = world.with_renditions(*SET)
    assert world.remake() == Done()
    assert sorted(world.cloud.keys(OUTPUT)) == KEYS
    detail_type, detail = world.events.published[1]
    assert (detail_type, detail["remade"], detail["credits"]) == ("Cutout Delivered", True, 0)
    assert detail["job_id"] == UPLOAD.job_id
    assert [each["name"] for each in detail["renditions"]] == ["full", "amazon_main", "small"]
    assert world.cloud.metadata("shop/a.png")["dropcut-credits"] == "2"
    assert world.remake(job_id=UPLOAD.job_id) == Done()


def test_what_is_made_anew_never_writes_over_a_newer_one_that_was_delivered_meanwhile(world: World) -> None:
    world.end(upload=world.seen())
    world.imaging.meanwhile = [lambda: newer_one_is_delivered(world)]
    assert world.remake() == Done()
    assert world.cloud.read(OUTPUT, "shop/a.png") == b"new cut-out"
    assert [detail["job_id"] for _, detail in world.events.published] == [UPLOAD.job_id, NEWER.job_id]


def never_delivered(world: World) -> None:
    world.upload(replace(UPLOAD, sequencer="03"))


def answer_expires(world: World) -> None:
    world.cloud.clients.s3.delete_object(Bucket=WORK, Key=ANSWER.work_key)


@pytest.mark.parametrize(
    ("happens", "asked", "code"),
    [
        (never_delivered, {}, "not_delivered"),
        (lambda world: None, {"key": "shop/unknown.jpg"}, "not_delivered"),
        (lambda world: None, {"job_id": "another"}, "another_job"),
        (answer_expires, {}, "answer_expired"),
        (vanishes, {}, "less_than_before"),
        (crashes, {}, "less_than_before"),
    ],
)
def test_what_cannot_be_made_anew_is_set_aside_with_the_reason_and_nothing_is_overwritten(
    world: World, happens: Callable[[World], None], asked: dict[str, str], code: str
) -> None:
    world.end(upload=world.seen())
    world.cloud.put("shop/a.png", b"delivered", bucket=OUTPUT, Metadata=world.cloud.metadata("shop/a.png"))
    happens(world)
    result = world.remake(**asked)
    assert isinstance(result, SetAside)
    assert result.details == {"code": code}
    assert result.reason.startswith("Nothing was made anew, and nothing was paid. ")
    assert not result.announce
    assert world.cloud.read(OUTPUT, "shop/a.png") == b"delivered"
    assert world.events.types == ["Cutout Delivered"]


def test_a_remake_that_was_set_aside_for_errors_leaves_the_delivered_photo_as_it_is(world: World) -> None:
    world.end(upload=world.seen())
    message = Message(body=Remake(bucket=INPUT, key=UPLOAD.key).to_json(), receive_count=12, sent_at_seconds=NOW)
    world.deliver.announce_failure(message, "Failed 12 times.")
    assert world.events.types == ["Cutout Delivered"]
    assert world.record()["status"] == "delivered"
