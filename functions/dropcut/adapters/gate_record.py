"""The gate's item in the state table. `core/gate.py` decides what each write means."""

from dataclasses import dataclass

from dropcut.adapters.state_table import Item, StateTable
from dropcut.core.gate import BY_HAND, UNTIL_RESUMED, Gate
from dropcut.core.item_kinds import GATE


@dataclass(frozen=True, kw_only=True)
class GateRecord:
    table: StateTable

    def get(self) -> Gate:
        return read_gate(self.table.get(GATE))

    def close(self, gate: Gate) -> bool:
        """Stop spending. Returns whether this call closed the gate; closing a closed one changes nothing."""
        return self.table.update(
            GATE,
            "SET standing = :closed, code = :code, reason = :reason, closed_until = :until, fingerprint = :key,"
            " swept_at = :swept_at, probes = :none REMOVE announced, prober, probe_ends",
            {
                "closed": "closed",
                "code": gate.code,
                "reason": gate.reason,
                "until": gate.until,
                "key": gate.fingerprint,
                "swept_at": gate.swept_at,
                "none": 0,
            },
            only_if="attribute_not_exists(standing) OR standing <> :closed",
        ).changed

    def close_by_hand(self, reason: str, *, now: float) -> None:
        """Stop spending until an operator resumes it, whatever the gate was. A probe under way opens nothing then."""
        values: dict[str, str | float] = {
            "closed": "closed",
            "code": BY_HAND,
            "reason": reason,
            "until": UNTIL_RESUMED,
            "now": now,
            "none": 0,
        }
        self.table.update(
            GATE,
            "SET standing = :closed, code = :code, reason = :reason, closed_until = :until, swept_at = :now,"
            " probes = :none REMOVE announced, prober, probe_ends, fingerprint",
            values,
        )

    def resume_by_hand(self) -> None:
        """A gate that was closed by hand begins to open. After any other pause the next call may be made now."""
        opens = self.table.update(
            GATE,
            "SET standing = :opening",
            {"opening": "opening", "closed": "closed", "code": BY_HAND},
            only_if="standing = :closed AND code = :code",
        )
        if not opens.changed:
            self.make_due()

    def begin_probe(self, probe: str, *, now: float, ends: float) -> bool:
        """Whether the one call that may be made is this probe's, until that time (epoch seconds)."""
        update = self.table.update(
            GATE,
            "SET prober = :probe, probe_ends = :ends",
            {"probe": probe, "ends": ends, "closed": "closed", "now": now},
            only_if="standing = :closed AND closed_until <= :now"
            " AND (attribute_not_exists(probe_ends) OR probe_ends < :now OR prober = :probe)",
        )
        return update.changed

    def end_probe(self, probe: str, gate: Gate) -> None:
        """The probe opened nothing: the gate stays closed as given."""
        self.table.update(
            GATE,
            "SET code = :code, reason = :reason, closed_until = :until, probes = :probes, fingerprint = :key"
            " REMOVE prober, probe_ends",
            {
                "code": gate.code,
                "reason": gate.reason,
                "until": gate.until,
                "probes": gate.probes_failed,
                "key": gate.fingerprint,
                "closed": "closed",
                "probe": probe,
            },
            only_if="standing = :closed AND prober = :probe",
        )

    def give_probe_back(self, probe: str) -> None:
        """No call was made: the next picture may be tried at once."""
        self.table.update(GATE, "REMOVE prober, probe_ends", {"probe": probe}, only_if="prober = :probe")

    def make_due(self) -> None:
        """The next call may be made now: what stood in its way has changed."""
        values: dict[str, str | float] = {"closed": "closed", "now": 0, "by_hand": BY_HAND}
        only_if = "standing = :closed AND code <> :by_hand"
        self.table.update(GATE, "SET closed_until = :now", values, only_if=only_if)

    def begin_to_open(self, probe: str) -> None:
        """Spending may go on: the probe's call went well, or none was needed."""
        self.table.update(
            GATE,
            "SET standing = :opening REMOVE prober, probe_ends",
            {"opening": "opening", "closed": "closed", "probe": probe},
            only_if="standing = :closed AND prober = :probe",
        )

    def opened(self) -> None:
        """The event source is enabled again: nothing is left to be done."""
        self.table.update(
            GATE,
            "REMOVE standing, code, reason, closed_at, closed_until, probes, announced, fingerprint, swept_at",
            {"opening": "opening"},
            only_if="standing = :opening",
        )

    def announced(self) -> None:
        """The pause is published, or about to be."""
        self._note("announced", "yes")

    def swept(self, now: float) -> None:
        """The queue was searched for messages that are too old."""
        self._note("swept_at", now)

    def _note(self, name: str, value: str | float) -> None:
        values = {"value": value, "closed": "closed"}
        self.table.update(GATE, f"SET {name} = :value", values, only_if="standing = :closed")


def read_gate(item: Item | None) -> Gate:
    """The gate that an item describes; the open one where there is none."""
    if item is None or "standing" not in item:
        return Gate()
    return Gate(
        is_closed=item["standing"] == "closed",
        is_opening=item["standing"] == "opening",
        code=item.get("code", ""),
        reason=item.get("reason", ""),
        until=item.get("closed_until", 0.0),
        probes_failed=int(item.get("probes", 0)),
        probe=item.get("prober", ""),
        probe_ends=item.get("probe_ends", 0.0),
        fingerprint=item.get("fingerprint", ""),
        announced="announced" in item,
        swept_at=item.get("swept_at", 0.0),
    )
