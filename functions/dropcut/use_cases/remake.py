"""Remake: a delivered photo's renditions anew, as they are described now. Pays nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dropcut.adapters.event_bus import EventBus
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.scratch import scratch_folder
from dropcut.core import events
from dropcut.core.message_checks import check_outcome
from dropcut.core.message_result import DeadLetter, Done, Message, MessageResult
from dropcut.core.messages import MalformedMessageError, OutcomeMessage, PaidAnswer, Remake
from dropcut.observability import log_about, logger
from dropcut.use_cases.cutout_maker import AnswerGoneError, CutoutMaker
from dropcut.use_cases.outputs import Outputs


@dataclass(frozen=True, kw_only=True)
class Remaker:
    jobs: JobRecords
    events: EventBus
    maker: CutoutMaker
    outputs: Outputs
    clock: Callable[[], float]

    def __call__(self, remake: Remake, message: Message) -> MessageResult:
        """Make the renditions again. A cut-out that would be smaller than the delivered one does not replace it.

        Raises:
            MalformedMessageError: the record names an answer that no stage could have delivered.
        """
        delivered = self.jobs.delivered_outcome(remake.bucket, remake.key)
        if delivered is None or not isinstance(delivered.outcome, PaidAnswer):
            return _not_remade("not_delivered", _NOT_DELIVERED)
        upload = delivered.upload
        if (upload.bucket, upload.key) != (remake.bucket, remake.key):
            raise MalformedMessageError(f"The record of {remake.key} is about another photo: {upload.key}.")
        check_outcome(upload, delivered.outcome)  # prepare may write to this record, too
        if remake.job_id not in (None, upload.job_id):
            return _not_remade("another_job", f"The newest upload of this key is job {upload.job_id}.")
        log_about(upload)
        return self._again(delivered, delivered.outcome, message)

    def _again(self, delivered: OutcomeMessage, answer: PaidAnswer, message: Message) -> MessageResult:
        upload, receive_count = delivered.upload, message.receive_count
        with scratch_folder() as name:
            folder = Path(name)
            try:
                made_from = self.maker.fetch(upload, answer, folder, receive_count=receive_count)
            except AnswerGoneError:
                return _not_remade("answer_expired", _ANSWER_EXPIRED)
            if made_from.is_another and self.jobs.state(upload) == "superseded":
                return _superseded()
            cutouts = self.maker.make(upload, answer, made_from, folder, receive_count=receive_count)
            if upload.etag and not cutouts.full_size:
                return _not_remade("less_than_before", cutouts.note)
            if self.outputs.differ_by_upload and self.jobs.state(upload) == "superseded":
                return _superseded()
            written = self.outputs.write_all(upload, answer, cutouts)
        if written is None:
            return _superseded()
        cutout = replace(written.published(answer), credits=0.0)
        event = events.Delivered(photo=events.Photo.of(upload), cutout=cutout, remade=True)
        self.events.publish(event, occasion=f"remade {message.sent_at_seconds:.3f}")
        self.jobs.delivered(
            delivered,
            output_keys=written.keys,
            quality=cutouts.quality,
            renditions=written.names,
            now=self.clock(),
        )
        logger.info("The cut-outs were made anew", output_key=written.keys[0])
        return Done()


def _superseded() -> MessageResult:
    logger.info("A newer upload of the same key came before its cut-outs were made anew")
    return Done()


def _not_remade(code: str, why: str) -> DeadLetter:
    return DeadLetter(reason=f"Nothing was made anew, and nothing was paid. {why}", details={"code": code})


_NOT_DELIVERED = (
    "There is no delivered photo of this key on record. It is under way, is held, or ended otherwise. Or its record is "
    "gone (`keep_jobs_days`), or a reviewer put a picture in the cut-out's place. Upload it again: within "
    "`keep_results_days` the same picture is not paid for twice."
)
_ANSWER_EXPIRED = (
    "The answer that was paid for this photo is no longer kept (`keep_results_days`). Upload the photo again, "
    "which pays for a new one."
)
