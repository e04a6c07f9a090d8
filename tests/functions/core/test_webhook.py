"""What is sent of an event, and how it is signed; the library that receivers use has the last word."""

import base64
import json
import time
from typing import Any

import pytest
from dropcut.core.messages import MalformedMessageError
from dropcut.core.webhook import EVENTS, MOST_BYTES, SigningKey, Webhook, read_keys
from standardwebhooks.webhooks import Webhook as Receiver
from standardwebhooks.webhooks import WebhookVerificationError

from tests.functions.webhook_events import event

ONE, TWO = ("whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
GENERATED = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6kM9nP2rS"
"""As Secrets Manager generates it: 44 letters and digits, which are base64 of 33 bytes."""


def keys(*texts: str) -> tuple[SigningKey, ...]:
    return tuple(SigningKey.read(text) for text in texts)


@pytest.mark.parametrize("signed_with", [(ONE,), (TWO, ONE), (ONE, TWO)])
def test_receivers_with_one_of_the_keys_take_the_webhook(signed_with: tuple[str, ...]) -> None:
    webhook = Webhook.from_event(event(key="ü a+b.jpg"))
    headers = webhook.headers(keys(*signed_with), now=time.time())
    taken = Receiver(ONE).verify(webhook.body, headers)
    assert taken["type"] == "cutout.delivered"
    assert taken["timestamp"] == "2026-11-26T11:00:00Z"
    assert taken["data"] == json.loads(event(key="ü a+b.jpg"))["detail"]


def test_the_generated_secret_signs_as_it_is() -> None:
    webhook = Webhook.from_event(event())
    (key,) = read_keys(json.dumps({"current": GENERATED}))
    Receiver(GENERATED).verify(webhook.body, webhook.headers([key], now=time.time()))
    assert len(key.value) == 33


def test_receivers_without_any_of_the_keys_refuse_it() -> None:
    webhook = Webhook.from_event(event())
    headers = webhook.headers(keys(TWO), now=time.time())
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Receiver(ONE).verify(webhook.body, headers)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "body"])
def test_nothing_that_is_signed_can_be_changed(name: str) -> None:
    webhook, now = Webhook.from_event(event()), time.time()
    sent = {**webhook.headers(keys(ONE), now=now), "body": webhook.body.decode()}
    other = {"webhook-id": "another", "webhook-timestamp": str(int(now) + 1), "body": sent["body"] + " "}
    sent[name] = other[name]
    body = sent.pop("body")
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Receiver(ONE).verify(body, sent)


def test_a_webhook_that_is_sent_again_later_is_refused_as_too_old() -> None:
    webhook = Webhook.from_event(event())
    with pytest.raises(WebhookVerificationError, match="too old"):
        Receiver(ONE).verify(webhook.body, webhook.headers(keys(ONE), now=time.time() - 301))


@pytest.mark.parametrize(
    ("given", "webhook_id"), [({"event_id": "e-1"}, "e-1"), ({}, "6a7e8feb-b491-4cf7-a9f1-bf3703467718")]
)
def test_the_webhooks_id_is_the_events_own_at_each_try(given: dict[str, str], webhook_id: str) -> None:
    webhook = Webhook.from_event(event(**given))
    first, second = (webhook.headers(keys(ONE), now=now) for now in (1.0, 99.0))
    assert first["webhook-id"] == second["webhook-id"] == webhook_id
    assert (first["webhook-timestamp"], second["webhook-timestamp"]) == ("1", "99")
    assert first["webhook-signature"] != second["webhook-signature"]


def test_each_type_is_the_events_name_in_the_form_that_receivers_know() -> None:
    assert list(EVENTS) == [
        "cutout.delivered",
        "cutout.rejected",
        "cutout.failed",
        "cutout.skipped",
        "cutout.held",
        "spending.paused",
        "spending.resumed",
    ]


def size_with(notes: int) -> int:
    return len(Webhook.from_event(event(event_id="event-1", note="x" * notes)).body)


def test_the_longest_event_is_sent_whole_and_a_longer_one_in_short() -> None:
    room = MOST_BYTES - size_with(0)
    assert size_with(room) == MOST_BYTES
    longer = json.loads(Webhook.from_event(event(event_id="event-1", note="x" * (room + 1))).body)
    assert longer["data"] == {
        "event_id": "event-1",
        "service": "dropcut-test",
        "job_id": "job",
        "bucket": "in",
        "key": "a.jpg",
        "shortened": True,
    }


def test_an_event_with_the_longest_key_fits_in_short() -> None:
    webhook = Webhook.from_event(event(key="\U0001f600" * 256, note="x" * MOST_BYTES))
    assert len(webhook.body) <= MOST_BYTES
    assert json.loads(webhook.body)["data"]["key"] == "\U0001f600" * 256


@pytest.mark.parametrize(
    "text",
    [
        "no event",
        "[]",
        "{}",
        event(detail="none"),
        event(source="somebody.else"),
        event(detail_type="Webhook Disabled"),
        event(detail_type=["Cutout Delivered"]),
        event(event_id="a\r\nwebhook-signature: v1,forged"),
        event(event_id="a.b"),
        event(event_id=""),
        event(event_id="x" * 129),
        event(event_id=7),
        event(time="now\r\n"),
        event(key="k" * MOST_BYTES),
        "[" * 100_000,
    ],
)
def test_what_is_no_event_of_ours_is_malformed(text: str) -> None:
    with pytest.raises(MalformedMessageError, match="cannot be sent as a webhook"):
        Webhook.from_event(text)


@pytest.mark.parametrize(
    ("secret", "wrong"),
    [
        ("", "not JSON"),
        (ONE, "not JSON"),
        ("[]", "no `current`"),
        ("{}", "no `current`"),
        ({"current": ""}, "no `current`"),
        ({"previous": ONE}, "no `current`"),
        ({"current": 7}, "not a text"),
        ({"current": "whsec_!"}, "not base64"),
        ({"current": "ü"}, "not base64"),
        ({"current": base64.b64encode(b"k" * 23).decode()}, "23 bytes, not 24 to 64"),
        ({"current": base64.b64encode(b"k" * 65).decode()}, "65 bytes, not 24 to 64"),
        ({"current": ONE, "previous": "whsec_short"}, "base64|bytes"),
    ],
)
def test_a_secret_that_cannot_sign_says_what_is_wrong(secret: Any, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        read_keys(secret if isinstance(secret, str) else json.dumps(secret))


def test_neither_key_is_shown_by_itself() -> None:
    (key,) = keys(ONE)
    assert ONE.removeprefix("whsec_") not in repr(key)
    assert str(key.value) not in repr(key)


@pytest.mark.parametrize("previous", [None, "", ONE])
def test_the_current_key_comes_first_and_the_previous_one_if_there_is_one(previous: str | None) -> None:
    found = read_keys(json.dumps({"current": TWO, "previous": previous}))
    assert found == keys(TWO, ONE) if previous else keys(TWO)
