"""What became of each photo, learnt as any other program would: from the events that Dropcut publishes.

Also an example of how to subscribe: a rule on the default event bus, a queue, and the permission between the two.
Events may be lost between bus and queue as anywhere; the tag on the source object is the second witness.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import ClientError
from dropcut.core.event_names import DELIVERED, FAILED, HELD, PAUSED, REJECTED, RESUMED, SKIPPED, SOURCE

_OUTCOMES = {DELIVERED: "delivered", REJECTED: "rejected", FAILED: "failed", SKIPPED: "skipped", HELD: "held"}
_NO_EVENT = "The photo's tag says so; the event that tells the reason did not arrive."


class Clients(Protocol):
    """Whatever makes boto3 clients for the account: `System`, or a test's own."""

    def client(self, service: str) -> Any:
        """A boto3 client for the service."""
        ...


@dataclass(frozen=True)
class Outcome:
    """The end of one photo's way, or of what goes by itself: a held one waits for a decision."""

    key: str
    """Of the source object."""
    kind: str
    """`delivered`, `rejected`, `failed`, `skipped` or `held`."""
    detail: Mapping[str, Any]
    """Of the event: reason, output_bucket, output_key, credits, renditions, note ..."""

    @property
    def reason(self) -> str:
        """Why it was not delivered, in a sentence; empty when it was."""
        return str(self.detail.get("reason") or "")

    @property
    def note(self) -> str:
        """What is not as asked for in what was delivered, in a sentence; empty when all is."""
        return str(self.detail.get("note") or "")

    @property
    def renditions(self) -> list[tuple[str, str]]:
        """Name, and key in the output bucket, of all that was delivered, the first one first; empty when unknown."""
        return [(str(each["name"]), str(each["key"])) for each in self.detail.get("renditions") or []]


@dataclass(frozen=True)
class SpendingChange:
    """The pipeline stopped calling the API, or began again."""

    paused: bool
    reason: str
    code: str = ""
    """The same for programs: `key_refused`, `no_credits` ..."""
    detail: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Of the event."""


@dataclass(frozen=True)
class Subscription:
    """A queue that receives the events about one input bucket."""

    system: Clients
    queue_url: str
    bucket: str

    def receive(self, *, wait_seconds: int = 1) -> Iterator[Outcome | SpendingChange]:
        """The events that have come, after waiting at most so long for the first."""
        sqs = self.system.client("sqs")
        answer = sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_seconds)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
            event = json.loads(message["Body"])
            kind, detail = event["detail-type"], event["detail"]
            if kind in (PAUSED, RESUMED):
                yield SpendingChange(
                    kind == PAUSED, str(detail.get("reason") or ""), str(detail.get("code") or ""), detail
                )
            elif kind in _OUTCOMES and detail.get("bucket") == self.bucket:
                yield Outcome(detail["key"], _OUTCOMES[kind], detail)


@contextmanager
def subscribed(system: Clients, bucket: str, *, name: str) -> Iterator[Subscription]:
    """Subscribe a queue of this name to the events; the subscription and the queue are removed afterwards."""
    sqs, events = system.client("sqs"), system.client("events")
    queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
    queue_arn = attributes["QueueArn"]
    rule_arn = events.put_rule(Name=name, EventPattern=json.dumps({"source": [SOURCE]}))["RuleArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": json.dumps(policy)})
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue_arn}])
    try:
        yield Subscription(system, queue_url, bucket)
    finally:
        # On the way out after a failure the account may be gone already.
        with suppress(Exception):
            events.remove_targets(Rule=name, Ids=["queue"])
            events.delete_rule(Name=name)
            sqs.delete_queue(QueueUrl=queue_url)


def from_tags(system: Clients, bucket: str, keys: Iterable[str]) -> Iterator[Outcome]:
    """The outcomes of those keys whose source objects are tagged with one already."""
    s3 = system.client("s3")
    for key in keys:
        with suppress(ClientError):
            tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
            kind = next((tag["Value"] for tag in tags if tag["Key"] == "dropcut"), "")
            if kind in _OUTCOMES.values():
                yield Outcome(key, kind, {"reason": "" if kind == "delivered" else _NO_EVENT})
