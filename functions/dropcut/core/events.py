"""What is published: one frozen value per event. `docs/events/` holds the schemas that are generated from them.

Fields are only ever added. One with a default is left out where it has nothing to say; all others are always there.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, ClassVar, Literal

from dropcut.core import event_names
from dropcut.core.backfill import Backfill
from dropcut.core.messages import Ended, RefusedRequest, SpendingNotice, Upload
from dropcut.core.quality import Quality

VERSION: Literal["1"] = "1"
PARTS = ("photo", "cutout", "end", "calls")
"""Fields whose own fields stand in the event itself."""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What every event says of itself."""

    version: Annotated[Literal["1"], "Of this contract. Fields are added without a new one."]
    event_id: Annotated[str, "The same each time this event is repeated: whoever has seen it can ignore it."]
    service: Annotated[str, "The deployment that publishes it. Several may share the account's bus."]
    time: Annotated[str, "When it was published (RFC 3339, UTC). A repetition has a time of its own."]
    release: Annotated[str, "Of the software that published it, such as `1.0.0`."]


@dataclass(frozen=True, kw_only=True)
class Photo:
    """Which photo an event is about."""

    job_id: Annotated[str, "Names one upload, or one request, in all its events and in all logs."]
    bucket: Annotated[str, "Of the photo."]
    key: Annotated[str, "Of the photo, as S3 knows it: not encoded."]
    version_id: Annotated[str | None, "Of the photo, where it was named: uploads into versioned buckets have one."]
    sequencer: Annotated[str, "Orders the results of one key: of two, the one that is greater as a text is newer."]
    reference: Annotated[str | None, "What the uploader or the requester gave along, to find this again."] = None

    @classmethod
    def of(cls, upload: Upload) -> "Photo":
        return cls(
            job_id=upload.job_id,
            bucket=upload.bucket,
            key=upload.key,
            version_id=upload.version_id,
            sequencer=upload.sequencer,
            reference=upload.choices.reference,
        )


@dataclass(frozen=True, kw_only=True)
class DeliveredFile:
    """One rendition."""

    name: Annotated[str, "Of the rendition."]
    key: Annotated[str, "In the output bucket."]
    format: Annotated[str, "`png`, `webp`, `jpeg` or `avif`."]
    width: Annotated[int, "In pixels."]
    height: Annotated[int, "In pixels."]
    size_bytes: Annotated[int, "Of the file."]


@dataclass(frozen=True, kw_only=True)
class Cutout:
    """What was made of a photo. The fields without a list are about the first rendition."""

    output_bucket: Annotated[str, "Where the files are."]
    output_key: Annotated[str, "Of the first rendition."]
    width: Annotated[int, "In pixels."]
    height: Annotated[int, "In pixels."]
    size_bytes: Annotated[int, "Of the file."]
    credits: Annotated[float, "What this photo cost: 0 where an earlier payment for the same picture served it."]
    request_id: Annotated[str | None, "The API's name for the call, to ask the provider about."]
    picture_sha256: Annotated[str, "Of the bytes that were sent to the API."]
    renditions: Annotated[Sequence[DeliveredFile], "All files, the first one included."]
    quality: Annotated[Quality | None, "How good the cut-out is (docs/quality.md)."] = None
    note: Annotated[str | None, "A sentence for people, where something is not as asked for."] = None


@dataclass(frozen=True, kw_only=True)
class Calls:
    """What was asked of the API for a photo that got no cut-out; there if any call was made."""

    attempts: Annotated[int, "Calls of the API that counted."]
    possibly_paid: Annotated[int, "Calls that may have been charged."]
    request_id: Annotated[str | None, "The API's name for the last call, to ask the provider about."]


@dataclass(frozen=True, kw_only=True)
class End:
    """Why there is no cut-out."""

    code: Annotated[str, "A stable word for programs, such as `too_many_pixels`."]
    reason: Annotated[str, "A sentence for people: what is wrong, and what to do."]
    calls: Calls | None = None

    @classmethod
    def of(cls, ended: Ended) -> "End":
        made = ended.attempts or ended.possibly_paid
        calls = Calls(attempts=ended.attempts, possibly_paid=ended.possibly_paid, request_id=ended.request_id)
        return cls(code=ended.code, reason=ended.reason, calls=calls if made else None)


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Messages to choose from, and where to send the chosen one."""

    queue_url: Annotated[str, "Of the deliver queue."]
    accept: Annotated[Mapping[str, object], "Deliver what is held."]
    reject: Annotated[Mapping[str, object], "End the photo as rejected."]
    replace: Annotated[Mapping[str, object], "Deliver a picture of one's own, whose key is to be put in."]


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """The cut-outs of a photo are in the output bucket."""

    NAME: ClassVar = event_names.DELIVERED
    photo: Photo
    cutout: Cutout
    remade: Annotated[bool, "True where a delivered photo's renditions were made anew."] = False
    decision: Annotated[Literal["accept", "replace"] | None, "What a person decided, where it was held."] = None


@dataclass(frozen=True, kw_only=True)
class Held:
    """The cut-out of a photo is doubtful, and waits for a person's decision. Another event of the photo will come."""

    NAME: ClassVar = event_names.HELD
    photo: Photo
    cutout: Cutout
    decide: Annotated[Decisions, "How to decide (docs/quality.md)."]


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A photo gets no cut-out, for good; or a request was refused."""

    NAME: ClassVar = event_names.REJECTED
    photo: Photo
    end: End


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A photo has no cut-out, and lies in a dead-letter queue, ready to go again."""

    NAME: ClassVar = event_names.FAILED
    photo: Photo
    end: End


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A photo was left alone, or a newer upload of its key took its place."""

    NAME: ClassVar = event_names.SKIPPED
    photo: Photo
    end: End


@dataclass(frozen=True, kw_only=True)
class Paused:
    """The spending has stopped; the pictures wait."""

    NAME: ClassVar = event_names.PAUSED
    kind: Annotated[Literal["paused"], "Always `paused`."]
    code: Annotated[str, "A stable word for programs, such as `no_credits`."]
    reason: Annotated[str, "A sentence for people: what is wrong, and what to do."]
    until: Annotated[float | None, "When the next try is made (epoch seconds)."]


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """The spending goes on."""

    NAME: ClassVar = event_names.RESUMED
    kind: Annotated[Literal["resumed"], "Always `resumed`."]
    code: Annotated[str, "A stable word for programs: `open`."]
    reason: Annotated[str, "A sentence for people: what it was."]
    until: Annotated[float | None, "Null: there is nothing to wait for."]


@dataclass(frozen=True, kw_only=True)
class WebhookDisabled:
    """The receiver of webhooks wants no more; they are dead-lettered until one is redriven and taken."""

    NAME: ClassVar = event_names.WEBHOOK_DISABLED
    code: Annotated[str, "A stable word for programs: `webhook_off`."]
    reason: Annotated[str, "A sentence for people: what happened, and what to do."]
    host: Annotated[str, "Of the receiver."]


@dataclass(frozen=True, kw_only=True)
class BackfillStarted:
    """The feeder has begun to send a back-fill's photos."""

    NAME: ClassVar = event_names.BACKFILL_STARTED
    backfill: Annotated[str, "Its name, as `dropcut backfill list` shows it."]
    bucket: Annotated[str, "Of its photos."]
    prefix: Annotated[str, "What their keys begin with; empty for all, and for a list of keys."]
    total: Annotated[int, "How many objects there were when it was planned."]


@dataclass(frozen=True, kw_only=True)
class BackfillFinished:
    """All photos of a back-fill are sent. Each has an event of its own when it ends, unless it was done before."""

    NAME: ClassVar = event_names.BACKFILL_FINISHED
    backfill: Annotated[str, "Its name, as `dropcut backfill list` shows it."]
    bucket: Annotated[str, "Of its photos."]
    prefix: Annotated[str, "What their keys begin with; empty for all, and for a list of keys."]
    total: Annotated[int, "How many objects there were when it was planned."]
    seen: Annotated[int, "Objects that were looked at."]
    sent: Annotated[int, "Photos that were sent to be cut out, those included that turn out to be done."]
    left_out: Annotated[int, "Objects that are no photos of an input: folder markers, other suffixes, other sizes."]


Event = (
    Delivered
    | Held
    | Rejected
    | Failed
    | Skipped
    | Paused
    | Resumed
    | WebhookDisabled
    | BackfillStarted
    | BackfillFinished
)
ENDS: Mapping[str, type[Rejected] | type[Failed] | type[Skipped]] = {
    "rejected": Rejected,
    "failed": Failed,
    "skipped": Skipped,
}
"""By how a photo ended."""


def ended(upload: Upload, end: Ended) -> Event:
    return ENDS[end.kind](photo=Photo.of(upload), end=End.of(end))


def refused(request: RefusedRequest) -> Rejected:
    return Rejected(photo=Photo.of(request.upload), end=End(code=request.code, reason=request.reason))


def spending(notice: SpendingNotice) -> Event:
    said: dict[str, Any] = {"code": notice.code, "reason": notice.reason, "until": notice.until}
    return Paused(kind="paused", **said) if notice.kind == "paused" else Resumed(kind="resumed", **said)


def backfill_started(backfill: Backfill) -> BackfillStarted:
    return BackfillStarted(backfill=backfill.name, bucket=backfill.bucket, prefix=backfill.prefix, total=backfill.total)


def backfill_finished(backfill: Backfill) -> BackfillFinished:
    return BackfillFinished(
        backfill=backfill.name,
        bucket=backfill.bucket,
        prefix=backfill.prefix,
        total=backfill.total,
        seen=backfill.seen,
        sent=backfill.sent,
        left_out=backfill.left_out,
    )


def fields_of(event: object) -> dict[str, object]:
    """An event as JSON has it, without its envelope."""
    found: dict[str, object] = {}
    for field in fields(event):  # type: ignore[arg-type] # an event, or a part of one
        value = getattr(event, field.name)
        if field.name in PARTS:
            found |= fields_of(value) if value else {}
        elif value != field.default:
            found[field.name] = _plain(value)
    return found


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def event_id(service: str, event: Event, occasion: str) -> str:
    """The same for the same event of the same deployment.

    Args:
        occasion: distinguishes it from other events of its name about the same photo, or about no photo.
    """
    about = getattr(getattr(event, "photo", None), "job_id", "")
    identity = "\0".join((service, about, event.NAME, occasion))
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
