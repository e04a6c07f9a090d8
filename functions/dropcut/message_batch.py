"""Runs a use case over a batch of queue messages, each for itself: one that fails leaves the others unharmed."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    EventType,
    async_process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dropcut.adapters.queue import Queue
from dropcut.core.job import MalformedMessageError
from dropcut.core.message_result import Done, Message, MessageResult, Postpone, SetAside
from dropcut.observability import count, logger

Handle = Callable[[Message], MessageResult]
AnnounceFailure = Callable[[Message, str], None]

FIRST_RETRY_SECONDS = 15.0
LONGEST_RETRY_SECONDS = 900.0


class MessageStaysInQueueError(Exception):
    """Tells Powertools (and by it, SQS) that this message is not to be deleted."""


@dataclass(frozen=True, kw_only=True)
class MessageBatch:
    """How a stage treats its messages.

    Attributes:
        threads: messages handled at the same time.
        needed_seconds: a message is not begun when less than this is left of the function's time-out, because a
            time-out would bring back the whole batch, finished work included.
        receives_before_giving_up: how often a message may come back because of unexpected errors; None for the stage
            where receives are no attempts (it counts its own).
        announce_failure: tells the world that the message was set aside for unexpected errors.
    """

    stage: str
    queue: Queue
    dead_letters: Queue
    threads: int
    needed_seconds: float
    receives_before_giving_up: int | None = None
    announce_failure: AnnounceFailure | None = None

    def process(self, event: dict[str, Any], context: LambdaContext, handle: Handle) -> PartialItemFailureResponse:
        """Handle every record and answer with those that must stay in the queue."""
        processor = AsyncBatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        with ThreadPoolExecutor(max_workers=self.threads) as pool:

            async def handle_in_thread(record: SQSRecord) -> None:
                await asyncio.get_running_loop().run_in_executor(pool, partial(self._one, record, context, handle))

            return async_process_partial_response(
                event=event, record_handler=handle_in_thread, processor=processor, context=context
            )

    def _one(self, record: SQSRecord, context: LambdaContext, handle: Handle) -> None:
        message = Message(
            body=record.body,
            receive_count=int(record.attributes.approximate_receive_count),
            sent_at_seconds=int(record.attributes.sent_timestamp) / 1000,
        )
        if context.get_remaining_time_in_millis() < self.needed_seconds * 1000:
            self._carry_out(record, message, Postpone(seconds=0, why="too little of this invocation's time is left"))
        self._carry_out(record, message, self._crashed_too_often(message) or self._handled(record, message, handle))

    def _handled(self, record: SQSRecord, message: Message, handle: Handle) -> MessageResult:
        try:
            return handle(message)
        except MalformedMessageError as error:
            return SetAside(reason=str(error))
        except Exception as error:
            logger.exception("A message could not be handled", message_id=record.message_id, stage=self.stage)
            count("UnexpectedErrors")
            return self._after_unexpected(error, message)

    def _crashed_too_often(self, message: Message) -> SetAside | None:
        """A function that runs out of memory or time cannot say so: its message just comes back."""
        if self.receives_before_giving_up is None or message.receive_count <= self.receives_before_giving_up:
            return None
        reason = (
            f"The {self.stage} function ended {message.receive_count - 1} times without a word while it had this "
            "message: out of memory, out of time, or throttled. Its log says which."
        )
        return SetAside(reason=reason, announce=True)

    def _after_unexpected(self, error: Exception, message: Message) -> MessageResult:
        """Nothing unknown is swallowed: the message comes back a few times, then stands in the dead-letter queue."""
        said = f"{type(error).__name__}: {error}"
        if self.receives_before_giving_up is None or message.receive_count < self.receives_before_giving_up:
            wait = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(message.receive_count - 1, 10))
            return Postpone(seconds=wait, why=said)
        reason = f"Failed {message.receive_count} times in {self.stage}; the last time with {said}"
        return SetAside(reason=reason, announce=True)

    def _carry_out(self, record: SQSRecord, message: Message, result: MessageResult) -> None:
        match result:
            case Done():
                return
            case Postpone(seconds=seconds, why=why):
                self.queue.postpone(record.receipt_handle, seconds)
                raise MessageStaysInQueueError(why)
            case SetAside(reason=reason, details=details, announce=announce):
                attributes = {
                    "stage": self.stage,
                    "reason": reason,
                    "attempts": str(message.receive_count),
                    **details,
                }
                self.dead_letters.set_aside(message.body, attributes)
                count("DeadLettered")
                logger.error("A message was set aside in the dead-letter queue", stage=self.stage, reason=reason)
                if announce and self.announce_failure:
                    self._announce(self.announce_failure, message, reason)

    def _announce(self, announce_failure: AnnounceFailure, message: Message, reason: str) -> None:
        """The message is in the dead-letter queue by now: were it to come back, it would be set aside once more."""
        try:
            announce_failure(message, reason)
        except Exception:
            logger.exception("A message was set aside, but its failure could not be announced", stage=self.stage)
