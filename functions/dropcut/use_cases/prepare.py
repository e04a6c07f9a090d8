"""Prepare: decides whether an upload means work, and makes its picture ready to be sent. Spends nothing."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import (
    CUTOUT_OF,
    LEAVE_ALONE,
    OUTCOME_TAG,
    ObjectGoneError,
    ObjectStore,
    ObjectUnreadableError,
    Opened,
    not_there_yet,
)
from dropcut.adapters.scratch import scratch_folder
from dropcut.core.choices import ChoicesError, choices_of_photo, reference_of_photo
from dropcut.core.cutout_request import BEFORE_ALL
from dropcut.core.job_status import DONE
from dropcut.core.message_result import DeadLetter, Done, Message, MessageResult, Wait
from dropcut.core.messages import (
    MOST_INLINE_BYTES,
    PREPARED,
    CutRequest,
    Ended,
    OutcomeMessage,
    PreparedPicture,
    RefusedRequest,
    Upload,
)
from dropcut.core.photo_source import INPUT_REMOVED, refuses_key, refuses_object, refuses_size, why_no_input
from dropcut.core.picture_limits import Fitted, PictureRefusedError
from dropcut.core.picture_refusals import TOO_SLOW
from dropcut.core.ports import Sender
from dropcut.observability import count, log_about, logger
from dropcut.use_cases.intake import Intake

TRIES_IF_SLOW = 3
"""Receives of a message, of which the first may have been a wait for the event of the object's upload."""
SETTLED_AFTER_SECONDS = 10.0
"""After so long the event of an object's upload has nearly always come. One that comes later counts as a newer upload
than the request."""


@dataclass(frozen=True, kw_only=True)
class Prepare:
    objects: ObjectStore
    jobs: JobRecords
    cut_queue: Sender
    deliver_queue: Sender
    fit: Callable[[Path, Path], Fitted]
    """Makes of the photo in one file what is to be sent, in another; raises PictureRefusedError (imaging/fit.py)."""
    max_photo_mib: float
    """A larger file is not read."""
    intake: Intake
    work_bucket: str
    clock: Callable[[], float]

    def __call__(self, message: Message) -> MessageResult:
        """Handle one message of the intake queue.

        Raises:
            MalformedMessageError: it is about no upload.
        """
        result: MessageResult = Done()
        for asked in self.intake.read(message):
            if removed := self._why_no_input(asked):
                return DeadLetter(reason=removed, details={"code": INPUT_REMOVED}, announce=True)
            if isinstance(asked, RefusedRequest):
                logger.info("The request is refused", code=asked.code, reason=asked.reason)
                self.deliver_queue.send(asked.to_json())
            else:
                log_about(asked)
                result = self._prepare(self.jobs.ordered(asked) if asked.request else asked, message)
        return result

    def announce_failure(self, message: Message, reason: str) -> None:
        """Publish that the uploads of a message failed, before it is dead-lettered for unexpected errors."""
        for asked in self.intake.read(message):
            if isinstance(asked, Upload):
                upload = self.jobs.ordered(asked) if asked.request else asked
                removed = self._why_no_input(asked)
                if not removed:  # one that could not be opened has no record yet that could say so
                    self.jobs.begin(upload, now=self.clock(), redriven=message.redriven)
                code = INPUT_REMOVED if removed else "prepare_failed"
                self._end(upload, Ended(kind="failed", code=code, reason=reason), message)

    def _why_no_input(self, asked: Upload | RefusedRequest) -> str:
        """By the bucket alone: a key that no input takes ends as skipped. A request was looked at before."""
        return "" if isinstance(asked, RefusedRequest) else why_no_input(self.intake.sources, asked.bucket)

    def _prepare(self, upload: Upload, message: Message) -> MessageResult:
        """It is looked for first: a photo that is gone leaves the record to an older upload that may still be there."""
        source = self._open(upload)
        try:
            if source is None and self.jobs.is_of_another(upload):
                self._end(upload, _GONE, message)
                return Done()
            if isinstance(source, Opened) and upload.request:
                settled_at = source.modified_at_seconds + SETTLED_AFTER_SECONDS
                if self.clock() < settled_at:
                    return Wait(seconds=settled_at - self.clock(), why="the event of the object's upload may yet come")
            if isinstance(source, Opened) and upload.is_fed and self._is_done(upload, source):
                count("PhotosDoneBefore")
                logger.info("The photo is done, or under way: the back-fill leaves it alone")
                return Done()
            return self._begin(upload, source, message)
        finally:
            if isinstance(source, Opened):
                source.close()

    def _begin(self, upload: Upload, source: Opened | Ended | None, message: Message) -> MessageResult:
        upload, refusal = self._chosen(upload, source)
        begun = self.jobs.begin(upload, now=self.clock(), redriven=message.redriven)
        if begun == "already_under_way":
            logger.info("The same upload was announced before: nothing to do")
            return Done()
        if begun == "superseded" and upload.request and upload.sequencer != BEFORE_ALL:
            return Wait(seconds=1, why="another upload or request took its place among those of the key")
        count("PhotosReceived")
        if begun == "superseded":
            ready: CutRequest | Ended = _skipped("superseded", "A newer upload of the same key came first.")
        elif isinstance(source, Opened):
            ready = refusal or self._read(replace(upload, etag=source.etag), source, message)
        else:
            ready = source or _GONE
        if isinstance(ready, Ended):
            self._end(upload, ready, message)
            return Done()
        self.cut_queue.send(ready.to_json())
        self.jobs.wait_for_cut(ready, now=self.clock())
        logger.info("The picture is ready and waits to be cut out", picture_sha256=ready.picture.sha256)
        return Done()

    def _is_done(self, upload: Upload, source: Opened) -> bool:
        """Whether there is nothing to do for the object as it is now, by the key's record or else by the tag."""
        known = self.jobs.record(upload)
        if known is None:  # never met, or met so long ago that its record is gone
            tags = self.objects.tags(upload.bucket, upload.key, upload.version_id) if source.tag_count else {}
            return tags.get(OUTCOME_TAG) in DONE
        if known.job_id == upload.job_id:
            return False  # of this very request: its record says whether it is to be taken up again
        names = self.intake.rendition_names(upload.bucket, upload.key)
        return known.is_under_way(now=self.clock()) or known.is_done(etag=source.etag, names=names)

    def _chosen(self, upload: Upload, source: Opened | Ended | None) -> tuple[Upload, Ended | None]:
        """The upload with what its uploader wrote into the photo's metadata; and why that cannot be, if so."""
        if not isinstance(source, Opened):
            return upload, None
        try:
            # First the reference: the rejection of renditions that cannot be carries it.
            for read in (reference_of_photo, choices_of_photo):
                upload = replace(upload, choices=upload.choices.over(read(source.metadata)))
            wrong = upload.choices.refuses_names(self.intake.rendition_names(upload.bucket, upload.key))
        except ChoicesError as error:
            wrong = str(error)
        return upload, Ended(kind="rejected", code="choices_not_allowed", reason=wrong) if wrong else None

    def _open(self, upload: Upload) -> Opened | Ended | None:
        """The photo; or why it is not read; None when it is gone.

        Raises:
            ObjectGoneError: it may yet appear.
        """
        not_taken = refuses_key(self.intake.sources_of(upload), upload.key)
        if not_taken:
            return _skipped(not_taken.code, not_taken.reason)
        try:
            return self.objects.open(upload.bucket, upload.key, upload.version_id)
        except ObjectGoneError:
            if not_there_yet(upload, now=self.clock()):
                raise
            return None
        except ObjectUnreadableError as error:
            return Ended(kind="rejected", code=error.code, reason=str(error))

    def _read(self, upload: Upload, source: Opened, message: Message) -> CutRequest | Ended:
        refusal = self._not_to_be_read(upload, source)
        if refusal:
            return refusal
        with scratch_folder() as folder:
            photo = Path(folder) / "photo"
            source.save(photo)
            return self._ready(photo, Path(folder) / "sendable", upload, message)

    def _not_to_be_read(self, upload: Upload, source: Opened) -> Ended | None:
        if upload.key.endswith("/") and source.size_bytes == 0:
            return _skipped("folder", "This is a folder marker, not a photo.")
        if CUTOUT_OF in source.metadata:
            return _CUTOUT
        tags = self.objects.tags(upload.bucket, upload.key, upload.version_id) if source.tag_count else {}
        if tags.get(OUTCOME_TAG) == LEAVE_ALONE:
            return _skipped(
                "left_alone", f"The object carries the tag {OUTCOME_TAG}=skip: it is left alone on request."
            )
        not_taken = refuses_object(self.intake.sources_of(upload), upload.key, source.size_bytes, tags)
        if not_taken:
            return _skipped(not_taken.code, not_taken.reason)
        not_read = refuses_size(source.size_bytes, most_mib=self.max_photo_mib)
        return Ended(kind="rejected", code=not_read.code, reason=not_read.reason) if not_read else None

    def _ready(self, photo: Path, sendable: Path, upload: Upload, message: Message) -> CutRequest | Ended:
        """The picture as it will be sent, stored or inside its message; or why it cannot be."""
        try:
            fitted = self.fit(photo, sendable)
        except PictureRefusedError as refusal:
            if refusal.code == TOO_SLOW and message.receive_count < TRIES_IF_SLOW:
                raise
            return Ended(kind="rejected", code=refusal.code, reason=refusal.reason)
        content = sendable.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        picture = PreparedPicture(
            work_key=f"{PREPARED}{sha256}.{fitted.format}",
            sha256=sha256,
            format=fitted.format,
            width=fitted.width,
            height=fitted.height,
            size_bytes=len(content),
        )
        travels = len(content) <= MOST_INLINE_BYTES
        if not travels:
            self.objects.write(self.work_bucket, picture.work_key, content, content_type=f"image/{fitted.format}")
        return CutRequest(
            upload=upload,
            picture=picture,
            content=content if travels else b"",
            note=fitted.note,
            redriven_at=_redriven_at(message),
        )

    def _end(self, upload: Upload, end: Ended, message: Message) -> None:
        end = replace(end, redriven_at=_redriven_at(message))
        logger.info("The photo ends here", kind=end.kind, code=end.code, reason=end.reason)
        self.deliver_queue.send(OutcomeMessage(upload=upload, outcome=end).to_json())


def _redriven_at(message: Message) -> float:
    return message.sent_at_seconds if message.redriven else 0.0


def _skipped(code: str, reason: str) -> Ended:
    return Ended(kind="skipped", code=code, reason=reason)


_GONE = _skipped("gone", "The object was gone before it could be read: deleted, moved or expired.")
_CUTOUT = _skipped(
    "cutout",
    f"This is a cut-out, as its metadata {CUTOUT_OF} says. The way from an output to an input may be a loop, in which "
    "each cut-out would be paid for as a new photo.",
)
