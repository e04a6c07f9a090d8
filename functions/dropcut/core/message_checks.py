"""Whether a message can be from the stage before. A forged one must neither spend money nor change what others get.

Whoever holds one stage's role can write to the next stage's queue. A stage that decodes strangers' files may be taken
over, so the next one believes only what it can check. All checks raise MalformedMessageError with a sentence.
"""

import hashlib
import re

from dropcut.core.formats.picture_header import NotAPictureError, read_header
from dropcut.core.messages import (
    PAID,
    PREPARED,
    CutRequest,
    Ended,
    MalformedMessageError,
    PaidAnswer,
    PreparedPicture,
    RefusedRequest,
    SpendingNotice,
    Upload,
)
from dropcut.core.operation import OPERATIONS
from dropcut.core.upload_event import SEQUENCER

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BUCKET = re.compile(r"[a-z0-9.-]{3,63}")
_VERSION = re.compile(r"[!-~]{1,1024}")
_SENT_FORMATS = ("jpeg", "png", "webp")
_ENDS = ("rejected", "skipped", "failed")
_REFUSALS = ("request_malformed", "request_not_allowed")
_NOTICES = ("paused", "resumed")


def check_upload(upload: Upload) -> None:
    """An upload with names that S3 gives. Whether it is of an input is another question (`core/photo_source.py`)."""
    if not isinstance(upload.bucket, str) or not _BUCKET.fullmatch(upload.bucket):
        raise _refused(f"no bucket is called {_quoted(upload.bucket)}")
    if not isinstance(upload.key, str) or not 0 < len(_utf8(upload.key)) <= 1024:  # S3's limit
        raise _refused("no object has such a key")
    if not isinstance(upload.sequencer, str) or not SEQUENCER.fullmatch(upload.sequencer):
        raise _refused(f"S3 gives no sequencer like {_quoted(upload.sequencer)}")
    for version in (upload.version_id, upload.etag):
        if version is not None and not (isinstance(version, str) and _VERSION.fullmatch(version)):
            raise _refused(f"S3 names no version {_quoted(version)}")
    _check_numbers(upload, "arrived_at_seconds")
    _check_texts(upload, "request")


def check_request(request: CutRequest) -> None:
    """The picture must lie where prepare puts it. If it travels along, it must have its hash."""
    check_upload(request.upload)
    _check_numbers(request, "redriven_at")
    picture = request.picture
    _check_hash(picture.sha256)
    if picture.format not in _SENT_FORMATS:
        raise _refused(f"nothing is sent as {_quoted(picture.format)}")
    _check_work_key(picture.work_key, f"{PREPARED}{picture.sha256}.{picture.format}")
    if request.content:
        check_content(request.content, picture)


def check_content(content: bytes, picture: PreparedPicture) -> None:
    """The bytes must have the hash and the size that the message states.

    The API's answer to other bytes would be kept as the answer to these, and be delivered for their copies. With a
    false size no answer would ever fit, and the picture would be remembered as failed.
    """
    if hashlib.sha256(content).hexdigest() != picture.sha256:
        raise _refused(f"the picture's bytes are not those with the SHA-256 {picture.sha256}")
    try:
        header = read_header(content)
    except NotAPictureError as error:
        raise _refused(f"its picture is none. {error}") from error
    stated = (picture.format, picture.width, picture.height, picture.size_bytes)
    if stated != (header.format, header.width, header.height, len(content)):
        raise _refused(f"its picture is a {header.format} of {header.width} x {header.height}, and not as it states")


def check_outcome(upload: Upload, outcome: PaidAnswer | Ended) -> None:
    """The end must be one that a stage can decide. An answer must lie where cut stores it."""
    check_upload(upload)
    if outcome.request_id is not None:
        _check_texts(outcome, "request_id")
    if isinstance(outcome, Ended):
        if outcome.kind not in _ENDS:  # it becomes a tag, and one of the tags means "leave this photo alone"
            raise _refused(f"no photo ends as {_quoted(outcome.kind)}")
        _check_texts(outcome, "code", "reason")
        _check_numbers(outcome, "attempts", "possibly_paid", "redriven_at")
        return
    _check_hash(outcome.picture_sha256)
    paid_keys = [PAID + operation.payment_key(outcome.picture_sha256) for operation in OPERATIONS.values()]
    _check_work_key(outcome.work_key, *paid_keys)
    if not outcome.work_key.endswith(f".{outcome.format}"):
        raise _refused(f"no answer is a {_quoted(outcome.format)}")
    _check_texts(outcome, "provider", "note")
    _check_numbers(outcome, "width", "height", "credits")


def check_notice(notice: SpendingNotice) -> None:
    """A pause or its end, in words."""
    if notice.kind not in _NOTICES:
        raise _refused(f"spending is never {_quoted(notice.kind)}")
    _check_texts(notice, "code", "reason")
    if notice.until is not None:
        _check_numbers(notice, "until")


def check_refused(request: RefusedRequest) -> None:
    """Words about a request. It may be about any bucket: nothing is done but to publish the refusal."""
    if request.code not in _REFUSALS:
        raise _refused(f"no request is refused as {_quoted(request.code)}")
    _check_texts(request, "reason")
    _check_texts(request.upload, "bucket", "key", "sequencer", "request")
    if request.upload.version_id is not None:
        _check_texts(request.upload, "version_id")


def _check_hash(sha256: object) -> None:
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise _refused(f"{_quoted(sha256)} is no SHA-256")


def _check_work_key(work_key: object, *allowed: str) -> None:
    if work_key not in allowed:
        raise _refused(f"{_quoted(work_key)} is not where these bytes are kept")


def _check_texts(message: object, *names: str) -> None:
    for name in names:
        if not isinstance(getattr(message, name), str):
            raise _refused(f"{name} is {_quoted(getattr(message, name))}")


def _check_numbers(message: object, *names: str) -> None:
    for name in names:
        value = getattr(message, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
            raise _refused(f"{name} is {_quoted(value)}")


def _refused(why: str) -> MalformedMessageError:
    return MalformedMessageError(
        f"The message cannot be from the stage before: {why}. Nothing was done and nothing was paid. "
        "Find out who wrote it before sending it again."
    )


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _quoted(value: object) -> str:
    return ascii(value)[:100]
