"""Payments: one item per picture and output format, so that no picture is paid for twice.

A claim is a lease: while it runs nobody else calls the API for this picture; when its holder dies it ends by itself,
and the next claim knows that the dead one's call may have been charged.
"""

from dataclasses import dataclass

from dropcut.adapters.state_table import StateTable
from dropcut.core.job import PaidAnswer

_DAY_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """The picture is ours to pay for, until the lease ends."""

    attempts: int
    """Calls begun for this picture since it was last given up, this one included."""
    possibly_paid: int
    """How many of the earlier ones may have been charged without giving a picture."""
    predecessor_died: bool
    """The worker before ended without a word: its call may have been charged."""
    seen_before: bool
    """Somebody had claimed it and recorded no payment: an answer may be stored that could not be recorded any more."""


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
class PaymentRecords:
    table: StateTable
    keep_days: int

    def claim(self, unit: str, *, now: float, lease_seconds: float) -> Claimed | AlreadyPaid | InFlight:
        """Take the picture, unless it is paid for or being paid for."""
        update = self.table.update(
            unit_id(unit),
            "SET lease_until = :lease_until, expires_at = :expires_at REMOVE work_key ADD attempts :one",
            {
                "lease_until": now + lease_seconds,
                "expires_at": int(now + self.keep_days * _DAY_SECONDS),  # an old date would take a running lease away
                "now": now,
                "one": 1,
            },
            only_if="(attribute_not_exists(work_key) OR expires_at < :now)"
            " AND (attribute_not_exists(lease_until) OR lease_until < :now)",
        )
        before = update.before or {}
        if not update.changed:
            if "work_key" in before:
                return AlreadyPaid(answer=_answer(before), job_id=str(before.get("job_id", "")))
            return InFlight(until=float(before["lease_until"]))
        predecessor_died = "lease_until" in before
        if predecessor_died:
            self.table.update(unit_id(unit), "ADD possibly_paid :one", {"one": 1})
        return Claimed(
            attempts=int(before.get("attempts", 0)) + 1,
            possibly_paid=int(before.get("possibly_paid", 0)) + predecessor_died,
            predecessor_died=predecessor_died,
            seen_before=bool(before) and "work_key" not in before,
        )

    def complete(self, unit: str, answer: PaidAnswer, *, job_id: str, now: float) -> None:
        """Record the payment, after the answer itself is stored. Attempts are over: the next payment starts afresh."""
        values: dict[str, str | float] = {
            "work_key": answer.work_key,
            "picture_sha256": answer.picture_sha256,
            "answer_format": answer.format,
            "width": answer.width,
            "height": answer.height,
            "credits": answer.credits,
            "request_id": answer.request_id or "",
            "provider": answer.provider,
            "job_id": job_id,
            "paid_at": now,
            "expires_at": int(now + self.keep_days * _DAY_SECONDS),
        }
        assignments = ", ".join(f"{name} = :{name}" for name in values)
        self.table.update(unit_id(unit), f"SET {assignments} REMOVE lease_until, attempts, possibly_paid", values)

    def forget(self, unit: str, answer: PaidAnswer) -> None:
        """The answer that was paid for is gone: the picture can be paid for again."""
        self.table.update(
            unit_id(unit),
            "REMOVE work_key",
            {"work_key": answer.work_key, "request_id": answer.request_id or ""},
            only_if="work_key = :work_key AND request_id = :request_id",
        )

    def release(self, unit: str, *, now: float, counts: bool, possibly_paid: bool = False) -> None:
        """Give the picture back unpaid.

        Args:
            counts: whether this was a real attempt; waiting for a slot or for the account is none.
            possibly_paid: whether it may have been charged.
        """
        self.table.update(
            unit_id(unit),
            "SET expires_at = :expires_at REMOVE lease_until ADD attempts :attempts, possibly_paid :possibly_paid",
            {
                "expires_at": int(now + self.keep_days * _DAY_SECONDS),
                "attempts": 0 if counts else -1,
                "possibly_paid": int(possibly_paid),
            },
            repeatable=False,
        )

    def give_up(self, unit: str, *, now: float) -> None:
        """Forget the attempts: it is over for this photo, and when its picture is sent again it starts afresh."""
        self.table.update(
            unit_id(unit),
            "SET expires_at = :expires_at, attempts = :zero, possibly_paid = :zero REMOVE lease_until",
            {"expires_at": int(now + self.keep_days * _DAY_SECONDS), "zero": 0},
        )


def unit_id(unit: str) -> str:
    return f"payment#{unit}"


def _answer(item: dict[str, str | float]) -> PaidAnswer:
    return PaidAnswer(
        work_key=str(item["work_key"]),
        picture_sha256=str(item["picture_sha256"]),
        format=str(item["answer_format"]),
        width=int(item["width"]),
        height=int(item["height"]),
        credits=float(item["credits"]),
        request_id=str(item["request_id"]) or None,
        provider=str(item["provider"]),
    )
