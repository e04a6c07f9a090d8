"""Deliver: writes the cut-out, tags the source, tells the world. Spends nothing and may be repeated freely."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from urllib.parse import quote

from dropcut.adapters.event_bus import EventBus
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import ObjectGoneError, ObjectStore, TooManyTagsError
from dropcut.core.api_limits import OUTPUT_FORMATS
from dropcut.core.job import Ended, OutcomeMessage, PaidAnswer, SpendingNotice, Upload, read_announcement
from dropcut.core.message_result import Done, Message, MessageResult
from dropcut.core.output_naming import output_keys
from dropcut.observability import about, count, duration, logger

_METRIC = {"rejected": "PhotosRejected", "skipped": "PhotosSkipped", "failed": "PhotosFailed"}
LOOKS_AT_A_NAME = 3
_LONGEST_METADATA_KEY = 1_000
"""All metadata of an object share 2 KiB; a longer key stands there as its hash alone."""


class OutputKeepsChangingError(RuntimeError):
    """Others wrote to every name of this cut-out while we looked; trying again will help."""


@dataclass(frozen=True, kw_only=True)
class Deliver:
    objects: ObjectStore
    jobs: JobRecords
    events: EventBus
    work_bucket: str
    output_bucket: str
    clock: Callable[[], float] = time.time

    def __call__(self, message: Message) -> MessageResult:
        """Handle one message of the deliver queue. Raises MalformedMessageError: it is not what deliver reads."""
        outcome = read_announcement(message.body)
        if isinstance(outcome, SpendingNotice):
            self.events.publish(f"Spending {outcome.kind.capitalize()}", asdict(outcome))
            return Done()
        with about(outcome.upload):
            standing = self.jobs.standing(outcome.upload)
            if standing == "ended":
                logger.info("This outcome was delivered before: nothing to do")
            elif standing == "superseded":
                self._announce(outcome.upload, _superseded())
            elif isinstance(outcome.outcome, PaidAnswer):
                self._deliver(outcome.upload, outcome.outcome)
            else:
                self._announce(outcome.upload, outcome.outcome)
        return Done()

    def announce_failure(self, message: Message, reason: str) -> None:
        """Tell that an outcome could not be delivered, after its message was set aside for unexpected errors."""
        outcome = read_announcement(message.body)
        if isinstance(outcome, OutcomeMessage):
            with about(outcome.upload):
                self._announce(outcome.upload, Ended(kind="failed", code="deliver_failed", reason=reason))

    def _deliver(self, upload: Upload, answer: PaidAnswer) -> None:
        picture = self.objects.read(self.work_bucket, answer.work_key)
        output_key = self._write(upload, answer, picture)
        if output_key is None:
            self._announce(upload, _superseded())
            return
        self._tag(upload, "delivered")
        detail = {
            "output_bucket": self.output_bucket,
            "output_key": output_key,
            "width": answer.width,
            "height": answer.height,
            "size_bytes": len(picture),
            "credits": answer.credits,
            "request_id": answer.request_id,
            "picture_sha256": answer.picture_sha256,
        }
        self.events.publish("Cutout Delivered", _about(upload) | detail)
        self.jobs.delivered(upload, output_key=output_key, now=self.clock())
        count("PhotosDelivered")
        duration("SecondsToDelivery", seconds=max(0.0, self.clock() - upload.arrived_at_seconds))
        logger.info("The cut-out is delivered", output_key=output_key, credits=answer.credits)

    def _write(self, upload: Upload, answer: PaidAnswer, picture: bytes) -> str | None:
        """Write under the first name that is free or this photo's own; None when a newer one's cut-out is there."""
        form = OUTPUT_FORMATS[answer.format]
        metadata = _provenance(upload, answer)
        owner = metadata["dropcut-source-sha256"]
        write = partial(
            self.objects.write_if_unchanged,
            self.output_bucket,
            body=picture,
            content_type=form.content_type,
            metadata=metadata,
        )
        for output_key in output_keys(upload.key, form.extension):
            if write(output_key, seen_etag=None):  # most cut-outs are new: look only when this one is not
                return output_key
            for _look in range(LOOKS_AT_A_NAME):  # again when somebody wrote since: it may have been our own double
                there = self.objects.metadata_and_etag(self.output_bucket, output_key)
                seen_etag = None
                if there is not None:
                    found, seen_etag = there
                    if found.get("dropcut-source-sha256") != owner:
                        break
                    if found.get("dropcut-sequencer", "") > upload.sequencer:
                        return None
                if write(output_key, seen_etag=seen_etag):
                    return output_key
        raise OutputKeepsChangingError(
            f"No name for the cut-out of {upload.key!r} could be written in {self.output_bucket}"
        )

    def _announce(self, upload: Upload, end: Ended) -> None:
        if end.kind != "skipped":
            self._tag(upload, end.kind)
        detail = _about(upload) | {"code": end.code, "reason": end.reason}
        self.events.publish(f"Cutout {end.kind.capitalize()}", detail)
        self.jobs.ended(upload, end, now=self.clock())
        count(_METRIC[end.kind])
        logger.info("The photo's end is announced", kind=end.kind, code=end.code, reason=end.reason)

    def _tag(self, upload: Upload, outcome: str) -> None:
        """The tag is for people who look at the bucket; that it cannot be set must not hold up the photo."""
        if not upload.version_id and self.jobs.standing(upload) == "superseded":
            return  # the object there now is a newer one
        try:
            self.objects.tag_outcome(upload.bucket, upload.key, upload.version_id, outcome)
        except (ObjectGoneError, TooManyTagsError) as error:
            logger.warning("The source was not tagged", reason=str(error))


def _provenance(upload: Upload, answer: PaidAnswer) -> Mapping[str, str]:
    """Where a cut-out comes from, as object metadata (ASCII; S3 allows 2 KiB)."""
    source = quote(upload.key, safe="/")
    return {
        "dropcut-source": source if len(source) <= _LONGEST_METADATA_KEY else "too-long",
        "dropcut-source-sha256": hashlib.sha256(upload.key.encode("utf-8", "surrogatepass")).hexdigest(),
        "dropcut-source-version": upload.version_id or "none",
        "dropcut-sequencer": upload.sequencer,
        "dropcut-job-id": upload.job_id,
        "dropcut-request-id": answer.request_id or "none",
        "dropcut-credits": f"{answer.credits:g}",
        "dropcut-picture-sha256": answer.picture_sha256,
        "dropcut-provider": answer.provider,
    }


def _about(upload: Upload) -> dict[str, object]:
    """What every event says. `key` is plain text, as in S3's own EventBridge events."""
    return {
        "job_id": upload.job_id,
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
    }


def _superseded() -> Ended:
    return Ended(
        kind="skipped", code="superseded", reason="A newer upload of the same key came before this one was delivered."
    )
