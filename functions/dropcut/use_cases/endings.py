"""How a photo leaves the stage that buys without a cut-out: with a reason, and if it failed as a dead letter."""

from dataclasses import dataclass, replace

from dropcut.core.messages import CutRequest, Ended, OutcomeMessage
from dropcut.core.ports import DeadLetters, Sender
from dropcut.observability import count, logger


@dataclass(frozen=True, kw_only=True)
class Endings:
    deliver_queue: Sender
    dead_letters: DeadLetters

    def end(self, request: CutRequest, ended: Ended) -> None:
        """Deliver publishes the photo's end. A failed one is a dead letter before that, ready to go again."""
        if ended.kind == "failed":
            self._dead_letter(request, ended)
        self.announce(request, ended)

    def announce(self, request: CutRequest, ended: Ended) -> None:
        """Deliver publishes the photo's end. Whoever calls this sees to the dead letter of one that failed."""
        ended = replace(ended, redriven_at=request.redriven_at)
        self.deliver_queue.send(OutcomeMessage(upload=request.upload, outcome=ended).to_json())

    def _dead_letter(self, request: CutRequest, ended: Ended) -> None:
        self.dead_letters.dead_letter(
            request.to_json(),
            {
                "stage": "cut",
                "code": ended.code,
                "reason": ended.reason,
                "attempts": str(ended.attempts),
                "possibly_paid": str(ended.possibly_paid),
                "request_id": ended.request_id or "none",
            },
        )
        count("DeadLettered")
        logger.error("The photo failed; its message is in the dead-letter queue", code=ended.code, reason=ended.reason)
