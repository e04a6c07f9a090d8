"""Runs a use case over a batch of queue messages, each for itself: one that fails leaves the others unharmed."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
from dropcut.core.backoff import least_wait_seconds, waited_too_long
from dropcut.core.message_result import DeadLetter, Done, Message, MessageResult, Wait
from dropcut.core.messages import MalformedMessageError
from dropcut.observability import count, logger

Handle = Callable[[Message], MessageResult]
Begin = Callable[[Sequence[Message]], Handle]
"""Learns what a whole batch needs to know; returns what handles each of its messages."""
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
        needed_seconds: a message is not begun when less than this is left of the function's time-out. A time-out would
            bring back the whole batch, with its finished work.
        receives_before_giving_up: how often a message may come back because of unexpected errors; None for the stage
            where receives are no attempts (it counts its own).
        announce_failure: publishes that a photo failed whose message is to be dead-lettered here.
        clock: epoch seconds.
    """

    stage: str
    queue: Queue
    dead_letters: Queue
    threads: int
    needed_seconds: float
    announce_failure: AnnounceFailure
    receives_before_giving_up: int | None = None
    clock: Callable[[], float] = time.time

    def process(self, event: dict[str, Any], context: LambdaContext, begin: Begin) -> PartialItemFailureResponse:
        """Handle every record and answer with those that must stay in the queue."""
        processor = AsyncBatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        handle = self._begun(event, begin)
        with ThreadPoolExecutor(max_workers=self.threads) as pool:

            async def handle_in_thread(record: SQSRecord) -> None:
                await asyncio.get_running_loop().run_in_executor(pool, partial(self._one, record, context, handle))

            return async_process_partial_response(
                event=event, record_handler=handle_in_thread, processor=processor, context=context
            )

    def _begun(self, event: dict[str, Any], begin: Begin) -> Handle:
        """What handles each message; when the batch could not begin, each of them fails with that error by itself.

        Otherwise no message of the batch would be received again for six time-outs of the function.
        """
        try:
            return begin([_message(SQSRecord(record)) for record in event["Records"]])
        except Exception as error:
            problem = error

        def fail(_message: Message) -> MessageResult:
            raise problem

        return fail

    def _one(self, record: SQSRecord, context: LambdaContext, handle: Handle) -> None:
        message = _message(record)
        result: MessageResult | None = self._came_too_often(message)
        if not result and context.get_remaining_time_in_millis() < self.needed_seconds * 1000:
            result = Wait(seconds=0, why="too little of this invocation's time is left")
        try:
            self._carry_out(record, message, result or self._handled(record, message, handle))
        finally:
            logger.thread_safe_clear_keys()  # the next message of this thread is about another photo

    def _handled(self, record: SQSRecord, message: Message, handle: Handle) -> MessageResult:
        try:
            return handle(message)
        except MalformedMessageError as error:
            return DeadLetter(reason=str(error))
        except Exception as error:
            logger.exception("A message could not be handled", message_id=record.message_id, stage=self.stage)
            return self._after_unexpected(error, message)

    def _came_too_often(self, message: Message) -> DeadLetter | None:
        """A function that runs out of memory or time cannot say so: its message just comes back."""
        waited = waited_too_long(message.sent_at_seconds, message.receive_count, now=self.clock())
        if waited:
            return DeadLetter(reason=waited, announce=True)
        if self.receives_before_giving_up is None or message.receive_count <= self.receives_before_giving_up:
            return None
        reason = (
            f"The {self.stage} function had this message {message.receive_count - 1} times and ended without a word: "
            "out of memory, out of time, or throttled. Or the failure could not be published. Its log says which."
        )
        return DeadLetter(reason=reason, announce=True)

    def _after_unexpected(self, error: Exception, message: Message) -> MessageResult:
        """Nothing unknown is swallowed: the message comes back a few times, then stands in the dead-letter queue."""
        said = f"{type(error).__name__}: {error}"
        if self.receives_before_giving_up is None or message.receive_count < self.receives_before_giving_up:
            wait = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(message.receive_count - 1, 10))
            return Wait(seconds=wait, why=said)
        reason = f"Failed {message.receive_count} times in {self.stage}; the last time with {said}"
        return DeadLetter(reason=reason, announce=True)

    def _carry_out(self, record: SQSRecord, message: Message, result: MessageResult) -> None:
        match result:
            case Done():
                return
            case Wait(seconds=seconds, why=why):
                self.queue.put_back(record.receipt_handle, max(seconds, least_wait_seconds(message.receive_count)))
                raise MessageStaysInQueueError(why)
            case DeadLetter(reason=reason, details=details, announce=announce):
                if announce:
                    self._announce(message, reason)
                attributes = {
                    "stage": self.stage,
                    "reason": reason,
                    "attempts": str(message.receive_count),
                    **details,
                }
                self.dead_letters.dead_letter(message.body, attributes)
                count("DeadLettered")
                logger.error("A message is in the dead-letter queue", stage=self.stage, reason=reason)

    def _announce(self, message: Message, reason: str) -> None:
        """Publish it first: while that fails, the message comes back, and does not become a dead letter each time.

        What SQS would delete soon is dead-lettered all the same: better without an event than lost.
        """
        try:
            with suppress(MalformedMessageError):  # which names no photo
                self.announce_failure(message, reason)
        except Exception:
            # The alarm `Errors` looks for these words: until the message is a dead letter, nothing else rings.
            logger.exception("A message could not be handled: its failure was not published", stage=self.stage)
            if not waited_too_long(message.sent_at_seconds, message.receive_count, now=self.clock()):
                raise


def _message(record: SQSRecord) -> Message:
    return Message(
        body=record.body,
        receive_count=int(record.attributes.approximate_receive_count),
        sent_at_seconds=int(record.attributes.sent_timestamp) / 1000,
        sender=record.attributes.get("SenderId") or "",
        redriven="reason" in record.message_attributes,  # as every dead letter of ours has it
    )
