"""Deliver: makes and writes the renditions, tags the source, publishes the event. Spends nothing, repeats freely."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dropcut.adapters.event_bus import EventBus
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.scratch import scratch_folder
from dropcut.core import events
from dropcut.core.message_checks import check_notice, check_outcome, check_refused
from dropcut.core.message_result import DeadLetter, Done, Message, MessageResult
from dropcut.core.messages import (
    Ended,
    OutcomeMessage,
    PaidAnswer,
    RefusedRequest,
    Remake,
    SpendingNotice,
    Upload,
    read_announcement,
)
from dropcut.core.ports import Together
from dropcut.core.review import EndOldHeld, Review, read_review
from dropcut.observability import count, log_about, logger
from dropcut.use_cases.announcement import SUPERSEDED, Announcer
from dropcut.use_cases.cutout_maker import AnswerGoneError, CutoutMaker
from dropcut.use_cases.holding import Holding
from dropcut.use_cases.outputs import Outputs

_NO_END_YET = Ended(kind="failed", code="", reason="")
_ANSWER_EXPIRED = (
    "The answer that was paid for this photo is no longer kept: it waited for its delivery for longer than "
    "`keep_results_days`. A redrive starts from the photo, and pays for a new one."
)


@dataclass(frozen=True, kw_only=True)
class Deliver:
    jobs: JobRecords
    events: EventBus
    maker: CutoutMaker
    outputs: Outputs
    announcer: Announcer
    holding: Holding
    input_buckets: Collection[str]
    remake: Callable[[Remake, Message], MessageResult]
    """Makes a delivered photo's renditions anew; takes its message, too (use_cases/remake.py)."""
    review: Callable[[Review | EndOldHeld], MessageResult]
    """Carries out what was decided on a held photo (use_cases/review.py)."""
    together: Together
    clock: Callable[[], float]

    def __call__(self, message: Message) -> MessageResult:
        """Handle one message of the deliver queue.

        Raises:
            MalformedMessageError: it is not what deliver reads, or nothing that a stage could have written.
        """
        if review := read_review(message.body):
            return self.review(review)
        outcome = self._read(message.body)
        if isinstance(outcome, SpendingNotice):
            self.events.publish(events.spending(outcome), apart=f"{message.sent_at_seconds:.3f}")
            return Done()
        if isinstance(outcome, Remake):
            return self.remake(outcome, message)
        if isinstance(outcome, RefusedRequest):
            self.events.publish(events.refused(outcome), apart=outcome.code)
            return Done()
        log_about(outcome.upload)
        if isinstance(outcome.outcome, PaidAnswer):
            return self._deliver(outcome, outcome.outcome, message.receive_count)
        self._end(outcome.upload, outcome.outcome)
        return Done()

    def announce_failure(self, message: Message, reason: str) -> None:
        """Publish that an outcome could not be delivered, after its message was dead-lettered for unexpected errors.

        Of a remake and of a review nothing is published: what was delivered, or is held, is still there.
        """
        if read_review(message.body):
            return
        outcome = self._read(message.body)
        if isinstance(outcome, OutcomeMessage) and self.jobs.state(outcome.upload) != "ended":
            log_about(outcome.upload)
            known = outcome.outcome if isinstance(outcome.outcome, Ended) else _NO_END_YET
            redriven_at = message.sent_at_seconds if message.redriven else known.redriven_at
            failed = replace(known, kind="failed", code="deliver_failed", reason=reason, redriven_at=redriven_at)
            self.announcer.ended(outcome.upload, failed)

    def _read(self, body: str) -> OutcomeMessage | SpendingNotice | Remake | RefusedRequest:
        announcement = read_announcement(body)
        if isinstance(announcement, OutcomeMessage):
            check_outcome(announcement.upload, announcement.outcome, input_buckets=self.input_buckets)
        elif isinstance(announcement, SpendingNotice):
            check_notice(announcement)
        elif isinstance(announcement, RefusedRequest):
            check_refused(announcement)
        return announcement

    def _end(self, upload: Upload, end: Ended) -> None:
        state = self.jobs.state(upload)
        if state == "ended":
            self._was_done_before(upload)
        else:
            self.announcer.ended(upload, SUPERSEDED if state == "superseded" else end)

    def _was_done_before(self, upload: Upload) -> None:
        logger.info("This outcome was delivered before: nothing to do")
        self.announcer.remove_held(upload)  # of an older upload, if the worker died before it was there

    def _deliver(self, outcome: OutcomeMessage, answer: PaidAnswer, receive_count: int) -> MessageResult:
        try:
            self._make_and_write(outcome, answer, receive_count)
        except AnswerGoneError:
            if self.jobs.state(outcome.upload) != "ended":
                return DeadLetter(reason=_ANSWER_EXPIRED, details={"code": "answer_expired"}, announce=True)
        return Done()

    def _make_and_write(self, outcome: OutcomeMessage, answer: PaidAnswer, receive_count: int) -> None:
        upload = outcome.upload
        with scratch_folder() as name:
            folder = Path(name)
            state, sources = self.together(
                partial(self.jobs.state, upload),
                partial(self.maker.fetch, upload, answer, folder, receive_count=receive_count),
            )
            if state == "ended":
                self._was_done_before(upload)
                return
            if sources.is_another:
                state = self.jobs.state(upload)  # by now the newer one may have been taken up
            written, held_in = None, ""
            if state != "superseded":
                cutouts = self.maker.make(upload, answer, sources, folder, receive_count=receive_count)
                held_in = self.holding.folder_for(cutouts)
                # If each upload has its own keys, no taken key shows that a newer upload came meanwhile.
                if not (self.outputs.differ_by_upload and self.jobs.state(upload) == "superseded"):
                    written = self.outputs.write_all(upload, answer, cutouts, folder=held_in)
        if written is None:
            self.announcer.ended(upload, SUPERSEDED)
        elif held_in:
            self.holding.hold(outcome, answer, written, has_tags=sources.has_tags)
        else:
            self.announcer.delivered(outcome, answer, written, has_tags=sources.has_tags)
            count(SecondsToDelivery=max(0.0, self.clock() - upload.arrived_at_seconds))
