"""What became of each source object: one item per key, for its newest upload."""

from dataclasses import dataclass
from typing import Literal

from dropcut.adapters.state_table import StateTable
from dropcut.core.job import Ended, OutcomeMessage, Upload

Begun = Literal["begun", "already_under_way", "superseded"]
Standing = Literal["under_way", "superseded", "ended"]

_ENDED = {"delivered", "rejected", "skipped"}
"""For good. `failed` is not among them: such a photo may be sent again."""
_OF_AN_END = "code, reason, attempts, possibly_paid, request_id"
"""Attributes that say why there is no cut-out."""


@dataclass(frozen=True, kw_only=True)
class JobRecords:
    table: StateTable

    def begin(self, upload: Upload, *, now: float) -> Begun:
        """Take up an upload unless a newer one of its key came first or it is under way already.

        One that is `preparing` (its worker died) or `failed` (it was sent again) is taken up once more.
        """
        update = self.table.update(
            _id(upload),
            "SET sequencer = :sequencer, job_id = :job_id, #status = :preparing, updated_at = :now"
            f" REMOVE {_OF_AN_END}, output_key, delivered_outcome",
            {
                "sequencer": upload.sequencer,
                "job_id": upload.job_id,
                "preparing": "preparing",
                "preparing_too": "preparing",
                "failed": "failed",
                "now": now,
            },
            only_if="attribute_not_exists(id) OR sequencer < :sequencer"
            " OR (sequencer = :sequencer AND #status IN (:preparing_too, :failed))",
        )
        if update.changed:
            return "begun"
        same = update.before is not None and update.before["job_id"] == upload.job_id
        return "already_under_way" if same else "superseded"

    def standing(self, upload: Upload) -> Standing:
        """How the record of the key stands to this upload of it."""
        item = self.table.get(_id(upload))
        if item is None:
            return "under_way"
        if str(item["sequencer"]) > upload.sequencer:
            return "superseded"
        ended = item["job_id"] == upload.job_id and item["status"] in _ENDED
        return "ended" if ended else "under_way"

    def wait_for_cut(self, upload: Upload, *, now: float) -> None:
        """The picture is ready and stands in the cut queue."""
        values: dict[str, str | float] = {"status": "waiting", "preparing": "preparing", "now": now}
        # Not when it has gone its way already: a picture paid for before can be delivered by now.
        self._set(upload, "SET #status = :status, updated_at = :now", values, only_if="#status = :preparing")

    def delivered(self, outcome: OutcomeMessage, *, output_key: str, now: float) -> None:
        """With what made it, so that it can be made again without paying."""
        values: dict[str, str | float] = {
            "status": "delivered",
            "output_key": output_key,
            "outcome": outcome.to_json(),
            "now": now,
        }
        change = "SET #status = :status, output_key = :output_key, delivered_outcome = :outcome, updated_at = :now"
        self._set(outcome.upload, f"{change} REMOVE {_OF_AN_END}", values)

    def delivered_outcome(self, bucket: str, key: str) -> OutcomeMessage | None:
        """What the cut-outs of a key were made of; None when its newest upload is not delivered.

        Photos that were delivered before renditions could be made anew have no such thing either.
        """
        item = self.table.get(_id_of(bucket, key)) or {}
        outcome = item.get("delivered_outcome")
        return OutcomeMessage.from_json(str(outcome)) if outcome and item.get("status") == "delivered" else None

    def ended(self, upload: Upload, end: Ended, *, now: float) -> None:
        values: dict[str, str | float] = {
            "status": end.kind,
            "code": end.code,
            "reason": end.reason,
            "attempts": end.attempts,
            "possibly_paid": end.possibly_paid,
            "request_id": end.request_id or "",
            "now": now,
        }
        change = "SET #status = :status, code = :code, reason = :reason, updated_at = :now"
        calls = "attempts = :attempts, possibly_paid = :possibly_paid, request_id = :request_id"
        self._set(upload, f"{change}, {calls}", values)

    def _set(self, upload: Upload, change: str, values: dict[str, str | float], *, only_if: str = "") -> None:
        """Only while the record is still about this upload: a newer one's record is not touched."""
        condition = " AND ".join(["job_id = :job_id", *([only_if] if only_if else [])])
        self.table.update(_id(upload), change, values | {"job_id": upload.job_id}, only_if=condition)


def _id(upload: Upload) -> str:
    return _id_of(upload.bucket, upload.key)


def _id_of(bucket: str, key: str) -> str:
    return f"object#{bucket}/{key}"
