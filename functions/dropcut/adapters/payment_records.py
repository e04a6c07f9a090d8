"""One item of the state table for each picture that was ever to be bought; `core/payment.py` says what it means."""

from dataclasses import dataclass, replace

from dropcut.adapters.state_table import Item, StateTable, Value
from dropcut.core.item_kinds import PAYMENT
from dropcut.core.messages import Ended, EndKind, PaidAnswer, Upload
from dropcut.core.payment import Payment

_NOT_PAID = "(attribute_not_exists(work_key) OR expires_at < :now)"
_NOT_ENDED = "(attribute_not_exists(end_kind) OR expires_at < :now OR ended_at < :redriven_at)"

_LEASE = "SET claimed_by = :holder, lease_until = :lease_until, expires_at = :expires_at"
_OF_A_CLAIM = "lease_until, claimed_by, attempts, possibly_paid, trouble_since, probes"
"""A payment or an end removes these, so that the next one starts afresh."""


@dataclass(frozen=True, kw_only=True)
class PaymentRecords:
    table: StateTable

    def claim(
        self, key: str, *, holder: str, now: float, lease_until: float, expires_at: float, redriven_at: float = 0.0
    ) -> Payment:
        """Take the picture if its state allows that; returns the record as it was before."""
        lease: dict[str, Value] = {
            "holder": holder,
            "lease_until": lease_until,
            "expires_at": int(expires_at),  # an old date would take a running lease away
            "one": 1,
        }
        update = self.table.update(
            payment_id(key),
            f"{_LEASE} REMOVE work_key, end_kind ADD attempts :one",
            lease | {"redriven_at": redriven_at, "now": now},
            only_if=f"{_NOT_PAID} AND {_NOT_ENDED} AND attribute_not_exists(lease_until)",
        )
        before = read_payment(update.before)
        if update.changed:
            return before
        if before.holder == holder:  # the answer to our own claim was lost on its way, and botocore asked again
            return replace(before, attempts=before.attempts - 1, holder="", lease_until=0.0)
        return self._take_over(key, before, lease) if before.state(now) == "abandoned" else before

    def _take_over(self, key: str, dead: Payment, lease: dict[str, Value]) -> Payment:
        """The holder died: its call may have been charged. Returns the record as it was before."""
        update = self.table.update(
            payment_id(key),
            f"{_LEASE} ADD attempts :one, possibly_paid :one",
            lease | {"dead": dead.lease_until},
            only_if="lease_until = :dead",
        )
        now_there = read_payment(update.before)
        ours = update.changed or now_there.holder == lease["holder"]  # the latter: the answer to it was lost
        return dead if ours else now_there

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

    def pay(self, key: str, answer: PaidAnswer, *, upload: Upload, payment: Payment, expires_at: float) -> None:
        """Record the payment, after the answer itself is stored; `photo` is by whose name it is found again.

        Args:
            payment: the record as the claim has it: how many calls it took.
        """
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
            "end_attempts": payment.attempts,
            "end_possibly_paid": payment.possibly_paid,
            "job_id": upload.job_id,
            "photo": f"{upload.bucket}/{upload.key}",
            "expires_at": int(expires_at),
        }
        self.table.update(payment_id(key), f"{_set(values)} REMOVE {_OF_A_CLAIM}, end_kind", values)

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
        change = f"{_set(values)} REMOVE {_OF_A_CLAIM}"
        self.table.update(payment_id(key), change, values | {"holder": holder}, only_if="claimed_by = :holder")

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


def _set(values: dict[str, Value]) -> str:
    return "SET " + ", ".join(f"{name} = :{name}" for name in values)


def read_payment(item: Item | None) -> Payment:
    """The record that an item describes; of a picture that nobody has met where there is none."""
    if item is None:
        return Payment()
    return Payment(
        attempts=int(item.get("attempts", 0)),
        possibly_paid=int(item.get("possibly_paid", 0)),
        trouble_since=item.get("trouble_since", 0.0),
        probes=int(item.get("probes", 0)),
        holder=item.get("claimed_by", ""),
        lease_until=item.get("lease_until", 0.0),
        answer=_answer(item) if "work_key" in item else None,
        job_id=item.get("job_id", ""),
        ended=_ended(item) if "end_kind" in item else None,
        ended_at=item.get("ended_at", 0.0),
        expires_at=item.get("expires_at", 0.0),
        exists=True,
    )


def _answer(item: Item) -> PaidAnswer:
    return PaidAnswer(
        work_key=item.get("work_key", ""),
        picture_sha256=item.get("picture_sha256", ""),
        format=item.get("answer_format", ""),
        width=int(item.get("width", 0)),
        height=int(item.get("height", 0)),
        credits=item.get("credits", 0.0),
        request_id=item.get("request_id") or None,
        provider=item.get("provider", ""),
        note=item.get("note", ""),
    )


def _ended(item: Item) -> Ended:
    kind: EndKind = "rejected" if item["end_kind"] == "rejected" else "failed"
    return Ended(
        kind=kind,
        code=item.get("code", ""),
        reason=item.get("reason", ""),
        attempts=int(item.get("end_attempts", 0)),
        possibly_paid=int(item.get("end_possibly_paid", 0)),
        request_id=item.get("request_id") or None,
    )
