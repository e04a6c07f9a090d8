"""Deliver: makes and writes the renditions, tags the source, tells the world. Spends nothing, repeats freely."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dropcut.adapters.event_bus import EventBus
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import ObjectGoneError, ObjectStore, TooManyTagsError
from dropcut.adapters.scratch import scratch_folder
from dropcut.core.job import Ended, OutcomeMessage, PaidAnswer, Remake, SpendingNotice, Upload, read_announcement
from dropcut.core.message_result import Done, Message, MessageResult, SetAside
from dropcut.core.rendition import Made, Rendition
from dropcut.observability import about, count, duration, logger
from dropcut.use_cases.cutout_maker import CutoutMaker, Cutouts, MakeCutouts, NewerUploadError
from dropcut.use_cases.outputs import Outputs

_NOTHING_TOLD = Ended(kind="failed", code="", reason="")
_METRIC = {"rejected": "PhotosRejected", "skipped": "PhotosSkipped", "failed": "PhotosFailed"}


@dataclass(frozen=True, kw_only=True)
class Deliver:
    objects: ObjectStore
    jobs: JobRecords
    events: EventBus
    make_cutouts: MakeCutouts
    renditions: Sequence[Rendition]
    """The first is the one that the event's own fields tell of."""
    work_bucket: str
    output_bucket: str
    clock: Callable[[], float] = time.time

    def __call__(self, message: Message) -> MessageResult:
        """Handle one message of the deliver queue. Raises MalformedMessageError: it is not what deliver reads."""
        outcome = read_announcement(message.body)
        if isinstance(outcome, SpendingNotice):
            # Several deployments share the account's bus, and each has its own gate.
            self.events.publish(f"Spending {outcome.kind.capitalize()}", {"service": logger.service, **asdict(outcome)})
            return Done()
        if isinstance(outcome, Remake):
            return self._remake(outcome, message.receive_count)
        with about(outcome.upload):
            standing = self.jobs.standing(outcome.upload)
            if standing == "ended":
                logger.info("This outcome was delivered before: nothing to do")
            elif standing == "superseded":
                self._announce(outcome.upload, _superseded())
            elif isinstance(outcome.outcome, PaidAnswer):
                self._deliver(outcome, outcome.outcome, message.receive_count)
            else:
                self._announce(outcome.upload, outcome.outcome)
        return Done()

    def announce_failure(self, message: Message, reason: str) -> None:
        """Tell that an outcome could not be delivered, after its message was set aside for unexpected errors.

        Of a remake nothing is told: what was delivered before is still there.
        """
        outcome = read_announcement(message.body)
        if isinstance(outcome, OutcomeMessage):
            with about(outcome.upload):
                told = outcome.outcome if isinstance(outcome.outcome, Ended) else _NOTHING_TOLD
                self._announce(outcome.upload, replace(told, kind="failed", code="deliver_failed", reason=reason))

    def _deliver(self, outcome: OutcomeMessage, answer: PaidAnswer, receive_count: int) -> None:
        upload = outcome.upload
        with _made(self._maker, upload, answer, receive_count) as cutouts:
            keys = self._write(upload, answer, cutouts) if cutouts else None
        if cutouts is None or keys is None:
            self._announce(upload, _superseded())
            return
        self._tag(upload, "delivered")
        self.events.publish("Cutout Delivered", self._told(upload, answer, cutouts, keys))
        self.jobs.delivered(outcome, output_key=keys[0], now=self.clock())
        count("PhotosDelivered")
        duration("SecondsToDelivery", seconds=max(0.0, self.clock() - upload.arrived_at_seconds))
        logger.info("The cut-out is delivered", output_key=keys[0], credits=answer.credits)

    def _remake(self, remake: Remake, receive_count: int) -> MessageResult:
        """Make the renditions of a delivered photo anew, as they are described now. Pays nothing.

        What would be less than what was delivered is not written over it.
        """
        delivered = self.jobs.delivered_outcome(remake.bucket, remake.key)
        if delivered is None or not isinstance(delivered.outcome, PaidAnswer):
            return _not_remade("not_delivered", _NOT_DELIVERED)
        upload, answer = delivered.upload, delivered.outcome
        if remake.job_id not in (None, upload.job_id):
            return _not_remade("another_job", f"The newest upload of this key is job {upload.job_id}.")
        with about(upload):
            try:
                with _made(self._maker, upload, answer, receive_count) as cutouts:
                    if cutouts and upload.etag and not cutouts.full_size:
                        return _not_remade("less_than_before", cutouts.note)
                    keys = self._write(upload, answer, cutouts) if cutouts else None
            except ObjectGoneError:
                return _not_remade("answer_expired", _ANSWER_EXPIRED)
            if cutouts is None or keys is None:
                logger.info("A newer upload of the same key came before its cut-outs were made anew")
                return Done()
            detail = self._told(upload, answer, cutouts, keys) | {"credits": 0.0, "remade": True}
            self.events.publish("Cutout Delivered", detail)
            self.jobs.delivered(delivered, output_key=keys[0], now=self.clock())
            logger.info("The cut-outs were made anew", output_key=keys[0])
        return Done()

    @property
    def _maker(self) -> CutoutMaker:
        return CutoutMaker(
            objects=self.objects,
            make_cutouts=self.make_cutouts,
            renditions=self.renditions,
            work_bucket=self.work_bucket,
            is_superseded=lambda upload: self.jobs.standing(upload) == "superseded",
        )

    def _write(self, upload: Upload, answer: PaidAnswer, cutouts: Cutouts) -> Sequence[str] | None:
        """The keys of all renditions; None when a newer upload's are there."""
        outputs = Outputs(objects=self.objects, bucket=self.output_bucket)
        described = {rendition.name: rendition for rendition in self.renditions}
        keys = []
        for made in cutouts.made:
            key = outputs.write(upload, answer, described[made.rendition], made)
            if key is None:
                return None
            keys.append(key)
        return keys

    def _told(self, upload: Upload, answer: PaidAnswer, cutouts: Cutouts, keys: Sequence[str]) -> dict[str, object]:
        """What the event says of the cut-outs: the first as such, then all."""
        first = cutouts.made[0]
        return _about(upload) | {
            "output_bucket": self.output_bucket,
            "output_key": keys[0],
            "width": first.width,
            "height": first.height,
            "size_bytes": first.size_bytes,
            "credits": answer.credits,
            "request_id": answer.request_id,
            "picture_sha256": answer.picture_sha256,
            "renditions": [_rendition(made, key) for made, key in zip(cutouts.made, keys, strict=True)],
            **({"note": cutouts.note} if cutouts.note else {}),
        }

    def _announce(self, upload: Upload, end: Ended) -> None:
        if end.kind != "skipped":
            self._tag(upload, end.kind)
        detail = _about(upload) | {"code": end.code, "reason": end.reason}
        if end.attempts or end.possibly_paid:
            detail |= {"attempts": end.attempts, "possibly_paid": end.possibly_paid, "request_id": end.request_id}
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


def _rendition(made: Made, key: str) -> dict[str, object]:
    return {
        "name": made.rendition,
        "key": key,
        "format": made.format,
        "width": made.width,
        "height": made.height,
        "size_bytes": made.size_bytes,
    }


@contextmanager
def _made(maker: CutoutMaker, upload: Upload, answer: PaidAnswer, receive_count: int) -> Iterator[Cutouts | None]:
    """The cut-outs of a photo, for as long as their files are needed; None when a newer upload is on its way."""
    with scratch_folder() as folder:
        try:
            cutouts = maker.make(upload, answer, Path(folder), receive_count=receive_count)
        except NewerUploadError:
            cutouts = None
        yield cutouts


def _not_remade(code: str, why: str) -> SetAside:
    return SetAside(reason=f"Nothing was made anew, and nothing was paid. {why}", details={"code": code})


_NOT_DELIVERED = (
    "There is no delivered photo of this key on record: it is under way, ended otherwise, or was delivered before "
    "cut-outs could be made anew. Upload it again: within `keep_results_days` the same picture is not paid for twice."
)
_ANSWER_EXPIRED = (
    "The answer that was paid for this photo is no longer kept (`keep_results_days`). Upload the photo again, "
    "which pays for a new one."
)
