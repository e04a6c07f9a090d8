"""Events as a subscriber reads them, and the tag as the second witness."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.outcomes import Outcome, SpendingChange, from_tags, subscribed


class Account:
    """Clients of moto's memory."""

    def __init__(self) -> None:
        self._session = boto3.Session(region_name="us-east-1")

    def client(self, service: str) -> Any:
        return self._session.client(service)  # type: ignore[call-overload] # any service


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        yield Account()


def test_the_events_about_one_bucket_are_heard_and_the_subscription_goes(account: Account) -> None:
    """What is about another bucket, or a type that nobody here knows, is passed over."""
    sent: list[tuple[str, dict[str, Any]]] = [
        ("Cutout Delivered", {"bucket": "in", "key": "a", "renditions": [{"name": "full", "key": "a.png"}]}),
        ("Cutout Rejected", {"bucket": "another", "key": "b", "reason": "Too small."}),
        ("Cutout Rejected", {"bucket": "in", "key": "c", "reason": "Too small."}),
        ("Cutout Invented", {"bucket": "in", "key": "d"}),
        ("Spending Paused", {"code": "no_credits", "reason": "Buy some."}),
    ]
    with subscribed(account, "in", name="mine") as subscription:
        for kind, detail in sent:
            body = json.dumps({"detail-type": kind, "detail": detail})
            account.client("sqs").send_message(QueueUrl=subscription.queue_url, MessageBody=body)
        heard = list(subscription.receive(wait_seconds=0))
    outcomes = {each.key: each for each in heard if isinstance(each, Outcome)}
    assert {key: (each.kind, each.reason, each.renditions) for key, each in outcomes.items()} == {
        "a": ("delivered", "", [("full", "a.png")]),
        "c": ("rejected", "Too small.", []),
    }
    assert [each for each in heard if isinstance(each, SpendingChange)] == [
        SpendingChange(True, "Buy some.", "no_credits")
    ]
    assert account.client("events").list_rules()["Rules"] == []
    assert account.client("sqs").list_queues().get("QueueUrls", []) == []


def test_a_tag_tells_the_end_of_a_photo_whose_event_was_lost(account: Account) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="photos")
    tags = {"a": "delivered", "b": "failed", "c": "skip", "d": ""}
    for key, tag in tags.items():
        s3.put_object(Bucket="photos", Key=key, Body=b"", Tagging=f"dropcut={tag}" if tag else "")
    found = {each.key: (each.kind, bool(each.reason)) for each in from_tags(account, "photos", [*tags, "gone"])}
    assert found == {"a": ("delivered", False), "b": ("failed", True)}
