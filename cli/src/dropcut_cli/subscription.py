"""What Dropcut publishes, as any other program hears it: a rule on the default event bus, and a queue behind it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

MOST_AT_ONCE = 10
"""SQS's most in one answer."""
LONGEST_WAIT_SECONDS = 20
"""SQS's most: one call then waits for so long, so that nothing happening costs three calls a minute."""
_SEEN_ONCE = {"MessageRetentionPeriod": "3600", "VisibilityTimeout": "3600"}
"""What was received is not seen again, and gone by itself: nothing has to be deleted."""


class Clients(Protocol):
    """Whatever makes boto3 clients for an account."""

    def client(self, service: str) -> Any: ...


@contextmanager
def subscribed(account: Clients, *, name: str) -> Iterator[str]:
    """The URL of a queue of this name that hears every event; queue and rule are removed afterwards."""
    sqs, events = account.client("sqs"), account.client("events")
    try:
        url = sqs.create_queue(QueueName=name, Attributes=_SEEN_ONCE)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": ["dropcut"]}))["RuleArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(_may_send(rule, arn))})
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        yield url
    finally:
        _remove(events.remove_targets, Rule=name, Ids=["queue"])
        _remove(events.delete_rule, Name=name)
        _remove(lambda: sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"]))


def _remove(call: Callable[..., object], **what: object) -> None:
    """On the way out after a failure it may be gone already, or was never made."""
    with suppress(ClientError, BotoCoreError):
        call(**what)


def received(account: Clients, url: str, *, wait_seconds: int) -> Iterator[Mapping[str, Any]]:
    """The events that have come, at most ten, after waiting at most so long for the first: one call."""
    answer = account.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=MOST_AT_ONCE, WaitTimeSeconds=wait_seconds
    )
    for message in answer.get("Messages", []):
        yield json.loads(message["Body"])


def _may_send(rule: str, queue: str) -> dict[str, object]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
