"""Intake: what a message of the intake queue asks for, and whether a request asks for what this deployment does."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dropcut.core.cutout_request import read_request
from dropcut.core.message_result import Message
from dropcut.core.messages import MalformedMessageError, RefusedRequest, Upload
from dropcut.core.upload_event import read_uploads


@dataclass(frozen=True, kw_only=True)
class Intake:
    input_bucket: str
    input_prefix: str
    rendition_names: Collection[str]

    def read(self, message: Message) -> Sequence[Upload | RefusedRequest]:
        """The uploads that a message is about, or the one request.

        Raises:
            MalformedMessageError: it is about neither, or about an upload into a bucket that is not ours.
        """
        requested = read_request(message.body, sent_at_seconds=message.sent_at_seconds)
        if requested is None:
            return self._uploads(message)
        if isinstance(requested, RefusedRequest):
            return [requested]
        wrong = self._not_done_here(requested)
        return [RefusedRequest(upload=requested, code="request_not_allowed", reason=wrong) if wrong else requested]

    def _uploads(self, message: Message) -> Sequence[Upload]:
        uploads = read_uploads(message.body, sent_at_seconds=message.sent_at_seconds)
        for upload in uploads:
            if upload.bucket != self.input_bucket:
                raise MalformedMessageError(
                    f"The event is about the bucket {upload.bucket}; photos are taken from {self.input_bucket} only."
                )
        return uploads

    def _not_done_here(self, requested: Upload) -> str:
        """A sentence about what is not allowed; empty if all is."""
        if requested.bucket != self.input_bucket:
            return f"No photos are taken from the bucket {requested.bucket}. Allowed: {self.input_bucket}."
        if not requested.key.startswith(self.input_prefix):
            return f"Only keys that begin with {self.input_prefix!r} are taken."
        return requested.choices.refuses_names(self.rendition_names)
