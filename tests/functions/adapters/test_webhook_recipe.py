"""docs/webhooks.md: its receiver, as it stands there, takes what is signed and no more; its numbers are the code's."""

import base64
import re
import threading
import time
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest
from dropcut.adapters.webhook_call import HttpWebhook
from dropcut.core.webhook import EVENTS, FEWEST_KEY_BYTES, MOST_BYTES, MOST_KEY_BYTES, SigningKey, Webhook
from dropcut.core.webhook_receiver import Receiver
from dropcut.core.webhook_tries import HOUR, LONGEST_BETWEEN_TRIES_SECONDS, MINUTE, TRIES_AT, Answered
from dropcut.environment import WEBHOOK_SECONDS

from tests.functions.webhook_events import event

DOCUMENT = Path("docs/webhooks.md")
OLD, NEW = ("whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
Handled = list[tuple[str, Any]]


@pytest.fixture
def handled() -> Handled:
    return []


@pytest.fixture
def sender(handled: Handled, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpWebhook]:
    """Sends to the recipe, which knows the old key."""
    (recipe,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"SECRET": OLD, "handle": lambda webhook_id, data: handled.append((webhook_id, data))}
    exec(recipe, names)
    monkeypatch.setattr(names["Receiver"], "log_message", lambda *_: None)
    with HTTPServer(("127.0.0.1", 0), names["Receiver"]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield HttpWebhook(Receiver.at(f"http://127.0.0.1:{server.server_port}/"), seconds=5.0)
        server.shutdown()


@pytest.mark.parametrize("keys", [(OLD,), (NEW, OLD)])
def test_the_recipe_takes_webhooks_also_while_the_key_is_rotated(
    sender: HttpWebhook, handled: Handled, keys: tuple[str, ...]
) -> None:
    webhook = Webhook.from_event(event(event_id="e-1"))
    headers = webhook.headers([SigningKey.read(key) for key in keys], now=time.time())
    assert sender.send(webhook.body, headers) == Answered(status=204)
    ((webhook_id, taken),) = handled
    assert (webhook_id, taken["type"], taken["data"]["key"]) == ("e-1", "cutout.delivered", "a.jpg")


@pytest.mark.parametrize(
    "forged",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "nonsense"},
        {"webhook-id": "another"},
        {"webhook-timestamp": str(int(time.time()) - 400)},
    ],
)
def test_the_recipe_refuses_what_is_forged_or_old(
    sender: HttpWebhook, handled: Handled, forged: dict[str, str]
) -> None:
    webhook = Webhook.from_event(event(event_id="e-1"))
    headers = webhook.headers([SigningKey.read(OLD)], now=time.time())
    assert sender.send(webhook.body, headers | forged) == Answered(status=401)
    assert handled == []


def test_the_documents_numbers_are_those_of_the_code() -> None:
    text = " ".join(DOCUMENT.read_text(encoding="utf-8").replace("½", ".5").split())
    assert f"at most {MOST_BYTES // 1000} kB" in text
    assert f"within {WEBHOOK_SECONDS:g} seconds" in text
    assert f"no sooner; {LONGEST_BETWEEN_TRIES_SECONDS / HOUR:g} hours at most" in text
    assert f"{FEWEST_KEY_BYTES} to {MOST_KEY_BYTES} bytes in base64" in text
    _, *minutes_and_hours = TRIES_AT
    minutes = [f"{at / MINUTE:g}" for at in minutes_and_hours if at < HOUR]
    *hours, last = [f"{at / HOUR:g}" for at in minutes_and_hours if at >= HOUR]
    assert f"at once, then {' and '.join(minutes)} minutes, {', '.join(hours)} and {last} hours after" in text


def test_the_document_names_every_type() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [kind for kind in EVENTS if kind not in text and f"`.{kind.split('.')[1]}`" not in text] == []
