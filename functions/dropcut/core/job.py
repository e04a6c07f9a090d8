"""What travels between the stages: the job of one upload, the picture made ready, and what became of it.

Every value here knows its own JSON form, because messages wait in queues for up to 14 days and outlive deployments.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self


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

    @property
    def job_id(self) -> str:
        """The same for every event about this one upload; also the correlation id of all logs."""
        identity = "\0".join((self.bucket, self.key, self.sequencer))
        return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class PreparedPicture:
    """The bytes that will be sent to the API, as they lie in the work bucket under `prepared/`."""

    work_key: str
    sha256: str
    """Of exactly the bytes sent: with the options, the unit of payment."""
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

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises MalformedMessageError: not JSON, or not the fields of a cut request."""
        with _reading("a cut request"):
            fields = json.loads(text)
            return cls(upload=Upload(**fields["upload"]), picture=PreparedPicture(**fields["picture"]))


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


EndKind = Literal["rejected", "skipped", "failed"]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The way of a photo that ended without a cut-out."""

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


@dataclass(frozen=True, kw_only=True)
class OutcomeMessage:
    """A message in the deliver queue: what became of an upload, to be delivered or announced."""

    upload: Upload
    outcome: PaidAnswer | Ended

    def to_json(self) -> str:
        """Without what has its default: a deliver function of before a field was added can read what lacks it."""
        every = [(field.name, getattr(self.outcome, field.name), field.default) for field in fields(self.outcome)]
        told = {name: value for name, value, default in every if value != default}
        return json.dumps({"upload": asdict(self.upload), "outcome": told}, ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises MalformedMessageError: not JSON, or not the fields of an outcome."""
        with _reading("an outcome"):
            fields = json.loads(text)
            outcome = fields["outcome"]
            kind = Ended if "kind" in outcome else PaidAnswer
            return cls(upload=Upload(**fields["upload"]), outcome=kind(**outcome))


@dataclass(frozen=True, kw_only=True)
class SpendingNotice:
    """A message in the deliver queue: the gate was closed or opened, and the world is to be told."""

    kind: Literal["paused", "resumed"]
    code: str
    reason: str
    """What is wrong and what to do; for `resumed`, what it was."""
    until: float | None = None
    """When the next try is made (epoch seconds), for `paused`."""

    def to_json(self) -> str:
        return json.dumps({"spending": asdict(self)}, ensure_ascii=True)


@dataclass(frozen=True, kw_only=True)
class Remake:
    """A message in the deliver queue: make a delivered photo's renditions anew, from what was paid for."""

    bucket: str
    key: str
    job_id: str | None = None
    """If given, only when this is the upload that was delivered last."""

    def to_json(self) -> str:
        return json.dumps({"remake": asdict(self)}, ensure_ascii=True)


def read_announcement(text: str) -> OutcomeMessage | SpendingNotice | Remake:
    """A message of the deliver queue. Raises MalformedMessageError: it is none of its three kinds."""
    with _reading("an outcome, a spending notice or a remake"):
        fields = json.loads(text)
        if "spending" in fields:
            return SpendingNotice(**fields["spending"])
        if "remake" in fields:
            return Remake(**fields["remake"])
    return OutcomeMessage.from_json(text)


class _reading:
    """Turns every way in which a message can be unreadable into one error that names the expected shape."""

    def __init__(self, shape: str) -> None:
        self.shape = shape

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, (ValueError, KeyError, TypeError, RecursionError)):
            raise MalformedMessageError(
                f"The message is not {self.shape} ({type(error).__name__}: {error}). "
                "Only the stage before writes such messages; look where this one came from before sending it again."
            ) from error
