"""Review: carries out what a person decided on a held cut-out, and ends what nobody decided on. Pays nothing."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dropcut.adapters.held_records import HeldRecords, UnderReview
from dropcut.adapters.object_store import ObjectGoneError, ObjectStore
from dropcut.adapters.scratch import scratch_folder
from dropcut.core.message_result import DeadLetter, Done, MessageResult
from dropcut.core.messages import Upload
from dropcut.core.photo_source import refuses_size
from dropcut.core.picture_limits import PictureRefusedError
from dropcut.core.rendition_setting import read_renditions
from dropcut.core.review import HELD_FOLDER, REJECTED, EndOldHeld, Held, Review, held_too_long
from dropcut.core.units import DAY_SECONDS
from dropcut.observability import log_about, logger
from dropcut.use_cases.announcement import SUPERSEDED, Announcer
from dropcut.use_cases.cutout_maker import Cutouts, MakeReplacement
from dropcut.use_cases.outputs import Outputs

DRAWN_FROM = 10_000
"""As many of the oldest are looked for by one message, which comes every hour: one or two requests to DynamoDB."""
SECONDS_TO_END_OLD = 10.0
"""For those of one message, some 100; half of what every message of deliver has at least (`needed_seconds`)."""
_NEVER_DECIDED = "held too long"


class NotYetHeldError(LookupError):
    """The decision came before the record of what is held: trying again helps."""


@dataclass(frozen=True, kw_only=True)
class Reviewer:
    records: HeldRecords
    objects: ObjectStore
    outputs: Outputs
    make_replacement: MakeReplacement
    announcer: Announcer
    held_days: int
    max_photo_mib: float
    clock: Callable[[], float]

    def __call__(self, review: Review | EndOldHeld) -> MessageResult:
        """Carry out a decision. Each step can be done again, so a message that comes back goes on where it ended.

        Raises:
            NotYetHeldError: the event, by which the decision was made, is published before the record is written.
        """
        if isinstance(review, EndOldHeld):
            return self._end_old()
        found = self.records.under_review(review.bucket, review.key)
        refused = _wrong(review, found)
        if refused and review.job_id and self.records.is_under_way(review.bucket, review.key, review.job_id):
            raise NotYetHeldError(f"The record does not say yet that the cut-out of {review.key} is held.")
        if refused or found is None or found.held is None:
            return refused or Done()  # this very decision came twice
        log_about(found.held.upload)
        result = self._carry_out(review, found.held) if found.waits else Done()
        if result == Done():
            self.announcer.remove_held(found.held.upload)  # a newer upload may have come, and would end it once more
        return result

    def _carry_out(self, review: Review, held: Held) -> MessageResult:
        with scratch_folder() as name:
            match review.decision:
                case "accept":
                    return self._accept(review, held, Path(name))
                case "replace":
                    return self._replace(review, held, Path(name))
                case "reject":
                    return self._reject(review, held)

    def _accept(self, review: Review, held: Held, folder: Path) -> MessageResult:
        made = self.announcer.held_files.fetch(held, folder)
        if made is None:
            return _refused("held_files_changed", _HELD_FILES_CHANGED)
        cutouts = Cutouts(made=made, note=held.note, full_size=True, quality=held.quality)
        as_described = replace(self.outputs, renditions=read_renditions(held.renditions))
        return self._deliver(review, held, cutouts, as_described)

    def _replace(self, review: Review, held: Held, folder: Path) -> MessageResult:
        key, picture = review.picture or "", folder / "picture"
        if not key.startswith(HELD_FOLDER):
            return _refused("not_under_held", f"The picture has to lie under {HELD_FOLDER} in the output bucket.")
        try:
            found = self.objects.open(self.outputs.bucket, key)
        except ObjectGoneError:
            return _refused("picture_missing", f"There is no {key} in the output bucket.")
        if not_read := refuses_size(found.size_bytes, most_mib=self.max_photo_mib):
            found.close()
            return _refused("picture_not_usable", not_read.reason)
        found.save(picture)
        shape = held.answer.width, held.answer.height
        made_folder = folder / "made"
        made_folder.mkdir()
        chosen = held.upload.choices.chosen_from(self.outputs.renditions)
        try:
            made = self.make_replacement(picture, shape, chosen, made_folder)
        except PictureRefusedError as refusal:
            return _refused("picture_not_usable", refusal.reason)
        return self._deliver(review, held, Cutouts(made=made, note="", full_size=True), self.outputs)

    def _deliver(self, review: Review, held: Held, cutouts: Cutouts, outputs: Outputs) -> MessageResult:
        if not self._is_ours(held.upload, review.text):
            return _refused("already_decided", _DECIDED_MEANWHILE)
        written = outputs.write_all(held.upload, held.answer, cutouts)
        if written is None:
            self.announcer.ended(held.upload, SUPERSEDED)
            return Done()
        self.announcer.delivered(
            held.outcome, held.answer, written, decision="replace" if review.decision == "replace" else "accept"
        )
        return Done()

    def _reject(self, review: Review, held: Held) -> MessageResult:
        if not self._is_ours(held.upload, review.text):
            return _refused("already_decided", _DECIDED_MEANWHILE)
        self.announcer.ended(held.upload, REJECTED)
        return Done()

    def _is_ours(self, upload: Upload, decision: str) -> bool:
        return self.records.decide(upload, decision, now=self.clock())

    def _end_old(self) -> MessageResult:
        """A photo that cannot be ended now is tried again in an hour.

        They are drawn by lot: however many cannot be ended, no other waits behind them for ever.
        """
        now = self.clock()
        old = list(self.records.held_before(now - self.held_days * DAY_SECONDS, most=DRAWN_FROM))
        random.shuffle(old)
        for bucket, key in old:
            if self.clock() >= now + SECONDS_TO_END_OLD:
                break
            try:
                self._end_if_held(bucket, key)
            except Exception:
                logger.exception("A photo that was held too long could not be ended", bucket=bucket, key=key)
        return Done()

    def _end_if_held(self, bucket: str, key: str) -> None:
        found = self.records.under_review(bucket, key)
        if found is None or not found.waits or found.held is None:
            return  # the index is a moment behind
        log_about(found.held.upload)
        if self._is_ours(found.held.upload, _NEVER_DECIDED):
            self.announcer.ended(found.held.upload, held_too_long(self.held_days))
            self.announcer.remove_held(found.held.upload)


def _wrong(review: Review, found: UnderReview | None) -> DeadLetter | None:
    """Why this decision cannot be carried out on what the record of its key says."""
    if found is None or not found.is_of_newest:
        return _refused("not_held", _NOT_HELD)
    if review.job_id not in (None, found.job_id):
        return _refused("another_job", f"The upload that is held is job {found.job_id}.")
    if not found.waits and found.decision != review.text:
        return _refused("already_decided", f"The first decision counts: {found.decision}.")
    return None


def _refused(code: str, why: str) -> DeadLetter:
    return DeadLetter(reason=f"Nothing was decided. {why}", details={"code": code})


_NOT_HELD = (
    "No photo of this key is held: it was delivered or ended otherwise, a newer upload of the key came, or it was "
    "never doubtful."
)
_HELD_FILES_CHANGED = (
    "A file under `held/` is gone or was changed, so what was looked at cannot be delivered. Reject the cut-out, or "
    "replace it by a picture of your own; or upload the photo again, which is not paid for twice within "
    "`keep_results_days`."
)
_DECIDED_MEANWHILE = "Another decision on it came first, or a newer upload of its key."
