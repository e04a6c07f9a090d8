"""Gatekeeper: carries out what the gate's record says, and tries every now and then whether it can open again.

Runs when spending is paused, and once a minute in any case, so that nothing depends on one message or one worker.
All it does can be done twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dropcut.adapters.cut_function import CutFunction
from dropcut.adapters.gate_record import Closed, GateRecord
from dropcut.adapters.queue import Queue
from dropcut.core.job import SpendingNotice
from dropcut.observability import count, logger

SECONDS_AFTER_A_FAILED_PROBE = 5.0
"""Until a picture is seen again whose probe could not even be made."""


@dataclass(frozen=True, kw_only=True)
class Gatekeeper:
    gate: GateRecord
    cut_function: CutFunction
    cut_queue: Queue
    deliver_queue: Queue
    probe_seconds: int
    """For how long nobody else sees the message that a probe is made with: longer than the cut function's time-out."""
    clock: Callable[[], float]

    def __call__(self) -> None:
        standing = self.gate.standing()
        count("SpendingIsPaused", isinstance(standing, Closed))
        if isinstance(standing, Closed):
            self._keep_closed(standing)
            if standing.until <= self.clock():
                self._probe(standing)
        match self.gate.standing():
            case "opening":
                self._open()
            case "open":
                # Two of us may have crossed: one turned the messages off when the other had opened the gate already.
                self.cut_function.take_messages(True)

    def _keep_closed(self, closed: Closed) -> None:
        self.cut_function.take_messages(False)
        if not closed.announced:
            notice = SpendingNotice(kind="paused", code=closed.code, reason=closed.reason, until=closed.until)
            self.deliver_queue.send(notice.to_json())
            self.gate.announced()

    def _probe(self, closed: Closed) -> None:
        """Let one waiting picture through; when none waits there is nothing to lose by opening."""
        message = self.cut_queue.receive_one(visibility_seconds=self.probe_seconds)
        if message is None:
            if self.cut_queue.is_empty():
                self.gate.begin_to_open()
            return
        logger.info("One picture is tried", paused_for=closed.code)
        try:
            done = self.cut_function.handle(_record(message))
        except Exception:
            # Throttled, say: the picture must not stay unseen for minutes. If it is being paid for, it will wait again.
            self.cut_queue.postpone(message["ReceiptHandle"], SECONDS_AFTER_A_FAILED_PROBE)
            raise
        if done:
            self.cut_queue.delete(message["ReceiptHandle"])

    def _open(self) -> None:
        self.cut_function.take_messages(True)
        reason = "A call went well again, or no picture waited that could tell: the pictures are worked off."
        notice = SpendingNotice(kind="resumed", code="open", reason=reason)
        self.deliver_queue.send(notice.to_json())
        self.gate.opened()
        logger.info("Spending goes on")


def _record(message: Any) -> dict[str, Any]:
    """A received message in the form in which Lambda's event source hands it over."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
