"""SQS: handing a job to the next stage, putting a message back for a while, dead-lettering one for good."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dropcut.core.backfill import Waiting
from dropcut.core.plain_text import shown

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

LONGEST_INVISIBLE_SECONDS = 43_200 - 900
"""SQS allows 12 hours from the moment of receipt; a quarter of an hour is kept free for the time since then."""


class NotAllSentError(RuntimeError):
    """SQS did not take some messages of a request; trying again will help."""


class Queue:
    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self.url = url

    def send(self, body: str) -> None:
        self._client.send_message(QueueUrl=self.url, MessageBody=body)

    def send_later(self, messages: Sequence[tuple[str, int]]) -> None:
        """Send messages, each to be seen after so many seconds, 900 at most: ten in a request, as SQS bills requests.

        Raises:
            NotAllSentError: SQS reports refusals with HTTP 200; some of the messages may be sent.
        """
        for first in range(0, len(messages), 10):
            some = messages[first : first + 10]
            answer = self._client.send_message_batch(
                QueueUrl=self.url,
                Entries=[
                    {"Id": str(number), "MessageBody": body, "DelaySeconds": seconds}
                    for number, (body, seconds) in enumerate(some)
                ],
            )
            if failed := answer.get("Failed"):
                raise NotAllSentError(f"{len(failed)} of {len(some)} messages: {failed[0].get('Message')}")

    def waiting(self) -> Waiting:
        """How much is in it, approximately, as SQS counts."""
        visible, in_work, delayed = self._counts().values()
        return Waiting(visible=visible, in_work=in_work, delayed=delayed)

    def dead_letter(self, body: str, reason: Mapping[str, str]) -> None:
        """Put a message into this (dead-letter) queue unchanged, with the reason as message attributes.

        The body stays as it was so that it can be sent to its own stage again. Attributes cannot be empty in SQS and
        share 256 KiB with the body, so they are cut to 1,000 characters; control characters are escaped.
        """
        self._client.send_message(
            QueueUrl=self.url,
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": shown(value)[:1000] or "-"}
                for name, value in reason.items()
            },
        )

    def receive(self, *, most: int, visibility_seconds: int) -> "Sequence[MessageTypeDef]":
        """Up to ten messages, unseen by others for this long; none when none is visible."""
        answer = self._client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=most,
            VisibilityTimeout=visibility_seconds,
            WaitTimeSeconds=1,  # asks all of SQS's servers, so that few messages are not missed
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def is_empty(self) -> bool:
        """Whether nothing waits, visible or not (approximately, as SQS counts)."""
        return not any(self._counts().values())

    def _counts(self) -> dict[str, int]:
        about = "ApproximateNumberOfMessages"
        names: Sequence[Any] = (about, f"{about}NotVisible", f"{about}Delayed")
        found = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return {name: int(found[name]) for name in names}

    def delete(self, receipt_handle: str) -> None:
        self._client.delete_message(QueueUrl=self.url, ReceiptHandle=receipt_handle)

    def put_back(self, receipt_handle: str, seconds: float) -> None:
        """Let a received message be seen again after this time.

        Never sent anew instead: Lambda's recursion detection drops a message after 16 such rounds.
        """
        whole = max(0, min(LONGEST_INVISIBLE_SECONDS, round(seconds + 0.499)))
        self._client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt_handle, VisibilityTimeout=whole)
