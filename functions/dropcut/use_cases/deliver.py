"""Deliver: makes and writes the renditions, tags the source, publishes the event. Spends nothing, repeats freely."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from dropcut.adapters.event_bus import EventBus
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import ObjectStore
from dropcut.adapters.scratch import scratch_folder
from dropcut.core.message_checks import check_notice, check_outcome
from dropcut.core.message_result import Done, Message, MessageResult
from dropcut.core.messages import Ended, OutcomeMessage, PaidAnswer, Remake, SpendingNotice, Upload, read_announcement
from dropcut.core.ports import Together
from dropcut.observability import count, log_about, logger
from dropcut.use_cases.cutout_maker import CutoutMaker
from dropcut.use_cases.outputs import Outputs, Written, about_photo

_NO_END_YET = Ended(kind="failed", code="", reason="")
_METRIC = {"rejected": "PhotosRejected", "skipped": "PhotosSkipped", "failed": "PhotosFailed"}
_EVENT = {"rejected": "Cutout Rejected", "skipped": "Cutout Skipped", "failed": "Cutout Failed"}
_SPENDING_EVENT = {"paused": "Spending Paused", "resumed": "Spending Resumed"}
_SUPERSEDED = Ended(
    kind="skipped", code="superseded", reason="A newer upload of the same key came before this one was delivered."
)


@dataclass(frozen=True, kw_only=True)
class Deliver:
    objects: ObjectStore
    jobs: JobRecords
    events: EventBus
    maker: CutoutMaker
    outputs: Outputs
    input_bucket: str
    remake: Callable[[Remake, int], MessageResult]
    """Makes a delivered photo's renditions anew; takes the message's receive count, too (use_cases/remake.py)."""
    together: Together
    clock: Callable[[], float]

    def __call__(self, message: Message) -> MessageResult:
        """Handle one message of the deliver queue.

        Raises:
            MalformedMessageError: it is not what deliver reads, or nothing that a stage could have written.
        """
        outcome = self._read(message.body)
        if isinstance(outcome, SpendingNotice):
            # Several deployments share the account's bus, and each has its own gate.
            self.events.publish(_SPENDING_EVENT[outcome.kind], {"service": logger.service, **asdict(outcome)})
            return Done()
        if isinstance(outcome, Remake):
            return self.remake(outcome, message.receive_count)
        log_about(outcome.upload)
        if isinstance(outcome.outcome, PaidAnswer):
            self._deliver(outcome, outcome.outcome, message.receive_count)
        else:
            self._end(outcome.upload, outcome.outcome)
        return Done()

    def announce_failure(self, message: Message, reason: str) -> None:
        """Publish that an outcome could not be delivered, after its message was dead-lettered for unexpected errors.

        Of a remake nothing is published: what was delivered before is still there.
        """
        outcome = self._read(message.body)
        if isinstance(outcome, OutcomeMessage) and self.jobs.state(outcome.upload) != "ended":
            log_about(outcome.upload)
            known = outcome.outcome if isinstance(outcome.outcome, Ended) else _NO_END_YET
            self._announce(outcome.upload, replace(known, kind="failed", code="deliver_failed", reason=reason))

    def _read(self, body: str) -> OutcomeMessage | SpendingNotice | Remake:
        announcement = read_announcement(body)
        if isinstance(announcement, OutcomeMessage):
            check_outcome(announcement.upload, announcement.outcome, input_bucket=self.input_bucket)
        elif isinstance(announcement, SpendingNotice):
            check_notice(announcement)
        return announcement

    def _end(self, upload: Upload, end: Ended) -> None:
        state = self.jobs.state(upload)
        if state == "ended":
            logger.info("This outcome was delivered before: nothing to do")
        else:
            self._announce(upload, _SUPERSEDED if state == "superseded" else end)

    def _deliver(self, outcome: OutcomeMessage, answer: PaidAnswer, receive_count: int) -> None:
        upload = outcome.upload
        with scratch_folder() as name:
            folder = Path(name)
            state, sources = self.together(
                partial(self.jobs.state, upload),
                partial(self.maker.fetch, upload, answer, folder, receive_count=receive_count),
            )
            if state == "ended":
                logger.info("This outcome was delivered before: nothing to do")
                return
            if sources.is_another:
                state = self.jobs.state(upload)  # by now the newer one may have been taken up
            written = None
            if state != "superseded":
                cutouts = self.maker.make(answer, sources, folder, receive_count=receive_count)
                # Where each upload has its own keys, none that is taken says that a newer one came meanwhile.
                if not (self.outputs.differ_by_upload and self.jobs.state(upload) == "superseded"):
                    written = self.outputs.write_all(upload, answer, cutouts)
        if written is None:
            self._announce(upload, _SUPERSEDED)
            return
        self._publish_delivered(outcome, answer, written, has_tags=sources.has_tags)

    def _publish_delivered(
        self, outcome: OutcomeMessage, answer: PaidAnswer, written: Written, *, has_tags: bool
    ) -> None:
        upload, first = outcome.upload, written.keys[0]
        self.together(
            partial(self._tag, upload, "delivered", has_tags=has_tags),
            partial(self.events.publish, "Cutout Delivered", written.event(upload, answer)),
        )
        self.jobs.delivered(outcome, output_key=first, now=self.clock())
        count("PhotosDelivered", SecondsToDelivery=max(0.0, self.clock() - upload.arrived_at_seconds))
        logger.info("The cut-out is delivered", output_key=first, credits=answer.credits)

    def _announce(self, upload: Upload, end: Ended) -> None:
        if end.kind != "skipped":
            self._tag(upload, end.kind, has_tags=True)
        detail = about_photo(upload) | {"code": end.code, "reason": end.reason}
        if end.attempts or end.possibly_paid:
            detail |= {"attempts": end.attempts, "possibly_paid": end.possibly_paid, "request_id": end.request_id}
        self.events.publish(_EVENT[end.kind], detail)
        self.jobs.ended(upload, end, now=self.clock())
        count(_METRIC[end.kind])
        logger.info("The photo's end is announced", kind=end.kind, code=end.code, reason=end.reason)

    def _tag(self, upload: Upload, outcome: str, *, has_tags: bool) -> None:
        """The tag is for people who look at the bucket; that it cannot be set must not hold up the photo."""
        if not upload.version_id and self.jobs.state(upload) == "superseded":
            return  # the object there now is a newer one
        try:
            self.objects.tag_outcome(upload.bucket, upload.key, upload.version_id, outcome, has_tags=has_tags)
        except Exception as error:  # whatever it is: gone, ten tags already, a policy, a key that may not be used
            logger.warning("The source was not tagged", reason=f"{type(error).__name__}: {error}")
