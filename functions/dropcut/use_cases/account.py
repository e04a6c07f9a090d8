"""The account: may a picture be bought now? Key, gate, budget and pace, behind one question.

It learns how every call ended, and closes the gate when the trouble is not that of one picture.
"""

import math
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from dropcut.adapters.api_key import ApiKey, ApiKeyMissingError, ApiKeys
from dropcut.core import gate as gates
from dropcut.core.blame import BlameRules, Evidence, Health, Verdict, judge
from dropcut.core.decision import AccountProblem, LockedOut, Refused, Trouble, possibly_paid
from dropcut.core.gate import Gate, pause_after_probes
from dropcut.core.message_result import Wait
from dropcut.core.payment import Payment
from dropcut.core.ports import BudgetStore, GateStore, HealthStore, PaceStore
from dropcut.core.units import DAY_SECONDS
from dropcut.observability import count, logger


@dataclass(frozen=True, kw_only=True)
class AccountRules:
    credits_per_image: float
    lockout_seconds: float
    pause_seconds: float
    call_needs_seconds: float
    """Time without which no call is begun: for the longest one, and for storing and recording its answer."""
    probe_seconds: float
    """After so long a worker that took the one call of a closed gate is dead."""
    blame: BlameRules


@dataclass(frozen=True, kw_only=True)
class Permit:
    """One call may be made, now."""

    key: ApiKey
    taken_at: float
    """When the credits were taken from the day's budget (epoch seconds)."""
    probe: str = ""
    """Names the one call of a closed gate; empty when the gate is open."""


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """What every account value is made of, for the life of the function."""

    rules: AccountRules
    keys: ApiKeys
    gate: GateStore
    health: HealthStore
    pace: PaceStore
    budget: BudgetStore
    prove_storage: Callable[[], None]
    """Raises when an answer could not be stored now."""
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    jitter: Callable[[], float]


class Account:
    """One batch's view of the account; its messages are handled by several threads at once."""

    def __init__(self, shared: Accounts, *, key: ApiKey | None, gate: Gate, health: Health, ends_at: float) -> None:
        """`ends_at`: when the invocation runs out of time (epoch seconds)."""
        self._shared, self._rules = shared, shared.rules
        self._gate, self._key = gate, key
        self.ends_at = ends_at
        self._well = health == Health()
        self._locked_out_until = 0.0
        self._next_free_slot = 0.0
        self._lock = threading.Lock()

    # May we buy?

    def must_wait(self) -> Wait | None:
        """Why no picture may be bought for now, as far as is known without asking anybody."""
        now = self._shared.clock()
        if self._gate.is_closed and gates.TABLE[self._gate.state(now)]["ask"].action == "wait":
            return self._wait_for_gate()
        if now < self._locked_out_until:
            return Wait(seconds=self._locked_out_until - now + self._shared.jitter(), why="the API locked this key out")
        if self._next_free_slot > now + self._shared.pace.horizon_seconds:
            return self._fully_booked(self._next_free_slot)
        return None

    def permit(self) -> Permit | Wait:
        """Leave for one call, which has to be made at once; or how long to stay away, and why."""
        wait = self.must_wait()
        if wait:
            return wait
        probe = ""
        if self._gate.is_closed:  # and its pause is over
            probe = self._begin_probe()
            if not probe:
                return self._wait_for_gate()
        permit: Permit | Wait | None = None
        try:
            permit = self._permit(probe)
        finally:
            if probe and not isinstance(permit, Permit):
                # No call was made. What closed the gate anew has ended the probe already.
                self._shared.gate.give_probe_back(probe)
        return permit

    def _begin_probe(self) -> str:
        """The probe's name; empty when another worker makes it."""
        probe, now = secrets.token_hex(8), self._shared.clock()
        ends = now + self._rules.probe_seconds
        with self._lock:  # a thread of this batch may have begun one just before
            if self._gate.state(now) != "due":
                return ""
            mine = self._shared.gate.begin_probe(probe, now=now, ends=ends)
            self._gate = replace(self._gate, probe=probe, probe_ends=ends)
        return probe if mine else ""

    def _permit(self, probe: str) -> Permit | Wait:
        try:
            key = self._key = self._shared.keys.current(fetch_anew=True) if probe or not self._key else self._key
        except ApiKeyMissingError as error:
            return self._close("no_key", str(error), probe, fingerprint="")
        if probe:
            try:
                self._shared.prove_storage()
            except Exception as error:  # whatever it is: an answer would be lost to it
                return self._close("answer_not_stored", _not_stored(error), probe)
        taken_at = self._shared.clock()
        if not self._shared.budget.take(key.fingerprint, self._rules.credits_per_image, now=taken_at):
            return self._close("daily_credit_limit", _BUDGET, probe, not_after=(_utc_day(taken_at) + 1) * DAY_SECONDS)
        permit = Permit(key=key, taken_at=taken_at, probe=probe)
        wait: Wait | None = Wait(seconds=0, why="it was interrupted")
        try:
            wait = self._wait_for_slot(permit)
        finally:
            if wait:
                self._refund(permit)
        return wait or permit

    def _wait_for_slot(self, permit: Permit) -> Wait | None:
        """Sleep until the call is to be made. Nothing that takes time may come after it."""
        clock, pace, fingerprint = self._shared.clock, self._shared.pace, permit.key.fingerprint
        has_waited = False
        while True:
            slot = pace.reserve(fingerprint, now=clock())
            if isinstance(slot, float):
                # Fully booked, it waits here once: giving the message back would only fetch the next one in vain.
                wait = slot - pace.horizon_seconds - clock() + self._shared.jitter()
                if has_waited or wait > pace.horizon_seconds:
                    self._next_free_slot = slot
                    return self._fully_booked(slot)
                has_waited = True
                self._shared.sleep(max(0.0, wait))
                continue
            self._shared.sleep(max(0.0, slot.opens - clock()))
            if clock() <= slot.closes:
                return self._changed_meanwhile(permit)

    def _changed_meanwhile(self, permit: Permit) -> Wait | None:
        """The reason to wait that came up while it waited for its slot."""
        now = self._shared.clock()
        if self._is_closed_for(permit.probe):
            return self._wait_for_gate()
        if now < self._locked_out_until:
            return self.must_wait()
        if now + self._rules.call_needs_seconds > self.ends_at:
            return Wait(seconds=0, why="too little of this invocation's time is left for a call")
        if _utc_day(now) != _utc_day(permit.taken_at):
            return Wait(seconds=0, why="its credits were taken from yesterday's budget")
        return None

    # What came of it?

    def gave_no_picture(self, decision: Trouble, permit: Permit, payment: Payment, payment_key: str) -> Verdict:
        """Learn from a call that gave no picture, and close or open the gate accordingly."""
        if not possibly_paid(decision):
            self._refund(permit)
        if isinstance(decision, AccountProblem) and self._holds_another_key(permit):
            if permit.probe:
                self._shared.gate.give_probe_back(permit.probe)
            return Verdict("waits")
        evidence = self._evidence(decision, permit, payment, payment_key)
        verdict = judge(decision, evidence, self._rules.blame)
        if verdict.closes:
            self._close(verdict.closes, _why(verdict, decision), permit.probe)
        elif _proves_account(decision):
            self._open(permit.probe)
        elif permit.probe:
            self._probe_proved_nothing(permit.probe)
        return verdict

    def went_well(self, permit: Permit) -> None:
        """A call did its work, and its picture is stored: a probe proves that answers can be kept."""
        self._clear_trouble(permit)
        self._open(permit.probe)

    def call_lost(self) -> None:
        """A worker died during its call, which may have been charged: that counts for this hour as well."""
        if self._key and self._in_vain(self._key.fingerprint) >= self._rules.blame.pause_after_possibly_paid:
            reason = "Too many calls of this hour may have been paid in vain: their workers died. See the log of cut."
            self._close("paid_in_vain", reason, "")

    def answer_lost(self, error: Exception, permit: Permit) -> None:
        """An answer that may have been paid for could not be stored. Nobody calls until one can be stored again."""
        self._close("answer_not_stored", _not_stored(error), permit.probe)

    @property
    def gate(self) -> Gate:
        """The gate as this batch knows it."""
        return self._gate

    def _evidence(self, decision: Trouble, permit: Permit, payment: Payment, payment_key: str) -> Evidence:
        """What the records know of this end; each kind of end writes what it adds to them."""
        health, now, fingerprint = self._shared.health, self._shared.clock(), permit.key.fingerprint
        known = Evidence(
            attempts=payment.attempts,
            possibly_paid=payment.possibly_paid + possibly_paid(decision),
            troubled_before=bool(payment.trouble_since),
            is_probe=bool(permit.probe),
            probes=payment.probes + bool(permit.probe),
            trouble_seconds=now - payment.trouble_since if payment.trouble_since else 0.0,
        )
        if possibly_paid(decision):
            known = replace(known, possibly_paid_this_hour=self._in_vain(fingerprint))
        if _proves_account(decision):
            self._clear_trouble(permit)
            return known
        self._well = False
        if isinstance(decision, Refused):
            before = health.refusal(fingerprint, payment_key, now=now)
            return replace(known, refused=len(before.refused | {payment_key}))
        if isinstance(decision, LockedOut):
            return self._lockout(decision, permit, known)
        before = health.trouble(fingerprint, payment_key, now=now)
        troubled = before.troubled | {payment_key}
        return replace(known, others_went_well=payment_key not in before.troubled, troubled=len(troubled))

    def _in_vain(self, fingerprint: str) -> int:
        """Calls of this hour that may have been charged for nothing, with the one that is counted now."""
        return self._shared.health.possibly_paid(fingerprint, now=self._shared.clock())

    def _clear_trouble(self, permit: Permit) -> None:
        if permit.probe or not self._well:
            self._shared.health.went_well(permit.key.fingerprint)
            self._well = True

    def _open(self, probe: str) -> None:
        """Begin to open the gate, if this was the probe and did not close it anew itself."""
        if probe and self._gate.probe == probe:
            self._shared.gate.begin_to_open(probe)
            self._gate = replace(self._gate, is_closed=False, is_opening=True, probe="")

    def _lockout(self, lockout: LockedOut, permit: Permit, known: Evidence) -> Evidence:
        seconds = self._rules.lockout_seconds if lockout.seconds is None else lockout.seconds
        until, fingerprint = self._shared.clock() + seconds, permit.key.fingerprint
        with self._lock:
            until = self._locked_out_until = max(self._locked_out_until, until)
        self._shared.pace.hold(fingerprint, until=until)
        in_a_row = self._shared.health.lockout(fingerprint, called_at=permit.taken_at, until=until)
        return replace(known, lockouts=in_a_row, lockout_seconds=seconds)

    def _probe_proved_nothing(self, probe: str) -> None:
        """The end of its call was the picture's own."""
        self._gate = replace(self._gate, until=self._shared.clock() + self._rules.pause_seconds, probe="")
        self._shared.gate.end_probe(probe, self._gate)

    def _close(
        self, code: str, reason: str, probe: str, *, fingerprint: str | None = None, not_after: float = math.inf
    ) -> Wait:
        """Nobody spends until the trouble is over, or until a later try finds that it is.

        Args:
            probe: the probe that met the trouble; empty when the gate was open.
            fingerprint: of the key, if it is not the one in use.
            not_after: when the trouble ends by itself at the latest (epoch seconds).
        """
        now = self._shared.clock()
        if self._is_closed_for(probe):
            return self._wait_for_gate()
        failed = self._gate.probes_failed + bool(probe)
        pause = pause_after_probes(failed, pause_seconds=self._rules.pause_seconds)
        gate = Gate(
            is_closed=True,
            code=code,
            reason=reason,
            until=min(max(now + pause, self._locked_out_until), not_after),
            probes_failed=failed,
            fingerprint=(self._key.fingerprint if self._key else "") if fingerprint is None else fingerprint,
            swept_at=now,
        )
        if probe:
            self._shared.gate.end_probe(probe, gate)
        elif self._shared.gate.close(gate):
            count("SpendingPauses")
            logger.error("Spending is paused; the pictures wait", code=code, reason=reason)
        self._gate = gate
        return self._wait_for_gate()

    def _is_closed_for(self, probe: str) -> bool:
        """Whether the gate is closed, and this is not the probe that may pass it."""
        return self._gate.is_closed and not (probe and self._gate.probe == probe)

    def _wait_for_gate(self) -> Wait:
        if self._gate.state(self._shared.clock()) == "probing":
            why = "one picture is tried first, to see whether spending can go on"
            return Wait(seconds=self._rules.pause_seconds * self._shared.jitter(), why=why)
        return Wait(seconds=self._rules.pause_seconds + self._shared.jitter(), why=self._gate.why)

    def _fully_booked(self, next_free: float) -> Wait:
        wait = next_free - self._shared.clock() + self._shared.jitter()
        return Wait(seconds=max(1.0, wait), why="the pace is fully booked for now")

    def _refund(self, permit: Permit) -> None:
        """Once only: what is given back twice could be spent twice. If it fails, the day has fewer credits."""
        try:
            credits = self._rules.credits_per_image
            self._shared.budget.give_back(permit.key.fingerprint, credits, taken_at=permit.taken_at)
        except Exception:
            logger.exception("Credits that were not spent could not be given back to the day's budget")

    def _holds_another_key(self, permit: Permit) -> bool:
        """Whether the secret holds another key than the one that was refused."""
        with self._lock:
            if self._key == permit.key:
                try:
                    self._key = self._shared.keys.current(fetch_anew=True)
                except ApiKeyMissingError:
                    return False
            return self._key != permit.key


def _proves_account(decision: Trouble) -> bool:
    return isinstance(decision, Refused) and decision.proves_account


_BUDGET = "The daily credit limit is reached; spending goes on at midnight UTC, or raise `daily_credit_limit`."


def _not_stored(error: Exception) -> str:
    return (
        f"An answer that is paid for cannot be stored ({type(error).__name__}: {error}). Look at the work bucket, and "
        "at the role and the policies that let the cut function write to it."
    )


def _why(verdict: Verdict, decision: Trouble) -> str:
    match verdict.closes:
        case "refuses_everything":
            return (
                f"The API refuses one picture after the other, which no picture explains. {decision.reason} Pictures "
                "that were rejected meanwhile can be redriven."
            )
        case "paid_in_vain":
            return f"Too many calls of this hour may have been paid in vain. {decision.reason} Ask the provider."
        case "api_failing":
            return f"The API keeps failing. {decision.reason}"
    return decision.reason


def _utc_day(seconds: float) -> float:
    """Whole days since the epoch."""
    return seconds // DAY_SECONDS
