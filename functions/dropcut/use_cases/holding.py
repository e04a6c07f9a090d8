"""Holding: a doubtful cut-out waits under `held/` until a person has decided on it (use_cases/review.py)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from dropcut.adapters.held_records import HeldRecords
from dropcut.core import events
from dropcut.core.messages import OutcomeMessage, PaidAnswer
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import renditions_to_json
from dropcut.core.review import HELD_FOLDER, Held, Review
from dropcut.observability import count, logger
from dropcut.use_cases.announcement import Announcer
from dropcut.use_cases.cutout_maker import Cutouts
from dropcut.use_cases.outputs import Written


@dataclass(frozen=True, kw_only=True)
class Holding:
    is_on: bool
    """The setting `hold_doubtful`."""
    queue_url: str
    """Where decisions are sent to."""
    renditions: Sequence[Rendition]
    records: HeldRecords
    announcer: Announcer
    clock: Callable[[], float]

    def folder_for(self, cutouts: Cutouts) -> str:
        """Where in the output bucket they belong: under `held/` when they are doubtful; empty for their own place."""
        return HELD_FOLDER if self.is_on and cutouts.quality and cutouts.quality.doubts else ""

    def hold(self, outcome: OutcomeMessage, answer: PaidAnswer, written: Written, *, has_tags: bool) -> None:
        """Announce what was written under `held/`. Whatever breaks off here is done again: the record comes last."""
        upload, quality = outcome.upload, written.cutouts.quality
        assert quality, "only doubtful cut-outs are held"
        made = zip(written.cutouts.made, written.keys, strict=True)
        held = Held(
            outcome=outcome,
            files=[replace(file, path=key) for file, key in made],
            renditions=renditions_to_json(self.renditions),
            note=written.cutouts.note,
            quality=quality,
        )
        event = events.Held(
            photo=events.Photo.of(upload), cutout=written.published(answer), decide=self._decisions(held)
        )
        self.announcer.tag_and_publish(upload, "held", event, has_tags=has_tags)
        self.announcer.remove_held(upload, only_older=True)  # after this, the record does not know of it any more
        if not self.records.hold(held, now=self.clock()):
            self.announcer.remove_unrecorded(held)
            return
        count("CutoutsHeld")
        logger.info("The doubtful cut-out is held", output_key=written.keys[0], quality=quality.short)

    def _decisions(self, held: Held) -> events.Decisions:
        of_it = partial(Review, bucket=held.upload.bucket, key=held.upload.key, job_id=held.upload.job_id)
        return events.Decisions(
            queue_url=self.queue_url,
            accept=of_it(decision="accept").to_fields(),
            reject=of_it(decision="reject").to_fields(),
            replace=of_it(decision="replace", picture=f"{HELD_FOLDER}KEY_OF_YOUR_PICTURE").to_fields(),
        )
