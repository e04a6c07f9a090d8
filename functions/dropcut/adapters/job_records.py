"""What became of each source object: one item per key, for its newest upload."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from dropcut.adapters.state_table import Item, StateTable, Value
from dropcut.core.backfill import is_done
from dropcut.core.cutout_request import BEFORE_ALL, request_event, sequencer_after
from dropcut.core.item_kinds import JOB
from dropcut.core.job_status import ENDED, UNDER_WAY, JobStatus
from dropcut.core.messages import CutRequest, Ended, OutcomeMessage, Upload
from dropcut.core.quality import Quality
from dropcut.core.units import DAY_SECONDS

Begun = Literal["begun", "already_under_way", "superseded"]
JobState = Literal["under_way", "superseded", "ended"]
"""How the record of a key is about one upload of it. `ended`: for good, or held until a person decides."""

OF_AN_END = "code, reason, attempts, possibly_paid, request_id"
"""Attributes that say why there is no cut-out."""
OF_A_WAIT = "waits_for, next_try"
_OF_THE_INDEX = "held_index, held_at"
"""Of photos that are held (adapters/held_records.py)."""
_KEPT_BY_SQS_SECONDS = 14 * DAY_SECONDS
LOST_AFTER_SECONDS = 3600.0
"""A photo that has been waiting for so long is taken up once more when its event is replayed: its message may be gone.
If it is not, the second one costs a look at the records, and no call."""


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """A key's newest upload, as its record has it."""

    job_id: str
    status: JobStatus
    etag: str | None = None
    """Of the bytes that were delivered, where that is known."""
    chosen: Sequence[str] = ()
    """Names of the renditions that were asked for; empty for all."""
    renditions: Collection[str] | None = None
    """Names of those that were delivered; None in a record from before they were noted."""

    updated_at: float = 0.0
    """Epoch seconds."""

    def is_done(self, *, etag: str | None, names: Collection[str]) -> bool:
        """Whether nothing has to be made of the object with this ETag.

        Args:
            names: of the renditions that would be made of it now, if it did not choose its own.
        """
        if self.etag not in (None, etag):
            return False
        return is_done(self.status, made=self.renditions, wanted=self.chosen or names)

    def is_under_way(self, *, now: float) -> bool:
        """One that has stood still for longer than SQS keeps messages is lost: no queue holds it any more."""
        return self.status in UNDER_WAY and now - self.updated_at < _KEPT_BY_SQS_SECONDS


@dataclass(frozen=True, kw_only=True)
class JobRecords:
    table: StateTable
    keep_days: int = 90
    """For how long an ended job is remembered. One that has not ended never expires."""

    def ordered(self, request: Upload) -> Upload:
        """The request with the sequencer that it has already, or with one after that of the key's newest upload.

        One that was sent before the newest request stays before all: it comes back, and would take its place.
        """
        item = self.table.get(job_item_id(request))
        if item is not None and item["job_id"] == request.job_id:
            return replace(request, sequencer=item["sequencer"])
        if item is not None and item.get("requested_at", 0.0) > request.arrived_at_seconds:
            return request
        return replace(request, sequencer=sequencer_after(item["sequencer"] if item else BEFORE_ALL))

    def begin(self, upload: Upload, *, now: float, redriven: bool = False) -> Begun:
        """Take up an upload unless a newer one of its key came first or it is under way already.

        One that is `preparing` (its worker died) or `failed` (it was sent again) is taken up once more. So is one that
        waits, in case its message is lost.

        Args:
            redriven: somebody asked for it; then a rejected one is taken up, too.
        """
        values: dict[str, Value] = {
            "sequencer": upload.sequencer,
            "job_id": upload.job_id,
            "version_id": upload.version_id or "",
            "requested": json.dumps(request_event(upload)) if upload.request else "",
            "requested_at": upload.arrived_at_seconds if upload.request else 0.0,
            "preparing": "preparing",
            "failed": "failed",
            "again": "rejected" if redriven else "failed",
            "waiting": "waiting",
            "lost": now - LOST_AFTER_SECONDS,
            "now": now,
        }
        update = self.table.update(
            job_item_id(upload),
            "SET sequencer = :sequencer, job_id = :job_id, version_id = :version_id, requested = :requested,"
            " requested_at = :requested_at, #status = :preparing, updated_at = :now"
            f" REMOVE {OF_AN_END}, {OF_A_WAIT}, {_OF_THE_INDEX}, quality, decision, payment_key, output_key,"
            " delivered_outcome, renditions, expires_at",
            values,
            only_if="attribute_not_exists(id) OR sequencer < :sequencer OR (job_id = :job_id AND sequencer = :sequencer"
            " AND (#status IN (:preparing, :failed, :again) OR (#status = :waiting AND updated_at < :lost)))",
        )
        if update.changed:
            return "begun"
        same = update.before is not None and update.before["job_id"] == upload.job_id
        return "already_under_way" if same else "superseded"

    def state(self, upload: Upload) -> JobState:
        """How the record of the key is about this upload of it."""
        return job_state(self.table.get(job_item_id(upload)), upload)

    def is_superseded(self, upload: Upload) -> bool:
        return self.state(upload) == "superseded"

    def is_of_another(self, upload: Upload) -> bool:
        """Whether the key's record is of another upload."""
        item = self.table.get(job_item_id(upload))
        return item is not None and item["job_id"] != upload.job_id

    def record(self, upload: Upload) -> JobRecord | None:
        """What is on record of the key's newest upload."""
        item = self.table.get(job_item_id(upload))
        return None if item is None else job_record(item)

    def records(self, bucket: str, keys: Iterable[str]) -> Mapping[str, JobRecord]:
        """What is on record of the newest uploads of these keys."""
        ids = {job_item_id_of(bucket, key): key for key in keys}
        return {ids[id_]: job_record(item) for id_, item in self.table.get_many(ids).items()}

    def wait_for_cut(self, request: CutRequest, *, now: float) -> None:
        """The picture is ready and stands in the cut queue.

        Its payment is named here until the photo is delivered; then it stands in `delivered_outcome`.
        """
        values: dict[str, Value] = {
            "status": "waiting",
            "preparing": "preparing",
            "payment_key": request.payment_key,
            "now": now,
        }
        change = "SET #status = :status, payment_key = :payment_key, updated_at = :now"
        # Not when it has gone its way already: a picture paid for before can be delivered by now.
        self._set(request.upload, change, values, only_if="#status = :preparing")

    def waits(self, upload: Upload, *, why: str, next_try: float, now: float) -> None:
        """The picture is held back: why, and until when at least (epoch seconds)."""
        values: dict[str, Value] = {"waiting": "waiting", "why": why, "next_try": next_try, "now": now}
        change = "SET waits_for = :why, next_try = :next_try, updated_at = :now"
        self._set(upload, change, values, only_if="#status = :waiting")

    def delivered(
        self,
        outcome: OutcomeMessage,
        *,
        output_keys: Sequence[str],
        now: float,
        quality: Quality | None = None,
        by_hand: bool = False,
        renditions: Collection[str] = (),
    ) -> bool:
        """With what made it, so that it can be made again without paying, unless a person's own cut-out was delivered.

        `renditions`: names of what was made.

        Returns whether the record names files that were held.
        """
        values: dict[str, Value] = {
            "status": "delivered",
            "output_key": output_keys[0],
            "output_keys": frozenset(output_keys),
            "now": now,
            "expires_at": self._expires_at(now),
        }
        values |= {} if by_hand else {"delivered_outcome": outcome.to_json()}
        values |= {"quality": quality.to_json()} if quality else {}
        values |= {"renditions": frozenset(renditions)} if renditions else {}
        set_now = [name for name in values if name not in ("status", "now")]
        change = "SET #status = :status, updated_at = :now" + "".join(f", {name} = :{name}" for name in set_now)
        gone = [name for name in ("delivered_outcome", "quality", "renditions") if name not in values]
        if not by_hand:  # then nothing else names what was paid for
            gone.append("payment_key")
        left = ", ".join((OF_AN_END, OF_A_WAIT, _OF_THE_INDEX, *gone))
        return self._set(outcome.upload, f"{change} REMOVE {left}", values)

    def delivered_outcome(self, bucket: str, key: str) -> OutcomeMessage | None:
        """What the cut-outs of a key were made of; None when its newest upload is not delivered.

        Photos that were delivered before renditions could be made anew have no such thing either.
        """
        item = self.table.get(job_item_id_of(bucket, key)) or {}
        outcome = item.get("delivered_outcome", "")
        return OutcomeMessage.from_json(outcome) if outcome and item.get("status") == "delivered" else None

    def ended(self, upload: Upload, end: Ended, *, now: float) -> bool:
        """Returns whether the record names files that were held."""
        values: dict[str, Value] = {
            "status": end.kind,
            "code": end.code,
            "reason": end.reason,
            "attempts": end.attempts,
            "possibly_paid": end.possibly_paid,
            "request_id": end.request_id or "",
            "now": now,
            "expires_at": self._expires_at(now),
        }
        change = "SET #status = :status, code = :code, reason = :reason, updated_at = :now, expires_at = :expires_at"
        calls = "attempts = :attempts, possibly_paid = :possibly_paid, request_id = :request_id"
        return self._set(upload, f"{change}, {calls} REMOVE {OF_A_WAIT}, {_OF_THE_INDEX}", values)

    def _expires_at(self, now: float) -> int:
        return int(now) + self.keep_days * DAY_SECONDS

    def _set(self, upload: Upload, change: str, values: dict[str, Value], *, only_if: str = "") -> bool:
        """Only while the record is still about this upload: a newer one's record is not touched.

        Returns whether it was changed and names files that were held.
        """
        condition = " AND ".join(["job_id = :job_id", *([only_if] if only_if else [])])
        update = self.table.update(job_item_id(upload), change, values | {"job_id": upload.job_id}, only_if=condition)
        return update.changed and "held" in (update.before or {})


def job_record(item: Item) -> JobRecord:
    record = JobRecord(
        job_id=item["job_id"],
        status=item["status"],
        renditions=item.get("renditions"),
        updated_at=item.get("updated_at", 0.0),
    )
    if outcome := item.get("delivered_outcome", ""):
        upload = OutcomeMessage.from_json(outcome).upload
        return replace(record, etag=upload.etag, chosen=upload.choices.renditions)
    return record


def job_state(item: Item | None, upload: Upload) -> JobState:
    """How an item of the state table is about this upload."""
    if item is None:
        return "under_way"
    if item["sequencer"] > upload.sequencer:
        return "superseded"
    ended = item["job_id"] == upload.job_id and item["status"] in ENDED
    return "ended" if ended else "under_way"


def job_item_id(upload: Upload) -> str:
    return job_item_id_of(upload.bucket, upload.key)


def job_item_id_of(bucket: str, key: str) -> str:
    return f"{JOB}{bucket}/{key}"
