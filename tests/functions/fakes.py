"""The ports of `core/ports.py` over dicts: what an adapter's test shows of a record, its fake here does in memory.

What an event does to a picture or to the gate is read from the tables in `core`, as far as it is written there.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from threading import Lock
from typing import Any

from dropcut.core import gate as gates
from dropcut.core.blame import Health
from dropcut.core.events import VERSION, Envelope, Event, event_id, fields_of
from dropcut.core.gate import Gate
from dropcut.core.messages import Ended, OutcomeMessage, PaidAnswer, Upload
from dropcut.core.pace import AHEAD_SECONDS, HORIZON_SECONDS, MOST_LATE_SECONDS, Pace, Slot
from dropcut.core.payment import Payment
from dropcut.core.webhook_switch import Switch

from tests.published import check_published


def one_after_the_other(*calls: Callable[[], Any]) -> list[Any]:
    """In place of `side_by_side`: the first error ends it."""
    return [call() for call in calls]


@dataclass
class FakeQueue:
    """A queue that keeps what was sent to it; `refuses` is raised instead."""

    sent: list[str] = field(default_factory=list)
    dead: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    refuses: Exception | None = None

    def send(self, body: str) -> None:
        self._refuse()
        self.sent.append(body)

    def dead_letter(self, body: str, reason: Mapping[str, str]) -> None:
        self._refuse()
        self.dead.append((body, reason))

    def _refuse(self) -> None:
        if self.refuses:
            raise self.refuses

    def outcomes(self) -> list[PaidAnswer | Ended]:
        """Of the photos whose outcomes were sent here."""
        return [OutcomeMessage.from_json(body).outcome for body in self.sent]


@dataclass
class FakePayments:
    records: dict[str, Payment] = field(default_factory=dict)
    attempts_paid: dict[str, int] = field(default_factory=dict)
    """How many calls each paid picture took."""
    _lock: Lock = field(default_factory=Lock)

    def claim(
        self, key: str, *, holder: str, now: float, lease_until: float, expires_at: float, redriven_at: float = 0.0
    ) -> Payment:
        with self._lock:
            before = self.records.get(key, Payment())
            event = "redriven claim" if redriven_at > before.ended_at else "claim"
            action = before.transition(event, now).action
            if action in ("buy", "buy again"):
                self.records[key] = replace(
                    before,
                    attempts=before.attempts + 1,
                    possibly_paid=before.possibly_paid + (action == "buy again"),
                    holder=holder,
                    lease_until=lease_until,
                    expires_at=expires_at,
                    answer=None,
                    ended=None,
                    exists=True,
                )
            return before

    def release(self, key: str, *, holder: str, payment: Payment) -> None:
        if self._is_held(key, holder):
            self.records[key] = replace(payment, holder="", lease_until=0.0, exists=True)

    def pay(self, key: str, answer: PaidAnswer, *, upload: Upload, payment: Payment, expires_at: float) -> None:
        self.attempts_paid[key] = payment.attempts
        self.records[key] = Payment(answer=answer, job_id=upload.job_id, expires_at=expires_at, exists=True)

    def end(self, key: str, ended: Ended, *, job_id: str, holder: str, now: float, expires_at: float) -> None:
        if self._is_held(key, holder):
            self.records[key] = Payment(ended=ended, ended_at=now, job_id=job_id, expires_at=expires_at, exists=True)

    def forget_answer(self, key: str, answer: PaidAnswer) -> None:
        record = self.records[key]
        if record.answer and record.answer.request_id == answer.request_id:
            self.records[key] = replace(record, answer=None)

    def _is_held(self, key: str, holder: str) -> bool:
        return self.records.get(key, Payment()).holder == holder


@dataclass
class FakeGate:
    record: Gate = field(default_factory=Gate)

    def get(self) -> Gate:
        return self.record

    def close(self, gate: Gate) -> bool:
        closes = self._next("trouble") == "closed" and not self.record.is_closed
        if closes:
            self.record = replace(gate, probes_failed=0, probe="", probe_ends=0.0, announced=False)
        return closes

    def begin_probe(self, probe: str, *, now: float, ends: float) -> bool:
        mine = gates.TABLE[self.record.state(now)]["ask"].action == "probe"
        if mine:
            self.record = replace(self.record, probe=probe, probe_ends=ends)
        return mine

    def end_probe(self, probe: str, gate: Gate) -> None:
        if self.record.is_closed and self.record.probe == probe:
            was = self.record
            self.record = replace(gate, probe="", probe_ends=0.0, announced=was.announced, swept_at=was.swept_at)

    def give_probe_back(self, probe: str) -> None:
        if self.record.probe == probe:
            self.record = replace(self.record, probe="", probe_ends=0.0)

    def make_due(self) -> None:
        if self.record.is_closed:
            self.record = replace(self.record, until=0.0)

    def begin_to_open(self, probe: str) -> None:
        if self.record.is_closed and self.record.probe == probe:
            self.record = replace(self.record, is_closed=False, is_opening=True, probe="", probe_ends=0.0)

    def opened(self) -> None:
        if self._next("messages let in") == "open":
            self.record = Gate()

    def announced(self) -> None:
        if self.record.is_closed:
            self.record = replace(self.record, announced=True)

    def swept(self, now: float) -> None:
        if self.record.is_closed:
            self.record = replace(self.record, swept_at=now)

    def _next(self, event: str) -> str:
        """For events that mean the same at any time."""
        return gates.TABLE[self.record.state(now=0.0)][event].next


@dataclass
class FakeHealth:
    """By the key's fingerprint."""

    records: dict[str, Health] = field(default_factory=lambda: defaultdict(Health))
    locked_until: dict[str, float] = field(default_factory=dict)
    in_vain: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    """By hour, too: calls that may have been charged."""

    def get(self, fingerprint: str) -> Health:
        return self.records[fingerprint]

    def trouble(self, fingerprint: str, payment_key: str, *, now: float) -> Health:
        before = self.records[fingerprint]
        self.records[fingerprint] = replace(before, troubled=before.troubled | {payment_key})
        return before

    def refusal(self, fingerprint: str, payment_key: str, *, now: float) -> Health:
        before = self.records[fingerprint]
        self.records[fingerprint] = replace(before, refused=before.refused | {payment_key})
        return before

    def lockout(self, fingerprint: str, *, called_at: float, until: float) -> int:
        before = self.records[fingerprint]
        if self.locked_until.get(fingerprint, 0.0) > called_at:
            return before.lockouts
        self.records[fingerprint] = replace(before, lockouts=before.lockouts + 1)
        self.locked_until[fingerprint] = until
        return before.lockouts + 1

    def possibly_paid(self, fingerprint: str, *, now: float) -> int:
        self.in_vain[fingerprint, int(now // 3600)] += 1
        return self.in_vain[fingerprint, int(now // 3600)]

    def went_well(self, fingerprint: str) -> None:
        self.records.pop(fingerprint, None)
        self.locked_until.pop(fingerprint, None)


@dataclass
class FakePace:
    pace: Pace
    horizon_seconds: float = HORIZON_SECONDS
    next_free: dict[str, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def reserve(self, fingerprint: str, *, now: float) -> Slot | float:
        with self._lock:
            free, first = self.next_free.get(fingerprint, 0.0), now + AHEAD_SECONDS
            if max(free, first) > now + self.horizon_seconds:
                return free
            self.next_free[fingerprint] = max(free, first) + self.pace.interval_seconds
            booked = max(free, first)
            return Slot(opens=free if free > first else max(now, free), closes=booked + MOST_LATE_SECONDS)

    def hold(self, fingerprint: str, *, until: float) -> None:
        self.next_free[fingerprint] = max(until, self.next_free.get(fingerprint, 0.0))


@dataclass
class FakeBudget:
    daily_credit_limit: float = 0.0
    spent: dict[tuple[str, int], float] = field(default_factory=lambda: defaultdict(float))
    """By fingerprint and day (of the epoch)."""

    def take(self, fingerprint: str, credits: float, *, now: float) -> bool:
        day = fingerprint, int(now // 86_400)
        if self.daily_credit_limit and self.spent[day] + credits > self.daily_credit_limit:
            return False
        self.spent[day] += credits
        return True

    def give_back(self, fingerprint: str, credits: float, *, taken_at: float) -> None:
        self.spent[fingerprint, int(taken_at // 86_400)] -= credits


@dataclass
class FakeSwitch:
    record: Switch = field(default_factory=Switch)

    def get(self) -> Switch:
        return self.record

    def turn_off(self, receiver: str, *, now: float) -> bool:
        turns = self.record.receiver != receiver
        if turns:
            self.record = Switch(receiver=receiver, off_since=now)
        return turns

    def announced(self, receiver: str) -> None:
        if self.record.receiver == receiver:
            self.record = replace(self.record, announced=True)

    def turn_on(self, receiver: str) -> None:
        if self.record.receiver == receiver:
            self.record = Switch()


@dataclass
class FakeEventBus:
    published: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def publish(self, event: Event, *, occasion: str = "") -> None:
        fields, id_ = fields_of(event), event_id("dropcut", event, occasion)
        envelope = Envelope(version=VERSION, event_id=id_, service="dropcut", time="", release="1.2.3")
        check_published(event.NAME, json.loads(json.dumps({**asdict(envelope), **fields})))
        self.published.append((event.NAME, fields))
        self.ids.append(id_)

    @property
    def types(self) -> list[str]:
        return [detail_type for detail_type, _detail in self.published]

    @property
    def details(self) -> list[Mapping[str, Any]]:
        return [detail for _type, detail in self.published]
