"""Deliver: makes and writes the renditions, tags the source, publishes the event. Spends nothing, repeats freely."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dropcut.adapters.event_bus import EventBus
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.scratch import scratch_folder
from dropcut.core import events
from dropcut.core.deliver_message import DeliverMessage, read_deliver_message
from dropcut.core.message_checks import check_notice, check_outcome, check_refused
from dropcut.core.message_result import DeadLetter, Done, Message, MessageResult
from dropcut.core.messages import (
    Ended,
    MalformedMessageError,
    OutcomeMessage,
    PaidAnswer,
    RefusedRequest,
    Remake,
    SpendingNotice,
    Upload,
)
from dropcut.core.photo_source import INPUT_REMOVED, PhotoSource, why_no_input
from dropcut.core.ports import Together
from dropcut.core.review import EndOldHeld, Review
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
    sources: Sequence[PhotoSource]
    """Where photos may come from."""
    stage_roles: Collection[str]
    """Unique ids of roles that write to the queue, and decide on nothing: one of them decodes strangers' files."""
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
        announced = self._read(message.body)
        if isinstance(announced, OutcomeMessage):
            log_about(announced.upload)
        if refused := self._of_no_input(announced):
            return refused
        match announced:
            case Review() | EndOldHeld():
                return self._decide(announced, message)
            case SpendingNotice():
                self.events.publish(events.spending(announced), occasion=f"{message.sent_at_seconds:.3f}")
            case RefusedRequest():
                self.events.publish(events.refused(announced), occasion=announced.code)
            case Remake():
                return self.remake(announced, message)
            case OutcomeMessage(outcome=PaidAnswer() as answer):
                return self._deliver(announced, answer, message.receive_count)
            case OutcomeMessage(upload=upload, outcome=Ended() as end):
                self._end(upload, end)
        return Done()

    def announce_failure(self, message: Message, reason: str) -> None:
        """Publish that an outcome could not be delivered, before its message is dead-lettered for unexpected errors.

        Of a remake and of a review nothing is published: what was delivered, or is held, is still there.
        """
        outcome = self._read(message.body)
        if isinstance(outcome, OutcomeMessage) and self.jobs.state(outcome.upload) != "ended":
            log_about(outcome.upload)
            known = outcome.outcome if isinstance(outcome.outcome, Ended) else _NO_END_YET
            redriven_at = message.sent_at_seconds if message.redriven else known.redriven_at
            failed = replace(known, kind="failed", code="deliver_failed", reason=reason, redriven_at=redriven_at)
            if why_no_input(self.sources, outcome.upload.bucket):
                self.announcer.of_no_input(outcome.upload, replace(failed, code=INPUT_REMOVED))
            else:
                self.announcer.ended(outcome.upload, failed)

    def _decide(self, review: Review | EndOldHeld, message: Message) -> MessageResult:
        """Raises MalformedMessageError: a function decided, and only people do."""
        if isinstance(review, Review) and message.sender.partition(":")[0] in self.stage_roles:
            raise MalformedMessageError(f"A function decided on a held photo, and only people do: {message.sender}.")
        return self.review(review)

    def _of_no_input(self, announced: DeliverMessage) -> DeadLetter | None:
        """Why nothing is made of this photo. That its input was removed has only to be published."""
        match announced:
            case OutcomeMessage(outcome=Ended(code=code)) if code == INPUT_REMOVED:
                return None
            case OutcomeMessage(upload=photo) | (Remake() as photo):
                if removed := why_no_input(self.sources, photo.bucket):
                    paid = isinstance(announced, OutcomeMessage) and isinstance(announced.outcome, PaidAnswer)
                    return DeadLetter(reason=removed, details={"code": INPUT_REMOVED}, announce=paid)
        return None

    def _read(self, body: str) -> DeliverMessage:
        announcement = read_deliver_message(body)
        if isinstance(announcement, OutcomeMessage):
            check_outcome(announcement.upload, announcement.outcome)
        elif isinstance(announcement, SpendingNotice):
            check_notice(announcement)
        elif isinstance(announcement, RefusedRequest):
            check_refused(announcement)
        return announcement

    def _end(self, upload: Upload, end: Ended) -> None:
        if end.code == INPUT_REMOVED:
            self.announcer.of_no_input(upload, end)
            return
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
            state, made_from = self.together(
                partial(self.jobs.state, upload),
                partial(self.maker.fetch, upload, answer, folder, receive_count=receive_count),
            )
            if state == "ended":
                self._was_done_before(upload)
                return
            if made_from.is_another:
                state = self.jobs.state(upload)  # by now the newer one may have been taken up
            written, held_in = None, ""
            if state != "superseded":
                cutouts = self.maker.make(upload, answer, made_from, folder, receive_count=receive_count)
                held_in = self.holding.folder_for(cutouts)
                # If each upload has its own keys, no taken key shows that a newer upload came meanwhile.
                if not (self.outputs.differ_by_upload and self.jobs.state(upload) == "superseded"):
                    written = self.outputs.write_all(upload, answer, cutouts, folder=held_in)
        if written is None:
            self.announcer.ended(upload, SUPERSEDED)
        elif held_in:
            self.holding.hold(outcome, answer, written, has_tags=made_from.has_tags)
        else:
            self.announcer.delivered(outcome, answer, written, has_tags=made_from.has_tags)
            if not upload.is_fed:  # its message was sent to be seen later
                count(SecondsToDelivery=max(0.0, self.clock() - upload.arrived_at_seconds))
