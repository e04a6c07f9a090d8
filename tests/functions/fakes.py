"""What the use cases ask of the world (core/ports.py), as dicts; what each event does stands in the core's own tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from dropcut.core import gate as gates
from dropcut.core.blame import Health
from dropcut.core.gate import Gate
from dropcut.core.messages import Ended, PaidAnswer
from dropcut.core.pace import Slot
from dropcut.core.payment import Payment


def one_after_the_other(*calls: Any) -> list[Any]:
    """Stands in for `side_by_side` where threads would only be in the way."""
    return [call() for call in calls]


class Sent(list[str]):
    """A queue that is only sent to."""

    def send(self, body: str) -> None:
        self.append(body)


class DeadLetters(list[tuple[str, dict[str, str]]]):
    """Bodies with their reasons."""

    def dead_letter(self, body: str, reason: Mapping[str, str]) -> None:
        self.append((body, dict(reason)))


class Payments(dict[str, Payment]):
    def claim(
        self, key: str, *, holder: str, now: float, lease_until: float, expires_at: float, redriven_at: float = 0.0
    ) -> Payment:
        before = self.get(key, Payment())
        event = "redriven claim" if redriven_at > before.ended_at else "claim"
        if before.transition(event, now).action in ("buy", "buy again"):
            lost = before.state(now) == "abandoned"
            self[key] = replace(
                before,
                attempts=before.attempts + 1,
                possibly_paid=before.possibly_paid + lost,
                holder=holder,
                lease_until=lease_until,
                expires_at=expires_at,
                answer=None,
                ended=None,
                exists=True,
            )
        return before

    def release(self, key: str, *, holder: str, payment: Payment) -> None:
        if self[key].holder == holder:
            self[key] = replace(payment, holder="", lease_until=0.0, exists=True, expires_at=self[key].expires_at)

    def pay(self, key: str, answer: PaidAnswer, *, job_id: str, expires_at: float) -> None:
        self[key] = Payment(answer=answer, job_id=job_id, expires_at=expires_at, exists=True)

    def end(self, key: str, ended: Ended, *, job_id: str, holder: str, now: float, expires_at: float) -> None:
        if self[key].holder == holder:
            self[key] = Payment(ended=ended, job_id=job_id, ended_at=now, expires_at=expires_at, exists=True)

    def forget_answer(self, key: str, answer: PaidAnswer) -> None:
        if self[key].answer == answer:
            self[key] = replace(self[key], answer=None)


@dataclass
class GateInMemory:
    """One gate; `now` of the last event is enough for its state."""

    gate: Gate = field(default_factory=Gate)

    def get(self) -> Gate:
        return self.gate

    def _allows(self, event: str, now: float = 0.0) -> bool:
        state = self.gate.state(now)
        return gates.TABLE[state][event].next != state

    def close(self, gate: Gate) -> bool:
        changed = self._allows("trouble")
        self.gate = gate if changed else self.gate
        return changed

    def begin_probe(self, holder: str, *, now: float, ends: float) -> bool:
        changed = self.gate.is_closed and self._allows("ask", now)
        if changed:
            self.gate = replace(self.gate, holder=holder, probe_ends=ends)
        return changed

    def end_probe(self, holder: str, gate: Gate) -> None:
        if self.gate.holder == holder:
            self.gate = replace(gate, is_closed=True, holder="", announced=self.gate.announced)

    def give_probe_back(self, holder: str) -> None:
        if self.gate.holder == holder:
            self.gate = replace(self.gate, holder="", probe_ends=0.0)

    def make_due(self) -> None:
        self.gate = replace(self.gate, until=0.0)

    def begin_to_open(self, holder: str = "") -> None:
        if self.gate.is_closed and self.gate.holder == holder:
            self.gate = replace(self.gate, is_closed=False, is_opening=True, holder="")

    def opened(self) -> None:
        self.gate = Gate() if self._allows("messages let in") else self.gate

    def announced(self) -> None:
        self.gate = replace(self.gate, announced=True)

    def swept(self, now: float) -> None:
        self.gate = replace(self.gate, swept_at=now)


@dataclass
class HealthInMemory:
    health: Health = field(default_factory=Health)
    locked_until: float = 0.0
    hours: dict[int, int] = field(default_factory=dict)
    writes: int = 0

    def trouble(self, fingerprint: str, payment_key: str, *, now: float) -> Health:
        before, self.writes = self.health, self.writes + 1
        self.health = replace(before, troubled=before.troubled | {payment_key})
        return before

    def refusal(self, fingerprint: str, payment_key: str, *, now: float) -> Health:
        before, self.writes = self.health, self.writes + 1
        self.health = replace(before, refused=before.refused | {payment_key})
        return before

    def lockout(self, fingerprint: str, *, called_at: float, until: float) -> int:
        if self.locked_until <= called_at:
            self.locked_until = until
            self.health = replace(self.health, lockouts=self.health.lockouts + 1)
        return self.health.lockouts

    def possibly_paid(self, fingerprint: str, *, now: float) -> int:
        hour = int(now // 3600)
        self.hours = {hour: self.hours.get(hour, 0) + 1}
        return self.hours[hour]

    def went_well(self, fingerprint: str, *, afresh: bool) -> None:
        self.health, self.locked_until, self.writes = Health(), 0.0, self.writes + 1
        self.hours = {} if afresh else self.hours


@dataclass
class PaceInMemory:
    """The next free slot by key; the first one after a rest is free at once."""

    interval_seconds: float
    horizon_seconds: float
    next_free: dict[str, float] = field(default_factory=dict)

    def reserve(self, fingerprint: str, *, now: float) -> Slot | float:
        opens = max(now, self.next_free.get(fingerprint, now))
        if opens > now + self.horizon_seconds:
            return opens
        self.next_free[fingerprint] = opens + self.interval_seconds
        return Slot(opens=opens, closes=opens + 0.02)

    def hold(self, fingerprint: str, *, until: float) -> None:
        self.next_free[fingerprint] = max(until, self.next_free.get(fingerprint, until))


@dataclass
class BudgetInMemory:
    limit: float = 0.0
    """0 means none."""
    spent: dict[str, float] = field(default_factory=dict)
    """Credits by UTC day, whichever the key."""

    def take(self, fingerprint: str, credits: float, *, now: float) -> bool:
        day = _day(now)
        after = self.spent.get(day, 0.0) + credits
        if self.limit and after > self.limit:
            return False
        self.spent[day] = after
        return True

    def give_back(self, fingerprint: str, credits: float, *, taken_at: float) -> None:
        self.spent[_day(taken_at)] -= credits


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
