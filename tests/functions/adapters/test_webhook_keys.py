"""The keys of the secret: fetched, remembered while usable, and refused with a sentence that does not show them."""

import base64
import json

import pytest
from dropcut.adapters.webhook_keys import WebhookKeys
from dropcut.core.webhook import SigningKey, WebhookSecretError

from tests.functions.cloud import SECRET, Cloud

ONE, TWO = (bytes([number]) * 32 for number in (1, 2))


def secret(**keys: bytes) -> str:
    return json.dumps({name: f"whsec_{base64.b64encode(key).decode()}" for name, key in keys.items()})


@pytest.fixture
def keys(cloud: Cloud) -> WebhookKeys:
    return WebhookKeys(cloud.clients.secrets, SECRET)


def test_both_keys_are_read_while_they_are_rotated(cloud: Cloud, keys: WebhookKeys) -> None:
    cloud.put_key(secret(current=ONE, previous=TWO))
    assert keys.current() == (SigningKey(ONE), SigningKey(TWO))


def test_keys_are_remembered(cloud: Cloud, keys: WebhookKeys) -> None:
    cloud.put_key(secret(current=ONE))
    assert keys.current() == (SigningKey(ONE),)
    cloud.put_key(secret(current=TWO))
    assert keys.current() == (SigningKey(ONE),)


def test_a_secret_that_cannot_sign_is_not_remembered(cloud: Cloud, keys: WebhookKeys) -> None:
    cloud.put_key("{}")
    with pytest.raises(WebhookSecretError, match=f"{SECRET}: it has no `current`"):
        keys.current()
    cloud.put_key(secret(current=ONE))
    assert keys.current() == (SigningKey(ONE),)


def test_a_secret_that_is_not_there_says_so(keys: WebhookKeys) -> None:
    with pytest.raises(WebhookSecretError, match=r"can be signed by the secret .*Secrets Manager can't find"):
        keys.current()


def test_the_sentence_about_a_bad_key_does_not_show_it(cloud: Cloud, keys: WebhookKeys) -> None:
    cloud.put_key('{"current": "hunter2"}')
    with pytest.raises(WebhookSecretError) as raised:
        keys.current()
    assert "hunter2" not in str(raised.value)
