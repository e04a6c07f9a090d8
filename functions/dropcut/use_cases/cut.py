"""Cut: the one call that costs money. Takes a slot in the pace and the credits from the budget, makes the call, stores
the answer before anything else, and hands it on. No picture is paid for twice, and no failure loses one.
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
from dropcut.adapters.payment_records import AlreadyPaid, Claimed, InFlight, PaymentRecords
from dropcut.adapters.queue import Queue
from dropcut.adapters.spending_records import BudgetRecord, PaceRecord
from dropcut.core.job import CutRequest, Ended, OutcomeMessage, PaidAnswer, SpendingNotice
from dropcut.core.message_result import Done, Message, MessageResult, Postpone, SetAside
from dropcut.core.pace import Slot
from dropcut.observability import about, count, logger
from dropcut.use_cases.purchase import Purchase

LONGEST_PAUSED_WAIT_SECONDS = 3600.0
IN_FLIGHT_WAIT_SECONDS = 5.0


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
class Cut:
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

    def begin_round(self, messages: int, *, ends_at: float = math.inf) -> "CutRound":
        """Ask once for a whole batch: is the gate open, is there a key, when are its calls to be made.

        Args:
            ends_at: when the invocation runs out of time (epoch seconds).
        """
        standing = self.gate.enter(now=self.clock())
        if isinstance(standing, Closed):
            return CutRound(cut=self, closed=standing)
        round_ = CutRound(cut=self, is_probe=standing == "probe", ends_at=ends_at)
        try:
            round_.key = round_.paced_key = self.keys.current()
        except ApiKeyMissingError as error:
            round_.close("no_key", str(error))
            return round_
        round_.slots = self._slots(round_.key, 1 if round_.is_probe else messages)
        return round_

    def _slots(self, key: ApiKey, messages: int) -> list[Slot] | float:
        """Booked out, it waits here once: giving the batch back at once would only fetch the next one in vain."""
        slots = self.pace.reserve(key.fingerprint, messages, now=self.clock())
        if isinstance(slots, list):
            return slots
        wait = slots - self.pace.horizon_seconds - self.clock() + self.chance()
        if wait > self.pace.horizon_seconds:
            return slots
        self.sleep(max(0.0, wait))
        return self.pace.reserve(key.fingerprint, messages, now=self.clock())


@dataclass(kw_only=True)
class CutRound:
    """The messages of one batch, handled by several threads at once."""

    cut: Cut
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

    def __call__(self, message: Message) -> MessageResult:
        """Handle one message of the cut queue. Raises MalformedMessageError: it holds no cut request."""
        request = CutRequest.from_json(message.body)
        with about(request.upload):
            result = self._handle(request, message)
            if isinstance(result, Postpone):
                count("CallsDeferred")
                logger.info("The picture waits", why=result.why, seconds=round(result.seconds, 1))
            return result

    def _handle(self, request: CutRequest, message: Message) -> MessageResult:
        cut = self.cut
        if self.closed:
            return self.wait_for_gate(self.closed, message)
        if isinstance(self.slots, float):
            return self._booked_out(self.slots)
        standing = cut.jobs.standing(request.upload)
        if standing == "superseded":
            return self._end(request, _superseded())
        return Done() if standing == "ended" else self._paid_once(request, message)  # ended: the message came twice

    def _paid_once(self, request: CutRequest, message: Message) -> MessageResult:
        cut = self.cut
        unit = f"{request.picture.sha256}.{cut.rules.output_format}"
        match cut.payments.claim(unit, now=cut.clock(), lease_seconds=cut.rules.lease_seconds):
            case AlreadyPaid(answer=answer):
                return self._reuse(request, answer)
            case InFlight(until=until):
                wait = min(IN_FLIGHT_WAIT_SECONDS, max(1.0, until - cut.clock()))
                return Postpone(seconds=wait, why="the same picture is being paid for right now")
            case Claimed() as claim:
                return Purchase(round=self, request=request, message=message, unit=unit, claim=claim).make()

    def _reuse(self, request: CutRequest, answer: PaidAnswer) -> MessageResult:
        count("AnswersReused")
        return self.hand_on(request, _free(answer))

    def hand_on(self, request: CutRequest, answer: PaidAnswer) -> MessageResult:
        self.cut.deliver_queue.send(OutcomeMessage(upload=request.upload, outcome=answer).to_json())
        return Done()

    def _end(self, request: CutRequest, end: Ended) -> MessageResult:
        self.cut.deliver_queue.send(OutcomeMessage(upload=request.upload, outcome=end).to_json())
        return Done()

    def reject(self, request: CutRequest, code: str, reason: str) -> MessageResult:
        return self._end(request, Ended(kind="rejected", code=code, reason=reason))

    def fail(self, request: CutRequest, code: str, reason: str, **details: str) -> MessageResult:
        """The photo is announced as failed, and its message set aside to be sent again when a person says so."""
        self._end(request, Ended(kind="failed", code=code, reason=reason))
        return SetAside(reason=reason, details={"code": code, **details})

    def next_slot(self) -> Slot | Postpone:
        """When this message's call is to be made, or how long to stay away."""
        with self._lock:
            if isinstance(self.slots, list) and self.slots:
                return self.slots.pop(0)
        if not self.is_probe:
            return self._booked_out(self.cut.clock() + self.cut.pace.horizon_seconds)
        seconds = self.cut.rules.pause_seconds * self.cut.chance()
        return Postpone(seconds=seconds, why="one picture is tried first, to see whether spending can go on")

    def wait_for(self, slot: Slot, key: ApiKey) -> Postpone | None:
        """Wait for the slot, or for another when it has passed or is not this key's; or how long to stay away."""
        cut, slots_key = self.cut, self.paced_key
        while True:
            if slots_key == key:
                cut.sleep(max(0.0, slot.opens - cut.clock()))
                if cut.clock() <= slot.closes:
                    break
            anew = cut.pace.reserve(key.fingerprint, 1, now=cut.clock())
            if isinstance(anew, float):
                return self._booked_out(anew)
            slot, slots_key = anew[0], key
        if cut.clock() < self.locked_out_until:
            return self.wait_for_lockout()
        if cut.clock() + cut.rules.longest_call_seconds > self.ends_at:
            return Postpone(seconds=0, why="too little of this invocation's time is left for a call")
        return None

    def lock_out(self, until: float) -> float:
        """No call of this batch before `until`, nor before the end of a lock-out that lasts longer; when that is."""
        with self._lock:
            self.locked_out_until = max(self.locked_out_until, until)
            return self.locked_out_until

    def wait_for_lockout(self) -> Postpone:
        seconds = max(0.0, self.locked_out_until - self.cut.clock()) + self.cut.chance()
        return Postpone(seconds=seconds, why="the API locked this key out: too many requests")

    def _booked_out(self, next_free: float) -> Postpone:
        wait = next_free - self.cut.clock() + self.cut.chance()
        return Postpone(seconds=max(1.0, wait), why="all slots of the pace are taken for now")

    def close(self, code: str, reason: str, *, not_after: float | None = None) -> Closed:
        """Nobody spends until an account problem is mended, or until a later try finds that it is.

        Args:
            not_after: when the problem ends by itself at the latest (epoch seconds).
        """
        cut, now = self.cut, self.cut.clock()
        with self._lock:
            if self.closed:
                return self.closed
            until = min(now + cut.rules.pause_seconds, not_after or math.inf)
            self.closed = Closed(until=until, code=code, reason=reason)
        if self.is_probe:
            cut.gate.stay_closed(code=code, reason=reason, now=now, not_after=not_after)
        elif cut.gate.close(self.closed, now=now):
            count("SpendingPauses")
            logger.error("Spending is paused; the pictures wait", code=code, reason=reason)
            notice = SpendingNotice(kind="paused", code=code, reason=reason, until=until)
            cut.deliver_queue.send(notice.to_json())
            cut.gate.announced()
        return self.closed

    def call_went_well(self) -> None:
        """The API took our key and did its work."""
        self.cut.failures.ended()
        if self.is_probe:
            self.cut.gate.begin_to_open()

    def wait_for_gate(self, closed: Closed, message: Message) -> Postpone:
        """The event source is being turned off meanwhile, so few messages come here more than once.

        Should it stay on, each receipt counts towards the queue's 1,000: so the later ones ask more and more rarely.
        """
        pause = self.cut.rules.pause_seconds
        wait = max(pause, min(LONGEST_PAUSED_WAIT_SECONDS, message.receive_count * pause / 6))
        why = f"spending is paused ({closed.code}): {closed.reason}"
        return Postpone(seconds=wait + self.cut.chance(), why=why)

    def holds_another_key(self, used: ApiKey) -> bool:
        """Whether the secret holds another key than the one that was refused; it is asked again once per round."""
        with self._lock:
            if not self.key_was_refetched:
                self.key_was_refetched = True
                try:
                    self.key = self.cut.keys.current(fetch_anew=True)
                except ApiKeyMissingError:
                    return False
            return self.key != used


def _free(answer: PaidAnswer) -> PaidAnswer:
    """The same answer for another photo of the same picture: it was paid for before."""
    return PaidAnswer(**{**answer.__dict__, "credits": 0.0})


def _superseded() -> Ended:
    return Ended(
        kind="skipped",
        code="superseded",
        reason="A newer upload of the same key came before this one was paid for.",
    )
