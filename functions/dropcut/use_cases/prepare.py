"""Prepare: decides whether an upload means work, and makes its picture ready to be sent. Spends nothing."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import OUTCOME_TAG, ObjectGoneError, ObjectStore, Opened
from dropcut.adapters.queue import Queue
from dropcut.core import api_limits
from dropcut.core.job import CutRequest, Ended, MalformedMessageError, OutcomeMessage, PreparedPicture, Upload
from dropcut.core.message_result import Done, Message, MessageResult
from dropcut.core.picture_header import NotAPictureError, PictureDamagedError, read_header
from dropcut.core.upload_event import read_uploads
from dropcut.observability import about, count, logger


@dataclass(frozen=True, kw_only=True)
class Prepare:
    objects: ObjectStore
    jobs: JobRecords
    cut_queue: Queue
    deliver_queue: Queue
    make_sendable: Callable[[bytes], bytes]
    """Decodes a picture to its end and turns it upright; raises PictureDamagedError (imaging/upright.py)."""
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
                self._prepare(upload)
        return Done()

    def announce_failure(self, message: Message, reason: str) -> None:
        """Tell that the uploads of a message failed, after it was set aside for unexpected errors."""
        for upload in read_uploads(message.body, sent_at_seconds=message.sent_at_seconds):
            self._end(upload, Ended(kind="failed", code="prepare_failed", reason=reason))

    def _prepare(self, upload: Upload) -> None:
        begun = self.jobs.begin(upload, now=self.clock())
        if begun == "already_under_way":
            logger.info("The same upload was announced before: nothing to do")
            return
        count("PhotosReceived")
        if begun == "superseded":
            self._end(upload, _skipped("superseded", "A newer upload of the same key came first."))
            return
        ready = self._picture_or_end(upload)
        if isinstance(ready, Ended):
            self._end(upload, ready)
            return
        self.cut_queue.send(CutRequest(upload=upload, picture=ready).to_json())
        self.jobs.wait_for_cut(upload, now=self.clock())
        logger.info("The picture is ready and waits to be cut out", picture_sha256=ready.sha256)

    def _picture_or_end(self, upload: Upload) -> PreparedPicture | Ended:
        if not upload.key.startswith(self.input_prefix):
            return _skipped(
                "other_prefix", f"Only keys that begin with {self.input_prefix!r} are taken (`input_prefix`)."
            )
        try:
            source = self.objects.open(upload.bucket, upload.key, upload.version_id)
        except ObjectGoneError:
            return _skipped("gone", "The object was gone before it could be read: deleted, moved or expired.")
        refusal = self._not_to_be_read(upload, source)
        if refusal:
            source.close()
            return refusal
        return self._ready(source.read())

    def _not_to_be_read(self, upload: Upload, source: Opened) -> Ended | None:
        if upload.key.endswith("/") and source.size_bytes == 0:
            return _skipped("folder", "This is a folder marker, not a photo.")
        if source.tag_count and self._is_left_alone(upload):
            return _skipped(
                "left_alone", f"The object carries the tag {OUTCOME_TAG}=skip: it is left alone on request."
            )
        return api_limits.refuse_size(source.size_bytes)

    def _is_left_alone(self, upload: Upload) -> bool:
        return self.objects.tags(upload.bucket, upload.key, upload.version_id).get(OUTCOME_TAG) == "skip"

    def _ready(self, original: bytes) -> PreparedPicture | Ended:
        """The picture as it will be sent, stored; or why it cannot be."""
        try:
            header = read_header(original)
            refusal = api_limits.refuse_header(header)
            if refusal:
                return refusal
            sendable = self.make_sendable(original)
        except NotAPictureError as error:
            return api_limits.not_a_picture(str(error))
        except PictureDamagedError as error:
            return api_limits.damaged(str(error))
        refusal = api_limits.refuse_size(len(sendable))
        if refusal:
            return refusal
        header = read_header(sendable)
        sha256 = hashlib.sha256(sendable).hexdigest()
        picture = PreparedPicture(
            work_key=f"prepared/{sha256}.{header.format}",
            sha256=sha256,
            format=header.format,
            width=header.width,
            height=header.height,
            size_bytes=len(sendable),
        )
        self.objects.write(self.work_bucket, picture.work_key, sendable, content_type=f"image/{header.format}")
        return picture

    def _end(self, upload: Upload, end: Ended) -> None:
        logger.info("The photo ends here", kind=end.kind, code=end.code, reason=end.reason)
        self.deliver_queue.send(OutcomeMessage(upload=upload, outcome=end).to_json())


def _skipped(code: str, reason: str) -> Ended:
    return Ended(kind="skipped", code=code, reason=reason)
