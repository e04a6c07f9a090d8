"""What all workers of one API key share: its pace, its day's budget, and its health.

Keys are named by a fingerprint, never by themselves.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from dropcut.adapters.state_table import Item, StateTable
from dropcut.core.blame import Health
from dropcut.core.item_kinds import BUDGET, HEALTH, PACE
from dropcut.core.pace import AHEAD_SECONDS, MOST_LATE_SECONDS, Pace, Slot
from dropcut.core.units import DAY_SECONDS

_KEEP_BUDGET_SECONDS = 400 * DAY_SECONDS
_KEEP_HEALTH_SECONDS = 30 * DAY_SECONDS


@dataclass(frozen=True, kw_only=True)
class PaceRecord:
    """One time per key, `next_free`, moved forward by every reservation (see `core/pace.py`)."""

    table: StateTable
    pace: Pace
    horizon_seconds: float
    """Slots further away than this are not reserved: whoever wants one comes back later instead of holding it."""

    def reserve(self, fingerprint: str, *, now: float) -> Slot | float:
        """A slot for one request; or, when the next free one is too far away, its time (epoch seconds)."""
        item, width, first = f"{PACE}{fingerprint}", self.pace.interval_seconds, now + AHEAD_SECONDS
        start_anew = self.table.update(
            item,
            "SET next_free = :after",
            {"after": first + width, "first": first},
            only_if="attribute_not_exists(next_free) OR next_free <= :first",
        )
        if start_anew.changed:  # nobody has a slot from then on, so that it need not wait for its own
            idle_since = (start_anew.before or {}).get("next_free", 0.0)
            return Slot(opens=max(now, idle_since), closes=first + MOST_LATE_SECONDS)
        queue_up = self.table.update(
            item,
            "SET next_free = next_free + :width",
            {"width": width, "horizon": now + self.horizon_seconds},
            only_if="next_free <= :horizon",
        )
        next_free: float = (queue_up.before or {}).get("next_free", 0.0)
        return Slot(opens=next_free, closes=next_free + MOST_LATE_SECONDS) if queue_up.changed else next_free

    def hold(self, fingerprint: str, *, until: float) -> None:
        """Nobody calls before `until`: the key is locked out."""
        self.table.update(
            f"{PACE}{fingerprint}",
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

    def spent(self, fingerprint: str, *, now: float) -> float:
        """Credits of the UTC day so far."""
        spent: float = (self.table.get(_budget_id(fingerprint, now)) or {}).get("spent", 0.0)
        return spent

    def give_back(self, fingerprint: str, credits: float, *, taken_at: float) -> None:
        """Return what was taken at `taken_at`, because the API did not charge it."""
        self.table.update(
            _budget_id(fingerprint, taken_at), "ADD spent :credits", {"credits": -credits}, repeatable=False
        )


def _budget_id(fingerprint: str, now: float) -> str:
    return f"{BUDGET}{fingerprint}#{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"


@dataclass(frozen=True, kw_only=True)
class HealthRecord:
    """Trouble of a key's calls. Nothing is written while all goes well."""

    table: StateTable

    def get(self, fingerprint: str) -> Health:
        return read_health(self.table.get(health_id(fingerprint)))

    def trouble(self, fingerprint: str, payment_key: str, *, now: float) -> Health:
        """A picture's call failed; the health as it was before."""
        return self._met(fingerprint, "troubled", payment_key, now)

    def refusal(self, fingerprint: str, payment_key: str, *, now: float) -> Health:
        """A picture was refused; the health as it was before."""
        return self._met(fingerprint, "refused", payment_key, now)

    def _met(self, fingerprint: str, name: str, payment_key: str, now: float) -> Health:
        values: dict[str, str | float | frozenset[str]] = {
            "picture": frozenset({payment_key}),
            "expires_at": int(now + _KEEP_HEALTH_SECONDS),
        }
        change = f"SET expires_at = :expires_at ADD {name} :picture"
        return read_health(self.table.update(health_id(fingerprint), change, values).before)

    def lockout(self, fingerprint: str, *, called_at: float, until: float) -> int:
        """Lock-outs in a row, this one included; answers to calls made during one belong to it."""
        update = self.table.update(
            health_id(fingerprint),
            "SET locked_until = :until, expires_at = :expires_at ADD lockouts :one",
            {
                "until": until,
                "called_at": called_at,
                "one": 1,
                "expires_at": int(until + _KEEP_HEALTH_SECONDS),
            },
            only_if="attribute_not_exists(locked_until) OR locked_until <= :called_at",
        )
        return read_health(update.before).lockouts + update.changed

    def possibly_paid(self, fingerprint: str, *, now: float) -> int:
        """Calls of this hour that may have been charged in vain, this one included."""
        values: dict[str, str | float] = {"hour": int(now // 3600), "one": 1}
        item_id, hour_is_new = health_id(fingerprint), "attribute_not_exists(vain_hour) OR vain_hour <> :hour"
        if self.table.update(item_id, "SET vain_hour = :hour, vain = :one", values, only_if=hour_is_new).changed:
            return 1
        more = self.table.update(item_id, "ADD vain :one", values, only_if="vain_hour = :hour")
        return int((more.before or {}).get("vain", 0)) + 1

    def went_well(self, fingerprint: str) -> None:
        """A call went well: what failed before is not held against anybody. This hour's calls in vain stay counted."""
        self.table.update(health_id(fingerprint), "REMOVE troubled, refused, lockouts, locked_until", {})


def health_id(fingerprint: str) -> str:
    return f"{HEALTH}{fingerprint}"


def read_health(item: Item | None) -> Health:
    """The health that an item describes; all is well where there is none."""
    values = item or {}
    return Health(
        troubled=values.get("troubled", frozenset()),
        refused=values.get("refused", frozenset()),
        lockouts=int(values.get("lockouts", 0)),
    )
