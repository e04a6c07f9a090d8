"""Intake: what a message of the intake queue asks for, and whether this deployment can do it."""

from collections.abc import Sequence
from dataclasses import dataclass

from dropcut.core.cutout_request import read_request
from dropcut.core.message_result import Message
from dropcut.core.messages import RefusedRequest, Upload
from dropcut.core.photo_source import ByPhoto, PhotoSource, refuses_key
from dropcut.core.upload_event import read_uploads


@dataclass(frozen=True, kw_only=True)
class Intake:
    sources: Sequence[PhotoSource]
    rendition_names: ByPhoto[Sequence[str]]
    """What may be chosen for a photo."""

    def read(self, message: Message) -> Sequence[Upload | RefusedRequest]:
        """The uploads that a message is about, or the one request.

        Raises:
            MalformedMessageError: it is about neither.
        """
        requested = read_request(message.body, sent_at_seconds=message.sent_at_seconds)
        if requested is None:
            return read_uploads(message.body, sent_at_seconds=message.sent_at_seconds)
        if isinstance(requested, RefusedRequest):
            return [requested]
        wrong = self._not_done_here(requested)
        return [RefusedRequest(upload=requested, code="request_not_allowed", reason=wrong) if wrong else requested]

    def sources_of(self, upload: Upload) -> Sequence[PhotoSource]:
        """Those in this photo's bucket."""
        return [source for source in self.sources if source.bucket == upload.bucket]

    def _not_done_here(self, requested: Upload) -> str:
        """A sentence about what is not allowed; empty if all is."""
        sources = self.sources_of(requested)
        if not sources:
            allowed = ", ".join(sorted({source.bucket for source in self.sources}))
            return f"No photos are taken from the bucket {requested.bucket}. Allowed: {allowed}."
        not_taken = refuses_key(sources, requested.key)
        if not_taken:
            return not_taken.reason
        return requested.choices.refuses_names(self.rendition_names(requested.bucket, requested.key))
