"""What travels between the stages: the job of one upload, the picture made ready, and what became of it.

Every value here knows its own JSON form, because messages wait in queues for up to 14 days and outlive deployments.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, Self

from dropcut.core.choices import NO_CHOICES, Choices
from dropcut.core.operation import OPERATIONS, REMOVE_BACKGROUND, Operation

PREPARED, PAID, LISTS = "prepared/", "paid/", "backfills/"
"""Folders of the work bucket: what will be sent to the API, what it answered, and back-fills' lists of keys."""
MOST_INLINE_BYTES = 88 * 1024
"""A prepared picture of this size travels inside its message. Eight of them in base64 stay under 1 MiB, which is the
most that SQS hands over at once. With larger ones a batch would be smaller, and each picture would cost more."""


FED = "backfill-"
"""What the id of a request begins with that the feeder makes: it asks for a photo only if that is not done already."""


class MalformedMessageError(ValueError):
    """A message that no retry will make readable: it belongs in the dead-letter queue, alone, with this reason."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One object that arrived in the input bucket."""

    bucket: str
    key: str
    """As S3 knows it: decoded, not percent-encoded."""
    sequencer: str
    """Orders the uploads of one key (hexadecimal, padded so that plain comparison is right)."""
    version_id: str | None = None
    arrived_at_seconds: float = 0.0
    """When its event was put into the intake queue (epoch)."""
    etag: str | None = None
    """Of the bytes that `prepare` read, as S3 writes it, quotes included; None before that. No part of the job's id."""
    choices: Choices = NO_CHOICES
    """What the uploader or the requester asked for."""
    request: str = ""
    """The id of the request for it; empty for an upload."""

    @property
    def is_fed(self) -> bool:
        """Whether a back-fill asks for it."""
        return self.request.startswith(FED)

    @cached_property
    def job_id(self) -> str:
        """The same for every event about this one upload, or request; also the correlation id of all logs.

        Two events of one upload have the same sequencer. A request gets its own, later for one that comes again.
        """
        identity = "\0".join((self.bucket, self.key, f"request {self.request}" if self.request else self.sequencer))
        return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def to_fields(self) -> dict[str, Any]:
        """As JSON, and as it was before there were requests where there is none."""
        given = {"choices": self.choices.to_fields(), "request": self.request}
        old = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in given}
        return old | {name: value for name, value in given.items() if value}

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> Self:
        """Raises TypeError or ValueError: these are not the fields of an upload."""
        return cls(**{**values, "choices": Choices.from_fields(values.get("choices", {}))})


@dataclass(frozen=True, kw_only=True)
class PreparedPicture:
    """The bytes that will be sent to the API."""

    work_key: str
    """Where they lie in the work bucket, unless the message itself carries them."""
    sha256: str
    """Of exactly the bytes sent."""
    format: str
    """`jpeg`, `png` or `webp`."""
    width: int
    height: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class CutRequest:
    """A message in the cut queue: this picture is ready to be paid for."""

    upload: Upload
    picture: PreparedPicture
    content: bytes = b""
    """The picture itself, when it is small enough to travel along."""
    operation: Operation = REMOVE_BACKGROUND
    note: str = ""
    """A sentence for people, when the picture could not be made ready as it should be."""
    redriven_at: float = 0.0
    """When somebody asked for a photo that had ended to be tried again (epoch seconds); 0 when nobody has."""

    def delivers(self, answer: "PaidAnswer") -> str:
        """The message for deliver: the answer for this photo, with what there is to say about both."""
        note = " ".join(text for text in (self.note, answer.note) if text)
        return OutcomeMessage(upload=self.upload, outcome=replace(answer, note=note)).to_json()

    @cached_property
    def payment_key(self) -> str:
        """Names what is bought once; photos of the same picture share it."""
        return self.operation.payment_key(self.picture.sha256)

    def to_json(self) -> str:
        """Without what has its default, as messages had it before a field was added."""
        optional = {
            "content": base64.b64encode(self.content).decode(),
            "operation": "" if self.operation is REMOVE_BACKGROUND else self.operation.name,
            "note": self.note,
            "redriven_at": self.redriven_at,
        }
        given = {name: value for name, value in optional.items() if value}
        return json.dumps({"upload": self.upload.to_fields(), "picture": asdict(self.picture), **given})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises MalformedMessageError: not JSON, or not the fields of a cut request."""
        with reading("a cut request"):
            values = json.loads(text)
            return cls(
                upload=Upload.from_fields(values["upload"]),
                picture=PreparedPicture(**values["picture"]),
                content=base64.b64decode(values.get("content", ""), validate=True),
                operation=OPERATIONS[values.get("operation", REMOVE_BACKGROUND.name)],
                note=str(values.get("note", "")),
                redriven_at=float(values.get("redriven_at", 0)),
            )


@dataclass(frozen=True, kw_only=True)
class PaidAnswer:
    """A cut-out that was paid for and lies in the work bucket under `paid/`."""

    work_key: str
    picture_sha256: str
    format: str
    width: int
    height: int
    credits: float
    """What this photo cost: 0 when an earlier payment for the same picture served it."""
    request_id: str | None
    provider: str
    note: str = ""
    """A sentence for people, when the API's answer said something odd about the picture."""

    def for_a_copy(self) -> "PaidAnswer":
        """The same answer for another photo of the picture: it says nothing of whose call it was."""
        return replace(self, credits=0.0, request_id=None)


EndKind = Literal["rejected", "skipped", "failed"]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a photo ended without a cut-out."""

    kind: EndKind
    code: str
    """A stable word for programs, such as `too_many_pixels`."""
    reason: str
    """A sentence for people: what is wrong, and what to do."""
    attempts: int = 0
    """Calls of the API made for its picture that counted: while the API is down they use up no attempt."""
    possibly_paid: int = 0
    """Calls that may have been charged, those made while the API was down included."""
    request_id: str | None = None
    """The API's name for the last call, to ask the provider about."""
    redriven_at: float = 0.0
    """When somebody asked for the photo to be tried again (epoch seconds): distinguishes this end from the one
    before."""


NOT_ASKED_AGAIN = "The API was not asked again for the same picture; a redrive asks it."
"""Part of the reason of a copy: it ends as the first photo of its picture did."""


@dataclass(frozen=True, kw_only=True)
class OutcomeMessage:
    """A message in the deliver queue: what became of an upload, to be delivered or announced."""

    upload: Upload
    outcome: PaidAnswer | Ended

    def to_json(self) -> str:
        """Without what has its default: a deliver function of before a field was added can read what lacks it."""
        every = [(field.name, getattr(self.outcome, field.name), field.default) for field in fields(self.outcome)]
        changed = {name: value for name, value, default in every if value != default}
        return json.dumps({"upload": self.upload.to_fields(), "outcome": changed})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises MalformedMessageError: not JSON, or not the fields of an outcome."""
        with reading("an outcome"):
            values = json.loads(text)
            outcome = values["outcome"]
            kind = Ended if "kind" in outcome else PaidAnswer
            return cls(upload=Upload.from_fields(values["upload"]), outcome=kind(**outcome))


@dataclass(frozen=True, kw_only=True)
class SpendingNotice:
    """A message in the deliver queue: the gate was closed or opened, which has to be published."""

    kind: Literal["paused", "resumed"]
    code: str
    reason: str
    """What is wrong and what to do; for `resumed`, what it was."""
    until: float | None = None
    """When the next try is made (epoch seconds), for `paused`."""

    def to_json(self) -> str:
        return json.dumps({"spending": asdict(self)})


@dataclass(frozen=True, kw_only=True)
class Remake:
    """A message in the deliver queue: make a delivered photo's renditions anew, from what was paid for."""

    bucket: str
    key: str
    job_id: str | None = None
    """If given, only when this is the upload that was delivered last."""

    def to_json(self) -> str:
        return json.dumps({"remake": asdict(self)})


@dataclass(frozen=True, kw_only=True)
class RefusedRequest:
    """A message in the deliver queue: a request was refused, which has to be published. No photo is touched."""

    upload: Upload
    """What was requested, as far as it could be read."""
    code: Literal["request_malformed", "request_not_allowed"]
    reason: str

    def to_json(self) -> str:
        refused = {"upload": self.upload.to_fields(), "code": self.code, "reason": self.reason}
        return json.dumps({"refused_request": refused})


_ONLY_STAGES_WRITE = (
    "Only the stage before writes such messages; look where this one came from before sending it again."
)


@contextmanager
def reading(shape: str, *, advice: str = _ONLY_STAGES_WRITE) -> Iterator[None]:
    """Turns every way in which a message can be unreadable into one error that names the expected shape."""
    try:
        yield
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedMessageError(
            f"The message is not {shape} ({type(error).__name__}: {error}). {advice}"
        ) from error
