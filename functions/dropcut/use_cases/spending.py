"""What the pictures of a batch share while they are paid for: key, slots in the pace, the gate, a lock-out.

Also what may become of each of them from there: handed on, rejected, set aside, or made to wait for what stands in the
way.
"""

import math
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from dropcut.adapters.api import RemoveBackgroundApi
from dropcut.adapters.api_key import ApiKey, ApiKeyMissingError, ApiKeys
from dropcut.adapters.gate_record import Closed, GateRecord
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import ObjectStore
from dropcut.adapters.payment_records import PaymentRecords
from dropcut.adapters.queue import Queue
from dropcut.adapters.spending_records import BudgetRecord, PaceRecord
from dropcut.core.job import CutRequest, Ended, OutcomeMessage, PaidAnswer, SpendingNotice
from dropcut.core.message_result import Done, Message, MessageResult, Postpone, SetAside
from dropcut.core.pace import Slot
from dropcut.observability import count, logger

LONGEST_PAUSED_WAIT_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True)
class SpendingRules:
    """The settings that decide over money."""

    provider: str
    output_format: str
    credits_per_image: float
    max_attempts: int
    max_possibly_paid: int
    retry_base_seconds: float
    lockout_seconds: float
    pause_seconds: float
    pause_after_failures: int
    longest_call_seconds: float
    lease_seconds: float
    """Longer than the longest call: while it runs, the picture is taken."""


class FailureStreak:
    """How many calls failed in a row, as this worker sees it, whichever picture they were for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.length = 0

    def failed(self) -> int:
        with self._lock:
            self.length += 1
            return self.length

    def ended(self) -> None:
        with self._lock:
            self.length = 0


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What it takes to spend: the rules, whom to ask, and where it is written down."""

    rules: SpendingRules
    api: RemoveBackgroundApi
    keys: ApiKeys
    objects: ObjectStore
    work_bucket: str
    jobs: JobRecords
    payments: PaymentRecords
    pace: PaceRecord
    budget: BudgetRecord
    gate: GateRecord
    deliver_queue: Queue
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    chance: Callable[[], float] = random.random
    failures: FailureStreak = field(default_factory=FailureStreak)


@dataclass(kw_only=True)
class SpendingRound:
    """One batch; its messages are handled by several threads at once."""

    spending: Spending
    key: ApiKey | None = None
    slots: list[Slot] | float = field(default_factory=list)
    """For the calls; or, when the pace is booked out, the time from which to ask again."""
    paced_key: ApiKey | None = None
    """Whose slots they are; `key` is another one when the secret was changed meanwhile."""
    is_probe: bool = False
    ends_at: float = math.inf
    """When the invocation runs out of time (epoch seconds): a call that might last longer is not begun."""
    closed: Closed | None = None
    key_was_refetched: bool = False
    locked_out_until: float = 0.0
    """The API refuses the key's calls before this time (epoch seconds)."""
    one_answer_at_a_time: threading.Lock = field(default_factory=threading.Lock)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hand_on(self, request: CutRequest, answer: PaidAnswer) -> MessageResult:
        self.spending.deliver_queue.send(OutcomeMessage(upload=request.upload, outcome=answer).to_json())
        return Done()

    def end(self, request: CutRequest, end: Ended) -> MessageResult:
        self.spending.deliver_queue.send(OutcomeMessage(upload=request.upload, outcome=end).to_json())
        return Done()

    def fail(self, request: CutRequest, failed: Ended) -> MessageResult:
        """The photo is announced as failed, and its message set aside to be sent again when a person says so."""
        self.end(request, failed)
        details = {
            "code": failed.code,
            "attempts": str(failed.attempts),
            "possibly_paid": str(failed.possibly_paid),
            "request_id": failed.request_id or "none",
        }
        return SetAside(reason=failed.reason, details=details)

    def next_slot(self) -> Slot | Postpone:
        """When this message's call is to be made, or how long to stay away."""
        with self._lock:
            if isinstance(self.slots, list) and self.slots:
                return self.slots.pop(0)
        if not self.is_probe:
            return self._booked_out(self.spending.clock() + self.spending.pace.horizon_seconds)
        seconds = self.spending.rules.pause_seconds * self.spending.chance()
        return Postpone(seconds=seconds, why="one picture is tried first, to see whether spending can go on")

    def wait_for(self, slot: Slot, key: ApiKey) -> Postpone | None:
        """Wait for the slot, or for another when it has passed or is not this key's; or how long to stay away."""
        spending, slots_key = self.spending, self.paced_key
        while True:
            if slots_key == key:
                spending.sleep(max(0.0, slot.opens - spending.clock()))
                if spending.clock() <= slot.closes:
                    break
            anew = spending.pace.reserve(key.fingerprint, 1, now=spending.clock())
            if isinstance(anew, float):
                return self._booked_out(anew)
            slot, slots_key = anew[0], key
        if spending.clock() < self.locked_out_until:
            return self.wait_for_lockout()
        if spending.clock() + spending.rules.longest_call_seconds > self.ends_at:
            return Postpone(seconds=0, why="too little of this invocation's time is left for a call")
        return None

    def lock_out(self, until: float) -> float:
        """No call of this batch before `until`, nor before the end of a lock-out that lasts longer; when that is."""
        with self._lock:
            self.locked_out_until = max(self.locked_out_until, until)
            return self.locked_out_until

    def wait_for_lockout(self) -> Postpone:
        seconds = max(0.0, self.locked_out_until - self.spending.clock()) + self.spending.chance()
        return Postpone(seconds=seconds, why="the API locked this key out: too many requests")

    def _booked_out(self, next_free: float) -> Postpone:
        wait = next_free - self.spending.clock() + self.spending.chance()
        return Postpone(seconds=max(1.0, wait), why="all slots of the pace are taken for now")

    def close(self, code: str, reason: str, *, not_after: float | None = None) -> Closed:
        """Nobody spends until an account problem is mended, or until a later try finds that it is.

        Args:
            not_after: when the problem ends by itself at the latest (epoch seconds).
        """
        spending, now = self.spending, self.spending.clock()
        with self._lock:
            if self.closed:
                return self.closed
            until = min(now + spending.rules.pause_seconds, not_after or math.inf)
            self.closed = Closed(until=until, code=code, reason=reason)
        if self.is_probe:
            spending.gate.stay_closed(code=code, reason=reason, now=now, not_after=not_after)
        elif spending.gate.close(self.closed, now=now):
            count("SpendingPauses")
            logger.error("Spending is paused; the pictures wait", code=code, reason=reason)
            notice = SpendingNotice(kind="paused", code=code, reason=reason, until=until)
            spending.deliver_queue.send(notice.to_json())
            spending.gate.announced()
        return self.closed

    def call_went_well(self) -> None:
        """The API took our key and did its work."""
        self.spending.failures.ended()
        if self.is_probe:
            self.spending.gate.begin_to_open()

    def wait_for_gate(self, closed: Closed, message: Message) -> Postpone:
        """The event source is being turned off meanwhile, so few messages come here more than once.

        Should it stay on, each receipt counts towards the queue's 1,000: so the later ones ask more and more rarely.
        """
        pause = self.spending.rules.pause_seconds
        wait = max(pause, min(LONGEST_PAUSED_WAIT_SECONDS, message.receive_count * pause / 6))
        why = f"spending is paused ({closed.code}): {closed.reason}"
        return Postpone(seconds=wait + self.spending.chance(), why=why)

    def holds_another_key(self, used: ApiKey) -> bool:
        """Whether the secret holds another key than the one that was refused; it is asked again once per round."""
        with self._lock:
            if not self.key_was_refetched:
                self.key_was_refetched = True
                try:
                    self.key = self.spending.keys.current(fetch_anew=True)
                except ApiKeyMissingError:
                    return False
            return self.key != used
