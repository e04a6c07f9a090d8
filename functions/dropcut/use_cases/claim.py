"""A claim on one picture: nobody else buys it meanwhile, and it is given back unless it was settled."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from dropcut.core.messages import Ended, PaidAnswer, Upload
from dropcut.core.payment import Payment
from dropcut.core.ports import Payments
from dropcut.observability import count


@dataclass(frozen=True, kw_only=True)
class AlreadyPaid:
    answer: PaidAnswer
    job_id: str
    """Whose photo it was paid for."""


@dataclass(frozen=True, kw_only=True)
class InFlight:
    """Another worker is paying for this very picture right now."""

    until: float


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """The same picture was refused, or failed, before."""

    ended: Ended
    job_id: str
    """Of whose photo."""


class Claim:
    """The picture is ours to buy, until the `with` ends or it is settled."""

    def __init__(self, claims: "Claims", key: str, holder: str, payment: Payment, *, another_call_lost: bool) -> None:
        self._claims, self._key, self._holder = claims, key, holder
        self.payment = payment
        """The record, this attempt included."""
        self.another_call_lost = another_call_lost
        """Whether the worker before died: its call may have been charged."""
        self.at_risk = False
        """Whether a call was begun that may be charged, and gave no picture that is stored."""
        self._settled = False

    def release(
        self, *, counts: bool, possibly_paid: bool = False, trouble_at: float = 0.0, probe: bool = False
    ) -> None:
        """Give the picture back unpaid.

        Args:
            counts: whether this was an attempt of its own; waiting for a slot or for the account is none.
            possibly_paid: whether the call may have been charged.
            trouble_at: when its call met what looked like the account's trouble (epoch seconds).
            probe: whether the call was made while the gate was closed.
        """
        self._settled = True
        before = self.payment
        self._count_if(possibly_paid)
        self._claims.payments.release(
            self._key,
            holder=self._holder,
            payment=replace(
                before,
                attempts=before.attempts - (not counts),
                possibly_paid=before.possibly_paid + possibly_paid,
                trouble_since=before.trouble_since or trouble_at,
                probes=before.probes + probe,
            ),
        )

    def pay(self, answer: PaidAnswer, *, upload: Upload) -> None:
        """Record the payment; the answer is stored."""
        expires_at = self._claims.clock() + self._claims.keep_seconds
        self._claims.payments.pay(self._key, answer, upload=upload, payment=self.payment, expires_at=expires_at)
        self._settled = True

    def end(self, ended: Ended, *, job_id: str) -> None:
        """Remember that the picture was refused, or failed: its copies end the same way without a call."""
        now = self._claims.clock()
        self._claims.payments.end(
            self._key,
            ended,
            job_id=job_id,
            holder=self._holder,
            now=now,
            expires_at=now + self._claims.keep_seconds,
        )
        self._settled = True
        self._count_if(self.at_risk)

    def _count_if(self, possibly_paid: bool) -> None:
        if possibly_paid:
            count("PossiblyPaidCalls")

    def give_back_unless_settled(self) -> None:
        if not self._settled:
            self.release(counts=False, possibly_paid=self.at_risk)


Found = Claim | AlreadyPaid | InFlight | Remembered


@dataclass(frozen=True, kw_only=True)
class Claims:
    payments: Payments
    lease_seconds: float
    """Longer than the function can live: while it does, the picture is taken."""
    keep_seconds: float
    """How long answers, refusals and failures are remembered."""
    clock: Callable[[], float]

    @contextmanager
    def claim(self, key: str, *, redriven_at: float = 0.0) -> Iterator[Found]:
        """Take a picture by its payment key, unless it is paid for, being paid for, or known to end otherwise.

        Args:
            redriven_at: when somebody asked for it to be tried again (epoch seconds): an older end is forgotten.
        """
        now, holder = self.clock(), secrets.token_hex(8)
        before = self.payments.claim(
            key,
            holder=holder,
            now=now,
            lease_until=now + self.lease_seconds,
            expires_at=now + self.keep_seconds,
            redriven_at=redriven_at,
        )
        event = "redriven claim" if redriven_at > before.ended_at else "claim"
        match before.transition(event, now).action:
            case "wait":
                yield InFlight(until=before.lease_until)
            case "reuse" if before.answer:
                yield AlreadyPaid(answer=before.answer, job_id=before.job_id)
            case "repeat" if before.ended:
                yield Remembered(ended=before.ended, job_id=before.job_id)
            case action:
                lost = action == "buy again"
                if lost:
                    count("PossiblyPaidCalls")
                begun = replace(
                    before,
                    attempts=before.attempts + 1,
                    possibly_paid=before.possibly_paid + lost,
                    answer=None,
                    ended=None,
                )
                claim = Claim(self, key, holder, begun, another_call_lost=lost)
                try:
                    yield claim
                finally:
                    claim.give_back_unless_settled()
