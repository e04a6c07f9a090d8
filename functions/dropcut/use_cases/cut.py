"""Cut: the one call that costs money. Takes a slot in the pace and the credits from the budget, makes the call, stores
the answer before anything else, and hands it on. No picture is paid for twice, and no failure loses one.
"""

import math
from dataclasses import dataclass

from dropcut.adapters.api_key import ApiKey, ApiKeyMissingError
from dropcut.adapters.gate_record import Closed
from dropcut.adapters.payment_records import AlreadyPaid, Claimed, InFlight
from dropcut.core.job import CutRequest, Ended, PaidAnswer
from dropcut.core.message_result import Done, Message, MessageResult, Postpone
from dropcut.core.pace import Slot
from dropcut.observability import about, count, logger
from dropcut.use_cases.purchase import Purchase
from dropcut.use_cases.spending import Spending, SpendingRound

IN_FLIGHT_WAIT_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Cut(Spending):
    """Handles the messages of the cut queue, batch by batch."""

    def begin_round(self, messages: int, *, ends_at: float = math.inf) -> "CutRound":
        """Ask once for a whole batch: is the gate open, is there a key, when are its calls to be made.

        Args:
            ends_at: when the invocation runs out of time (epoch seconds).
        """
        standing = self.gate.enter(now=self.clock())
        if isinstance(standing, Closed):
            return CutRound(spending=self, closed=standing)
        round_ = CutRound(spending=self, is_probe=standing == "probe", ends_at=ends_at)
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


class CutRound(SpendingRound):
    """Handles the messages of one batch."""

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
        if self.closed:
            return self.wait_for_gate(self.closed, message)
        if isinstance(self.slots, float):
            return self._booked_out(self.slots)
        standing = self.spending.jobs.standing(request.upload)
        if standing == "superseded":
            return self.end(request, _superseded())
        return Done() if standing == "ended" else self._paid_once(request, message)  # ended: the message came twice

    def _paid_once(self, request: CutRequest, message: Message) -> MessageResult:
        spending = self.spending
        unit = f"{request.picture.sha256}.{spending.rules.output_format}"
        match spending.payments.claim(unit, now=spending.clock(), lease_seconds=spending.rules.lease_seconds):
            case AlreadyPaid(answer=answer, job_id=job_id):
                return self._reuse(request, unit, answer if job_id == request.upload.job_id else _free(answer))
            case InFlight(until=until):
                wait = min(IN_FLIGHT_WAIT_SECONDS, max(1.0, until - spending.clock()))
                return Postpone(seconds=wait, why="the same picture is being paid for right now")
            case Claimed() as claim:
                return Purchase(round=self, request=request, message=message, unit=unit, claim=claim).make()

    def _reuse(self, request: CutRequest, unit: str, answer: PaidAnswer) -> MessageResult:
        spending = self.spending
        if spending.objects.metadata_and_etag(spending.work_bucket, answer.work_key) is None:
            spending.payments.forget(unit, answer)
            return Postpone(seconds=0, why="the answer that was paid for before is not kept any more")
        count("AnswersReused")
        return self.hand_on(request, answer)


def _free(answer: PaidAnswer) -> PaidAnswer:
    """The same answer for another photo of the same picture: it was paid for before."""
    return PaidAnswer(**{**answer.__dict__, "credits": 0.0})


def _superseded() -> Ended:
    return Ended(
        kind="skipped",
        code="superseded",
        reason="A newer upload of the same key came before this one was paid for.",
    )
