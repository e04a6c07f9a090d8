"""How a photo's end is made known: its tag, the event, the job's record, and nothing left of it under `held/`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from dropcut.adapters.event_bus import EventBus
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import ObjectStore
from dropcut.core import events
from dropcut.core.events import Event
from dropcut.core.messages import Ended, OutcomeMessage, PaidAnswer, Upload
from dropcut.core.ports import Together
from dropcut.core.review import Held
from dropcut.observability import count, logger
from dropcut.use_cases.held_files import HeldFiles
from dropcut.use_cases.outputs import Written

_METRIC = {"rejected": "PhotosRejected", "skipped": "PhotosSkipped", "failed": "PhotosFailed"}
SUPERSEDED = Ended(
    kind="skipped", code="superseded", reason="A newer upload of the same key came before this one was delivered."
)


@dataclass(frozen=True, kw_only=True)
class Announcer:
    objects: ObjectStore
    jobs: JobRecords
    events: EventBus
    held_files: HeldFiles
    together: Together
    clock: Callable[[], float]

    def delivered(
        self,
        outcome: OutcomeMessage,
        answer: PaidAnswer,
        written: Written,
        *,
        has_tags: bool = True,
        decision: Literal["accept", "replace"] | None = None,
    ) -> None:
        """Whatever breaks off here is done again: the record comes last.

        Args:
            decision: what a person decided, if it was held; the event that said so had its credits.
        """
        upload, first = outcome.upload, written.keys[0]
        cutout = written.published(answer)
        event = events.Delivered(
            photo=events.Photo.of(upload),
            cutout=replace(cutout, credits=0.0) if decision else cutout,
            decision=decision,
        )
        self.tag_and_publish(upload, "delivered", event, has_tags=has_tags)
        held_some = self.jobs.delivered(
            outcome,
            output_keys=written.keys,
            quality=written.cutouts.quality,
            renditions=written.names,
            by_hand=decision == "replace",
            now=self.clock(),
        )
        if held_some:
            self.remove_held(upload)
        count("PhotosDelivered")
        logger.info("The cut-out is delivered", output_key=first, credits=answer.credits)

    def ended(self, upload: Upload, end: Ended) -> None:
        """Without a cut-out."""
        if end.kind != "skipped":
            self._tag(upload, end.kind, has_tags=True)
        self._publish_end(upload, end)
        if self.jobs.ended(upload, end, now=self.clock()):
            self.remove_held(upload)
        count(_METRIC[end.kind])
        logger.info("The photo's end is announced", kind=end.kind, code=end.code, reason=end.reason)

    def of_no_input(self, upload: Upload, end: Ended) -> None:
        """Of a photo whose input was taken away; its record stays, so that a redrive goes on with it."""
        self._publish_end(upload, end)
        count(_METRIC[end.kind])

    def tag_and_publish(self, upload: Upload, outcome: str, event: Event, *, has_tags: bool) -> None:
        self.together(
            partial(self._tag, upload, outcome, has_tags=has_tags),
            partial(self.events.publish, event),
        )

    def remove_held(self, upload: Upload, *, only_older: bool = False) -> None:
        """Remove the held files of the photo, or of an older upload of its key, which it supersedes."""
        held = self.held_files.left_of(upload)
        if held is None or (only_older and held.upload.job_id == upload.job_id):
            return
        if held.upload.job_id != upload.job_id:
            self._superseded(held.upload)
        self.held_files.remove(held)

    def remove_unrecorded(self, held: Held) -> None:
        """The photo was replaced, or a double of its message was quicker and a decision came."""
        if self.jobs.state(held.upload) == "superseded":
            self._superseded(held.upload)
        self.held_files.remove_files(held)

    def _superseded(self, upload: Upload) -> None:
        """An older upload, whose key's record is about another one by now."""
        self._publish_end(upload, SUPERSEDED)
        count(_METRIC["skipped"])

    def _tag(self, upload: Upload, outcome: str, *, has_tags: bool) -> None:
        """The tag is for people who look at the bucket. If it cannot be set, the photo must not wait for it."""
        if not upload.version_id and self.jobs.state(upload) == "superseded":
            return  # the object there now is a newer one
        try:
            self.objects.tag_outcome(upload.bucket, upload.key, upload.version_id, outcome, has_tags=has_tags)
        except Exception as error:  # whatever it is: gone, ten tags already, a policy, a key that may not be used
            logger.warning("The source was not tagged", reason=f"{type(error).__name__}: {error}")

    def _publish_end(self, upload: Upload, end: Ended) -> None:
        """One that was tried again may end as before, which is another event."""
        self.events.publish(events.ended(upload, end), occasion=f"{end.code} {end.redriven_at:.3f}")
