"""Prepare: decides whether an upload means work, and makes its picture ready to be sent. Spends nothing."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import LEAVE_ALONE, OUTCOME_TAG, ObjectGoneError, ObjectStore, Opened
from dropcut.adapters.queue import Queue
from dropcut.adapters.scratch import scratch_folder
from dropcut.core import api_limits
from dropcut.core.job import CutRequest, Ended, MalformedMessageError, OutcomeMessage, PreparedPicture, Upload
from dropcut.core.message_result import Done, Message, MessageResult
from dropcut.core.picture_limits import Fitted, PictureRefusedError
from dropcut.core.picture_refusals import TOO_SLOW
from dropcut.core.upload_event import read_uploads
from dropcut.observability import about, count, logger

TRIES_IF_SLOW = 2


@dataclass(frozen=True, kw_only=True)
class Prepare:
    objects: ObjectStore
    jobs: JobRecords
    cut_queue: Queue
    deliver_queue: Queue
    fit: Callable[[Path, Path], Fitted]
    """Makes of the photo in one file what is to be sent, in another; raises PictureRefusedError (imaging/fit.py)."""
    max_photo_mib: float
    """A larger file is not read."""
    input_bucket: str
    input_prefix: str
    work_bucket: str
    clock: Callable[[], float]

    def __call__(self, message: Message) -> MessageResult:
        """Handle one message of the intake queue.

        Raises:
            MalformedMessageError: it tells of no upload, or of one in a bucket that is not ours.
        """
        for upload in read_uploads(message.body, sent_at_seconds=message.sent_at_seconds):
            if upload.bucket != self.input_bucket:
                raise MalformedMessageError(
                    f"The event is about the bucket {upload.bucket}; photos are taken from {self.input_bucket} only."
                )
            with about(upload):
                self._prepare(upload, message.receive_count)
        return Done()

    def announce_failure(self, message: Message, reason: str) -> None:
        """Tell that the uploads of a message failed, after it was set aside for unexpected errors."""
        for upload in read_uploads(message.body, sent_at_seconds=message.sent_at_seconds):
            self._end(upload, Ended(kind="failed", code="prepare_failed", reason=reason))

    def _prepare(self, upload: Upload, receive_count: int) -> None:
        begun = self.jobs.begin(upload, now=self.clock())
        if begun == "already_under_way":
            logger.info("The same upload was announced before: nothing to do")
            return
        count("PhotosReceived")
        if begun == "superseded":
            self._end(upload, _skipped("superseded", "A newer upload of the same key came first."))
            return
        upload, ready = self._read(upload, receive_count)
        if isinstance(ready, Ended):
            self._end(upload, ready)
            return
        self.cut_queue.send(CutRequest(upload=upload, picture=ready).to_json())
        self.jobs.wait_for_cut(upload, now=self.clock())
        logger.info("The picture is ready and waits to be cut out", picture_sha256=ready.sha256)

    def _read(self, upload: Upload, receive_count: int) -> tuple[Upload, PreparedPicture | Ended]:
        """The upload with the ETag of what was read, and what came of it."""
        if not upload.key.startswith(self.input_prefix):
            return upload, _skipped(
                "other_prefix", f"Only keys that begin with {self.input_prefix!r} are taken (`input_prefix`)."
            )
        try:
            source = self.objects.open(upload.bucket, upload.key, upload.version_id)
        except ObjectGoneError:
            return upload, _skipped("gone", "The object was gone before it could be read: deleted, moved or expired.")
        upload = replace(upload, etag=source.etag)
        refusal = self._not_to_be_read(upload, source)
        if refusal:
            source.close()
            return upload, refusal
        with scratch_folder() as folder:
            photo = Path(folder) / "photo"
            source.save(photo)
            return upload, self._ready(photo, Path(folder) / "sendable", receive_count)

    def _not_to_be_read(self, upload: Upload, source: Opened) -> Ended | None:
        if upload.key.endswith("/") and source.size_bytes == 0:
            return _skipped("folder", "This is a folder marker, not a photo.")
        if source.tag_count and self._is_left_alone(upload):
            return _skipped(
                "left_alone", f"The object carries the tag {OUTCOME_TAG}=skip: it is left alone on request."
            )
        return api_limits.refuse_file(source.size_bytes, most_mib=self.max_photo_mib)

    def _is_left_alone(self, upload: Upload) -> bool:
        return self.objects.tags(upload.bucket, upload.key, upload.version_id).get(OUTCOME_TAG) == LEAVE_ALONE

    def _ready(self, photo: Path, sendable: Path, receive_count: int) -> PreparedPicture | Ended:
        """The picture as it will be sent, stored; or why it cannot be."""
        try:
            fitted = self.fit(photo, sendable)
        except PictureRefusedError as refusal:
            if refusal.code == TOO_SLOW and receive_count < TRIES_IF_SLOW:
                raise
            return Ended(kind="rejected", code=refusal.code, reason=refusal.reason)
        content = sendable.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        picture = PreparedPicture(
            work_key=f"prepared/{sha256}.{fitted.format}",
            sha256=sha256,
            format=fitted.format,
            width=fitted.width,
            height=fitted.height,
            size_bytes=len(content),
        )
        self.objects.write(self.work_bucket, picture.work_key, content, content_type=f"image/{fitted.format}")
        return picture

    def _end(self, upload: Upload, end: Ended) -> None:
        logger.info("The photo ends here", kind=end.kind, code=end.code, reason=end.reason)
        self.deliver_queue.send(OutcomeMessage(upload=upload, outcome=end).to_json())


def _skipped(code: str, reason: str) -> Ended:
    return Ended(kind="skipped", code=code, reason=reason)
