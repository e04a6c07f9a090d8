"""One item of the state table for each picture that was ever to be bought; `core/payment.py` says what it means."""

from dataclasses import dataclass

from dropcut.adapters.state_table import PAYMENT, Item, StateTable, Value, number, text
from dropcut.core.messages import Ended, EndKind, PaidAnswer, Upload
from dropcut.core.payment import Payment

_NOT_PAID = "(attribute_not_exists(work_key) OR expires_at < :now)"
_NOT_ENDED = "(attribute_not_exists(end_kind) OR expires_at < :now OR ended_at < :redriven_at)"


@dataclass(frozen=True, kw_only=True)
class PaymentRecords:
    table: StateTable

    def claim(
        self, key: str, *, holder: str, now: float, lease_until: float, expires_at: float, redriven_at: float = 0.0
    ) -> Payment:
        """Take the picture if its state allows that; returns the record as it was before."""
        values: dict[str, Value] = {
            "holder": holder,
            "lease_until": lease_until,
            "expires_at": int(expires_at),  # an old date would take a running lease away
            "redriven_at": redriven_at,
            "now": now,
            "one": 1,
        }
        update = self.table.update(
            payment_id(key),
            "SET claimed_by = :holder, lease_until = :lease_until, expires_at = :expires_at"
            " REMOVE work_key, end_kind ADD attempts :one",
            values,
            only_if=f"{_NOT_PAID} AND {_NOT_ENDED} AND attribute_not_exists(lease_until)",
        )
        before = read_payment(update.before)
        if update.changed or (before.holder != holder and before.state(now) != "abandoned"):
            return before
        if before.holder != holder:
            before = self._take_over(key, before, values)
        # The answer to our own claim may have been lost on its way: then botocore asked again.
        return _before_claim(before) if before.holder == holder else before

    def _take_over(self, key: str, dead: Payment, values: dict[str, Value]) -> Payment:
        """The holder died: its call may have been charged. Returns the record as it was before."""
        names = ("holder", "lease_until", "expires_at", "one")
        update = self.table.update(
            payment_id(key),
            "SET claimed_by = :holder, lease_until = :lease_until, expires_at = :expires_at"
            " ADD attempts :one, possibly_paid :one",
            {name: values[name] for name in names} | {"dead": dead.lease_until},
            only_if="lease_until = :dead",
        )
        return dead if update.changed else read_payment(update.before)

    def release(self, key: str, *, holder: str, payment: Payment) -> None:
        """Give the picture back unpaid, with the attempts that the record names."""
        self.table.update(
            payment_id(key),
            "SET attempts = :attempts, possibly_paid = :possibly_paid, trouble_since = :trouble_since, probes = :probes"
            " REMOVE lease_until, claimed_by",
            {
                "attempts": payment.attempts,
                "possibly_paid": payment.possibly_paid,
                "trouble_since": payment.trouble_since,
                "probes": payment.probes,
                "holder": holder,
            },
            only_if="claimed_by = :holder",
        )

    def pay(self, key: str, answer: PaidAnswer, *, upload: Upload, expires_at: float) -> None:
        """Record the payment, after the answer itself is stored; `photo` is by whose name it is found again."""
        values: dict[str, Value] = {
            "work_key": answer.work_key,
            "picture_sha256": answer.picture_sha256,
            "answer_format": answer.format,
            "width": answer.width,
            "height": answer.height,
            "credits": answer.credits,
            "request_id": answer.request_id or "",
            "provider": answer.provider,
            "note": answer.note,
            "job_id": upload.job_id,
            "photo": f"{upload.bucket}/{upload.key}",
            "expires_at": int(expires_at),
        }
        self._end_lease(key, values, also="end_kind")

    def end(self, key: str, ended: Ended, *, job_id: str, holder: str, now: float, expires_at: float) -> None:
        """Remember that the picture was refused, or failed."""
        values: dict[str, Value] = {
            "end_kind": ended.kind,
            "code": ended.code,
            "reason": ended.reason,
            "end_attempts": ended.attempts,
            "end_possibly_paid": ended.possibly_paid,
            "request_id": ended.request_id or "",
            "job_id": job_id,
            "ended_at": now,
            "expires_at": int(expires_at),
        }
        self._end_lease(key, values, also="work_key", holder=holder)

    def _end_lease(self, key: str, values: dict[str, Value], *, also: str, holder: str = "") -> None:
        """Attempts are over with it: the next payment starts afresh."""
        assignments = ", ".join(f"{name} = :{name}" for name in values)
        self.table.update(
            payment_id(key),
            f"SET {assignments} REMOVE lease_until, claimed_by, attempts, possibly_paid, trouble_since, probes, {also}",
            values | ({"holder": holder} if holder else {}),
            only_if="claimed_by = :holder" if holder else "",
        )

    def forget_answer(self, key: str, answer: PaidAnswer) -> None:
        """The answer that was paid for is gone: the picture can be paid for again."""
        self.table.update(
            payment_id(key),
            "REMOVE work_key",
            {"work_key": answer.work_key, "request_id": answer.request_id or ""},
            only_if="work_key = :work_key AND request_id = :request_id",
        )


def payment_id(key: str) -> str:
    return f"{PAYMENT}{key}"


def _before_claim(claimed: Payment) -> Payment:
    return Payment(
        attempts=claimed.attempts - 1,
        possibly_paid=claimed.possibly_paid,
        trouble_since=claimed.trouble_since,
        probes=claimed.probes,
        exists=True,
    )


def read_payment(item: Item | None) -> Payment:
    """The record that an item describes; of a picture that nobody has met where there is none."""
    if item is None:
        return Payment()
    return Payment(
        attempts=int(number(item, "attempts")),
        possibly_paid=int(number(item, "possibly_paid")),
        trouble_since=number(item, "trouble_since"),
        probes=int(number(item, "probes")),
        holder=text(item, "claimed_by"),
        lease_until=number(item, "lease_until"),
        answer=_answer(item) if "work_key" in item else None,
        job_id=text(item, "job_id"),
        ended=_ended(item) if "end_kind" in item else None,
        ended_at=number(item, "ended_at"),
        expires_at=number(item, "expires_at"),
        exists=True,
    )


def _answer(item: Item) -> PaidAnswer:
    return PaidAnswer(
        work_key=text(item, "work_key"),
        picture_sha256=text(item, "picture_sha256"),
        format=text(item, "answer_format"),
        width=int(number(item, "width")),
        height=int(number(item, "height")),
        credits=number(item, "credits"),
        request_id=text(item, "request_id") or None,
        provider=text(item, "provider"),
        note=text(item, "note"),
    )


def _ended(item: Item) -> Ended:
    kind: EndKind = "rejected" if item["end_kind"] == "rejected" else "failed"
    return Ended(
        kind=kind,
        code=text(item, "code"),
        reason=text(item, "reason"),
        attempts=int(number(item, "end_attempts")),
        possibly_paid=int(number(item, "end_possibly_paid")),
        request_id=text(item, "request_id") or None,
    )
