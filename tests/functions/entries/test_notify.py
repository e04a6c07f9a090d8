"""The notify function as Lambda starts it, with a receiver on this machine."""

import base64
import importlib
import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from dropcut.environment import AWS_CONNECT_SECONDS, AWS_READ_SECONDS, NotifyEnvironment, notify_function_seconds
from dropcut.message_batch import MessageBatch
from standardwebhooks.webhooks import Webhook

from tests.functions.cloud import SECRET, TABLE, Cloud, OneWriteAtATime
from tests.functions.lambda_events import Context, batch_of, run
from tests.functions.webhook_events import event
from tests.functions.webhook_receiver import WebhookReceiver

KEY = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
def entry(cloud: Cloud, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    clients, configured = cloud.clients, []

    def client(name: str, *, config: Any) -> Any:
        configured.append(config)
        return {
            "sqs": clients.sqs,
            "dynamodb": OneWriteAtATime(clients.dynamodb),
            "events": clients.events,
            "secretsmanager": clients.secrets,
        }[name]

    cloud.put_key(json.dumps({"current": KEY}))
    monkeypatch.setattr(boto3, "client", client)
    environment = NotifyEnvironment(
        state_table=TABLE,
        function_seconds=notify_function_seconds(),
        queue_url=cloud.queues["notify"].url,
        dead_letter_queue_url=cloud.queues["notify-dead"].url,
        webhook_url=receiver.url,
        webhook_secret=SECRET,
    )
    for variable, text in environment.to_variables().items():
        monkeypatch.setenv(variable, text)
    monkeypatch.delitem(sys.modules, "dropcut.entries.notify", raising=False)
    entry = importlib.import_module("dropcut.entries.notify")
    assert {(each.connect_timeout, each.read_timeout) for each in configured} == {
        (AWS_CONNECT_SECONDS, AWS_READ_SECONDS)
    }
    return entry


def test_a_batch_is_sent_and_what_is_not_taken_stays(
    cloud: Cloud, entry: ModuleType, receiver: WebhookReceiver
) -> None:
    receiver.answers = {"b.jpg": [503], "c.jpg": [200]}
    for key in ("a.jpg", "b.jpg", "c.jpg"):
        cloud.queues["notify"].send(event(key=key))
    cloud.queues["notify"].send("no event")
    assert run(entry.handler, cloud, "notify") == [event(key="b.jpg")]
    assert sorted(receiver.keys) == ["a.jpg", "b.jpg", "c.jpg"]
    for body, headers in receiver.received:
        Webhook(KEY).verify(body, headers)
    (letter,) = cloud.take("notify-dead")
    assert letter["Body"] == "no event"


def test_a_410_is_a_dead_letter_that_a_redrive_sends_again(
    cloud: Cloud, entry: ModuleType, receiver: WebhookReceiver
) -> None:
    receiver.answers = {"a.jpg": [410, 200]}
    for key in ("a.jpg", "b.jpg"):
        cloud.queues["notify"].send(event(key=key))
        assert run(entry.handler, cloud, "notify") == []
    assert receiver.keys == ["a.jpg"]
    letters = cloud.take("notify-dead")
    assert [letter["MessageAttributes"]["code"]["StringValue"] for letter in letters] == ["webhook_off"] * 2
    for letter in letters:
        cloud.clients.sqs.send_message(
            QueueUrl=cloud.queues["notify"].url,
            MessageBody=letter["Body"],
            MessageAttributes=letter["MessageAttributes"],
        )
    assert run(entry.handler, cloud, "notify") == []
    cloud.queues["notify"].send(event(key="c.jpg"))
    assert run(entry.handler, cloud, "notify") == []
    assert sorted(receiver.keys) == ["a.jpg", "a.jpg", "b.jpg", "c.jpg"]


def test_no_webhook_is_begun_that_could_not_be_ended(
    cloud: Cloud, entry: ModuleType, receiver: WebhookReceiver
) -> None:
    batch: MessageBatch = entry.batch
    assert batch.needed_seconds > 15
    assert batch.needed_seconds < notify_function_seconds()
    cloud.queues["notify"].send(event())
    messages = cloud.take("notify")
    answer = entry.handler(batch_of(messages), Context(remaining_seconds=batch.needed_seconds - 1))
    assert len(answer["batchItemFailures"]) == 1
    assert receiver.keys == []
