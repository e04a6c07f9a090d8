"""S3, SQS, EventBridge, Lambda and Secrets Manager in memory, as far as the functions use them, on one clock."""

import hashlib
import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

from botocore.exceptions import ClientError


def refused(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


@dataclass
class Stored:
    body: bytes
    metadata: dict[str, str]
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return hashlib.md5(self.body + repr(self.metadata).encode()).hexdigest()


class S3:
    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Stored] = {}

    def get_object(self, *, Bucket: str, Key: str, IfMatch: str = "") -> dict[str, Any]:
        found = self._found(Bucket, Key, "NoSuchKey")
        if IfMatch not in ("", found.etag):
            raise refused("PreconditionFailed", "GetObject")
        return {
            "ContentLength": len(found.body),
            "TagCount": len(found.tags),
            "Metadata": found.metadata,
            "ETag": found.etag,
            "LastModified": datetime.fromtimestamp(0, UTC),
            "Body": io.BytesIO(found.body),
        }

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        found = self._found(Bucket, Key, "404")
        return {"Metadata": found.metadata, "ETag": found.etag}

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:
        keys = sorted(key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix))
        return {"Contents": [{"Key": key} for key in keys[:MaxKeys]]}

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes | IO[bytes],
        ContentType: str = "",
        Metadata: dict[str, str] | None = None,
        IfMatch: str = "",
        IfNoneMatch: str = "",
    ) -> None:
        there = self.objects.get((Bucket, Key))
        if IfMatch and there is None:
            raise refused("NoSuchKey", "PutObject")
        if (IfNoneMatch and there) or (IfMatch and there and there.etag != IfMatch):
            raise refused("PreconditionFailed", "PutObject")
        content = Body if isinstance(Body, bytes) else Body.read()
        self.objects[Bucket, Key] = Stored(content, dict(Metadata or {}))

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        self.objects.pop((Bucket, Key), None)

    def get_object_tagging(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        tags = self._found(Bucket, Key, "NoSuchKey").tags
        return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def put_object_tagging(self, *, Bucket: str, Key: str, Tagging: dict[str, Any]) -> None:
        tags = {tag["Key"]: tag["Value"] for tag in Tagging["TagSet"]}
        self._found(Bucket, Key, "NoSuchKey").tags = tags

    def _found(self, bucket: str, key: str, otherwise: str) -> Stored:
        try:
            return self.objects[bucket, key]
        except KeyError:
            raise refused(otherwise, "GetObject") from None


@dataclass
class QueuedMessage:
    id: str
    body: str
    attributes: dict[str, str]
    """Message attributes, as dead letters have them."""
    sent_at: float
    visible_at: float
    receive_count: int = 0
    receipt: str = ""

    def record(self) -> dict[str, Any]:
        """In the form in which Lambda's event source hands it over."""
        return {
            "messageId": self.id,
            "receiptHandle": self.receipt,
            "body": self.body,
            "attributes": self.system_attributes(),
            "messageAttributes": {name: {"stringValue": text} for name, text in self.attributes.items()},
            "eventSource": "aws:sqs",
        }

    def system_attributes(self) -> dict[str, str]:
        return {"ApproximateReceiveCount": str(self.receive_count), "SentTimestamp": str(int(self.sent_at * 1000))}


class Sqs:
    """Standard queues, named by their URL: nothing about the order in which messages are received."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.queues: dict[str, list[QueuedMessage]] = {}
        self.sent: list[str] = []
        """Every body ever sent."""
        self._clock = clock
        self._ids = itertools.count()

    def visible(self, queue: str) -> list[QueuedMessage]:
        return [message for message in self.queues.get(queue, []) if message.visible_at <= self._clock()]

    def receive(self, message: QueuedMessage, *, visibility_seconds: float) -> QueuedMessage:
        message.receive_count += 1
        message.visible_at = self._clock() + visibility_seconds
        message.receipt = f"{message.id}/{message.receive_count}"
        return message

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: Any = None) -> None:
        attributes = {name: given["StringValue"] for name, given in (MessageAttributes or {}).items()}
        now = self._clock()
        message = QueuedMessage(f"m{next(self._ids)}", MessageBody, attributes, sent_at=now, visible_at=now)
        self.queues.setdefault(QueueUrl, []).append(message)
        self.sent.append(MessageBody + repr(attributes))

    def receive_message(
        self, *, QueueUrl: str, VisibilityTimeout: int, MaxNumberOfMessages: int, **_more: Any
    ) -> dict[str, Any]:
        received = [
            self.receive(message, visibility_seconds=VisibilityTimeout)
            for message in self.visible(QueueUrl)[:MaxNumberOfMessages]
        ]
        return {
            "Messages": [
                {
                    "MessageId": message.id,
                    "ReceiptHandle": message.receipt,
                    "Body": message.body,
                    "Attributes": message.system_attributes(),
                    "MessageAttributes": {
                        name: {"StringValue": text, "DataType": "String"} for name, text in message.attributes.items()
                    },
                }
                for message in received
            ]
        }

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        """Visible ones, unseen ones, and those that were sent to be seen later: here there are none."""
        visible, everything = len(self.visible(QueueUrl)), len(self.queues.get(QueueUrl, []))
        return {"Attributes": dict(zip(AttributeNames, (str(visible), str(everything - visible), "0"), strict=True))}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        kept = [message for message in self.queues[QueueUrl] if message.receipt != ReceiptHandle]
        self.queues[QueueUrl] = kept

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        for message in self.queues[QueueUrl]:
            if message.receipt == ReceiptHandle and message.visible_at > self._clock():
                message.visible_at = self._clock() + VisibilityTimeout
                return
        raise refused("InvalidParameterValue", "ChangeMessageVisibility")


class Events:
    def __init__(self) -> None:
        self.entries: list[dict[str, str]] = []

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": []}


class Lambda:
    """The cut function and its event source."""

    def __init__(self, clock: Callable[[], float], invoke: Callable[[str], bytes]) -> None:
        self.takes_messages = True
        self.stopped_at = 0.0
        self._clock, self._invoke = clock, invoke

    def get_event_source_mapping(self, *, UUID: str) -> dict[str, Any]:
        return {"State": "Enabled" if self.takes_messages else "Disabled"}

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool) -> None:
        self.takes_messages = Enabled
        self.stopped_at = self._clock()

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        try:
            return {"Payload": io.BytesIO(self._invoke(Payload.decode()))}
        except Exception as error:
            return {"Payload": io.BytesIO(repr(error).encode()), "FunctionError": "Unhandled"}


class Secrets:
    def __init__(self, key: str) -> None:
        self.key = key

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        return {"SecretString": self.key}
