"""The gate: whether this stack may spend. One item of the state table, believed by every worker.

It has three standings: open (nothing is in the item), `closed`, and `opening`, when a call went well again but the cut
queue's event source is still to be enabled. Only the gatekeeper takes that last step.
"""

import math
from dataclasses import dataclass
from typing import Literal

from dropcut.adapters.state_table import Item, StateTable

LONGEST_PAUSE_SECONDS = 1800.0
"""A probe receives one message; even one that waits alone for 14 days stays under the queue's 1,000 receipts then."""
_GATE = "gate"


@dataclass(frozen=True, kw_only=True)
class Closed:
    until: float
    """When one call may be made to see whether the gate can open (epoch seconds)."""
    code: str
    reason: str
    announced: bool = False
    """Whether the world was told already."""


Standing = Closed | Literal["open", "opening"]


@dataclass(frozen=True, kw_only=True)
class GateRecord:
    table: StateTable
    pause_seconds: float
    """Until the first probe; doubled for each one that fails, up to half an hour."""

    def standing(self) -> Standing:
        item = self.table.get(_GATE)
        if item is None or "standing" not in item:
            return "open"
        return _closed(item) if item["standing"] == "closed" else "opening"

    def enter(self, *, now: float) -> Closed | Literal["open", "probe"]:
        """Whether calls may be made; `probe` lets one caller make one call, to see whether the gate can open again."""
        standing = self.standing()
        if not isinstance(standing, Closed):
            return "open"
        if standing.until > now:
            return standing
        probe = self.table.update(
            _GATE,
            "SET closed_until = :next",
            {"next": now + self.pause_seconds, "seen": standing.until, "closed": "closed"},
            only_if="standing = :closed AND closed_until = :seen",
        )
        return "probe" if probe.changed else standing

    def close(self, closed: Closed, *, now: float) -> bool:
        """Stop spending. Returns whether this call closed the gate; closing a closed one changes nothing."""
        return self.table.update(
            _GATE,
            "SET standing = :closed, code = :code, reason = :reason, closed_at = :now, closed_until = :until,"
            " probes = :none REMOVE announced",
            {
                "closed": "closed",
                "code": closed.code,
                "reason": closed.reason,
                "now": now,
                "until": closed.until,
                "none": 0,
            },
            only_if="attribute_not_exists(standing) OR standing <> :closed",
        ).changed

    def stay_closed(self, *, code: str, reason: str, now: float, not_after: float | None = None) -> None:
        """A probe failed: the next one waits twice as long as this one did, but not beyond `not_after`."""
        item = self.table.get(_GATE) or {}
        probes = int(item.get("probes", 0)) + 1
        doubled = self.pause_seconds * 2.0 ** min(probes, 60)  # weeks of probes would be too large a number
        pause = min(doubled, max(self.pause_seconds, LONGEST_PAUSE_SECONDS))
        until = min(now + pause, not_after or math.inf)
        self.table.update(
            _GATE,
            "SET code = :code, reason = :reason, closed_until = :until, probes = :probes",
            {"code": code, "reason": reason, "until": until, "probes": probes, "closed": "closed"},
            only_if="standing = :closed",
        )

    def announced(self) -> None:
        """The pause was told to the world."""
        self.table.update(
            _GATE, "SET announced = :yes", {"yes": "yes", "closed": "closed"}, only_if="standing = :closed"
        )

    def begin_to_open(self) -> None:
        """A call went well, or nothing waits that a call could be made for: spending may go on."""
        self.table.update(
            _GATE,
            "SET standing = :opening",
            {"opening": "opening", "closed": "closed"},
            only_if="standing = :closed",
        )

    def opened(self) -> None:
        """The event source is enabled again: nothing is left to be done."""
        self.table.update(
            _GATE,
            "REMOVE standing, code, reason, closed_at, closed_until, probes, announced",
            {"opening": "opening"},
            only_if="standing = :opening",
        )


def _closed(item: Item) -> Closed:
    return Closed(
        until=float(item["closed_until"]),
        code=str(item["code"]),
        reason=str(item["reason"]),
        announced="announced" in item,
    )
