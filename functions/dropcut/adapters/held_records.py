"""Photos that are held for a person's decision: more of the job's item, and an index of those that wait by time."""

from collections.abc import Sequence
from dataclasses import dataclass

from dropcut.adapters.job_records import OF_A_WAIT, OF_AN_END, job_item_id, job_item_id_of
from dropcut.adapters.state_table import StateTable, Value
from dropcut.core.item_kinds import HELD_INDEX, JOB
from dropcut.core.job_status import UNDER_WAY
from dropcut.core.messages import Upload
from dropcut.core.review import DECIDED_AGAIN_AFTER_SECONDS, Held

_HELD = "held"


@dataclass(frozen=True, kw_only=True)
class UnderReview:
    """What the record of a key says about a decision."""

    job_id: str
    """Of the key's newest upload."""
    held: Held | None
    """None once nothing is left under `held/`; that of another job when a newer upload came."""
    waits: bool
    """Whether it waits for a decision, or for one to be carried out."""
    decision: str
    """What was decided; empty for nothing yet."""

    @property
    def is_of_newest(self) -> bool:
        """Whether the key's newest upload is, or was, held."""
        return (self.waits or bool(self.decision)) and (self.held is None or self.held.upload.job_id == self.job_id)


@dataclass(frozen=True, kw_only=True)
class HeldRecords:
    table: StateTable

    def hold(self, held: Held, *, now: float) -> bool:
        """Record that a photo waits for a decision, unless its record is another's or was decided on meanwhile.

        A record that is gone (forgotten, or expired) is made anew: without one nobody could decide.
        """
        values: dict[str, Value] = {
            "job_id": held.upload.job_id,
            "sequencer": held.upload.sequencer,
            "version_id": held.upload.version_id or "",
            "held": _HELD,
            "what": held.to_json(),
            "quality": held.quality.to_json(),
            "now": now,
            "delivered": "delivered",
            "rejected": "rejected",
            "skipped": "skipped",
        }
        return self.table.update(
            job_item_id(held.upload),
            "SET job_id = :job_id, sequencer = :sequencer, version_id = :version_id,"
            " #status = :held, held = :what, quality = :quality, held_index = :held, held_at = :now,"
            f" updated_at = :now REMOVE {OF_AN_END}, {OF_A_WAIT}, decision, expires_at",
            values,
            only_if="attribute_not_exists(id) OR (job_id = :job_id AND NOT #status IN (:delivered, :rejected, :skipped)"
            " AND (attribute_not_exists(decision) OR #status <> :held))",
        ).changed

    def under_review(self, bucket: str, key: str) -> UnderReview | None:
        """None when nothing about this key is or was held."""
        item = self.table.get(job_item_id_of(bucket, key)) or {}
        held, decision = item.get("held"), item.get("decision", "")
        if not held and not decision:
            return None
        return UnderReview(
            job_id=item["job_id"],
            held=Held.from_json(held) if held else None,
            waits=item.get("status") == _HELD,
            decision=decision,
        )

    def is_under_way(self, bucket: str, key: str, job_id: str) -> bool:
        """Whether the key's newest upload is this one, and nothing became of it yet."""
        item = self.table.get(job_item_id_of(bucket, key)) or {}
        return item.get("job_id") == job_id and item.get("status") in UNDER_WAY

    def decide(self, upload: Upload, decision: str, *, now: float) -> bool:
        """Whether this decision is the one to be carried out: the first one is, also when it comes again."""
        values: dict[str, Value] = {
            "job_id": upload.job_id,
            "held": _HELD,
            "decision": decision,
            "stale": now - DECIDED_AGAIN_AFTER_SECONDS,
            "now": now,
        }
        return self.table.update(
            job_item_id(upload),
            "SET decision = :decision, updated_at = :now",
            values,
            only_if="job_id = :job_id AND #status = :held"
            " AND (attribute_not_exists(decision) OR decision = :decision OR updated_at < :stale)",
        ).changed

    def forget(self, held: Held) -> None:
        """Nothing of it is left under `held/`."""
        values: dict[str, Value] = {"what": held.to_json(), "held": _HELD}
        id_ = job_item_id(held.upload)
        self.table.update(id_, "REMOVE held", values, only_if="held = :what AND #status <> :held")

    def held_before(self, until: float, *, most: int) -> Sequence[tuple[str, str]]:
        """Bucket and key of photos that have waited since that time (epoch seconds) or longer, the oldest first."""
        found = self.table.query(
            HELD_INDEX, "held_index = :held AND held_at <= :until", {"held": _HELD, "until": until}, most=most
        )
        named = (item_id.removeprefix(JOB).partition("/") for item_id in found)
        return [(bucket, key) for bucket, _slash, key in named]
