"""What limits the spending of one API key, shared by every worker: its pace and its day's budget.

Keys are named by a fingerprint, never by themselves.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from dropcut.adapters.state_table import StateTable
from dropcut.core.pace import AHEAD_SECONDS, Pace, Slot

_KEEP_BUDGET_SECONDS = 400 * 86_400


@dataclass(frozen=True, kw_only=True)
class PaceRecord:
    """One time per key, `next_free`, moved forward by every reservation (see `core/pace.py`)."""

    table: StateTable
    pace: Pace
    horizon_seconds: float
    """Slots further away than this are not reserved: whoever wants one comes back later instead of holding it."""

    def reserve(self, fingerprint: str, count: int, *, now: float) -> list[Slot] | float:
        """Slots for at most `count` requests; or, when the next free one is too far away, its time (epoch seconds).

        At a slow rate fewer slots than wanted lie within the horizon, but one at least.
        """
        count = min(count, max(1, int(self.horizon_seconds / self.pace.interval_seconds)))
        item, width, first = f"pace#{fingerprint}", count * self.pace.interval_seconds, now + AHEAD_SECONDS
        start_anew = self.table.update(
            item,
            "SET next_free = :after",
            {"after": first + width, "first": first},
            only_if="attribute_not_exists(next_free) OR next_free <= :first",
        )
        next_free = float((start_anew.before or {}).get("next_free", now))
        if start_anew.changed:
            return self.pace.slots_after_rest(start=first, count=count, idle_since=max(now, next_free))
        queue_up = self.table.update(
            item,
            "SET next_free = next_free + :width",
            {"width": width, "horizon": now + self.horizon_seconds},
            only_if="next_free <= :horizon",
        )
        next_free = float((queue_up.before or {}).get("next_free", next_free))
        return self.pace.slots(start=next_free, count=count) if queue_up.changed else next_free

    def hold(self, fingerprint: str, *, until: float) -> None:
        """Nobody calls before `until`: the key is locked out."""
        self.table.update(
            f"pace#{fingerprint}",
            "SET next_free = :until",
            {"until": until},
            only_if="attribute_not_exists(next_free) OR next_free < :until",
        )


@dataclass(frozen=True, kw_only=True)
class BudgetRecord:
    """Credits spent per key and UTC day: taken before the call, given back when nothing was charged."""

    table: StateTable
    daily_credit_limit: float
    """0 means no limit; the spending is counted all the same."""

    def take(self, fingerprint: str, credits: float, *, now: float) -> bool:
        """Whether the day's budget still had these credits; they are taken from it then."""
        limited = self.daily_credit_limit > 0
        values: dict[str, str | float] = {"credits": credits, "expires_at": int(now + _KEEP_BUDGET_SECONDS)}
        if limited:
            if credits > self.daily_credit_limit:
                return False
            values["most_before"] = self.daily_credit_limit - credits
        return self.table.update(
            _budget_id(fingerprint, now),
            "SET expires_at = :expires_at ADD spent :credits",
            values,
            only_if="attribute_not_exists(spent) OR spent <= :most_before" if limited else "",
        ).changed

    def give_back(self, fingerprint: str, credits: float, *, taken_at: float) -> None:
        """Return what was taken at `taken_at`, because the API did not charge it."""
        self.table.update(
            _budget_id(fingerprint, taken_at), "ADD spent :credits", {"credits": -credits}, repeatable=False
        )

    def add_to_total(self, fingerprint: str, credits: float) -> None:
        """Count what was charged, for as long as the key is used."""
        self.table.update(f"budget#{fingerprint}#total", "ADD spent :credits", {"credits": credits})


def _budget_id(fingerprint: str, now: float) -> str:
    return f"budget#{fingerprint}#{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
