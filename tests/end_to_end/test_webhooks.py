"""Events reach a receiver on this machine as webhooks that it can verify; it can turn them off, and a redrive on."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from local.outcomes import Outcome
from tests.end_to_end.dropcut_in_use import DropcutInUse, until
from tests.end_to_end.photos import photo
from tests.functions.webhook_receiver import WebhookReceiver


def received(receiver: WebhookReceiver, key: str) -> tuple[bytes, Mapping[str, str]]:
    """The last webhook about a photo."""
    until(lambda: key in receiver.keys, f"a webhook about {key}")
    return next(each for each in reversed(receiver.received) if json.loads(each[0])["data"]["key"] == key)


def secret_of(dropcut: DropcutInUse) -> Any:
    """As the deployment made it, or as a test has put it in."""
    arn = dropcut.outputs["WebhookSecretArn"]
    return json.loads(dropcut.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


@pytest.mark.parametrize(("content", "kind"), [(None, "delivered"), (b"no photo", "rejected")])
def test_a_photos_event_comes_as_a_webhook_signed_with_the_deployments_secret(
    content: bytes | None, kind: str, dropcut: DropcutInUse, receiver: WebhookReceiver
) -> None:
    key = dropcut.drop(content or photo(), dropcut.unused("ü a+b.jpg"))
    outcome = dropcut.outcome(key)
    body, headers = received(receiver, key)
    webhook = Webhook(secret_of(dropcut)["current"]).verify(body, dict(headers))
    assert isinstance(outcome, Outcome) and outcome.kind == kind
    assert (webhook["type"], webhook["data"]) == (f"cutout.{kind}", dict(outcome.detail))
    assert receiver.keys.count(key) == 1


def test_a_receiver_that_answers_410_turns_webhooks_off_and_a_redrive_turns_them_on(
    dropcut: DropcutInUse, receiver: WebhookReceiver
) -> None:
    gone, later = (dropcut.unused(name) for name in ("gone.jpg", "later.jpg"))
    receiver.answers[gone] = [410]
    dropcut.drop(photo(), gone)
    letter = dropcut.dead_letter("Notify", gone)
    assert letter.attributes["code"] == "webhook_off"
    assert dropcut.item("webhook")["announced"] == "yes"
    dropcut.drop(photo(), later)
    other = dropcut.dead_letter("Notify", later)
    assert other.attributes["code"] == "webhook_off"
    assert (receiver.keys.count(gone), receiver.keys.count(later)) == (1, 0)
    dropcut.redrive("Notify", letter)
    until(lambda: receiver.keys.count(gone) == 2, "the redriven webhook")
    until(lambda: "off_since" not in dropcut.item("webhook"), "webhooks that are on")
    key = dropcut.drop(photo(), dropcut.unused("on-again.jpg"))
    received(receiver, key)
    dropcut.redrive("Notify", other)
    received(receiver, later)


def test_a_webhook_that_is_not_taken_waits(dropcut: DropcutInUse, receiver: WebhookReceiver) -> None:
    key = dropcut.unused("busy.jpg")
    receiver.answers[key] = [503]
    dropcut.drop(photo(), key)
    received(receiver, key)
    url = dropcut.outputs["NotifyQueueUrl"]

    def waiting() -> int:
        names = ["ApproximateNumberOfMessagesNotVisible"]
        answer = dropcut.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return int(answer["Attributes"][names[0]])

    assert until(waiting, "a webhook that waits") == 1
    until(lambda: dropcut.log("notify", "it answered 503"), "a line of the log")
    assert not dropcut.log("notify", "AccessDenied")
