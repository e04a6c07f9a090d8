"""`dropcut set-key`: the key is tried first, and never shown."""

import io
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from dropcut.core.api_key_text import fingerprint

from dropcut_cli import key
from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError
from tests.cli.conftest import SETTINGS, Dropcut
from tests.functions.cloud import SECRET

GOOD_KEY = "sk-good"


@pytest.fixture
def provider() -> Iterator[str]:
    """A provider's balance call, at its base URL."""

    class Balance(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = self.headers["authorization"]
            status = {f"Bearer {GOOD_KEY}": 200, "Bearer sk-moved": 302}.get(token, 401)
            self.send_response(status if self.path == "/v1/user/balance" else 404)
            self.send_header("location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(b'{"credits": 42.5}')

        def log_message(self, *_said: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Balance) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def type_key(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch, provider: str
) -> Callable[[str], Any]:
    monkeypatch.setitem(SETTINGS, "API_BASE_URL", provider)

    def run(typed: str) -> Any:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        return dropcut("set-key", "--json")

    return run


def test_a_key_is_tried_free_of_charge_and_never_shown(deployment: Deployment, type_key: Callable[[str], Any]) -> None:
    ran = type_key(f"  {GOOD_KEY}\n")
    assert json.loads(ran.out) == {"secret": SECRET, "key": fingerprint(GOOD_KEY), "balance": 42.5}
    assert GOOD_KEY not in ran.out + ran.err
    secrets = deployment.client("secretsmanager")
    assert secrets.get_secret_value(SecretId=SECRET)["SecretString"] == GOOD_KEY


@pytest.mark.parametrize(
    ("typed", "exit_code", "words"),
    [
        ("sk-wrong\n", 1, "stability refuses this key (HTTP 401): nothing was changed. Copy it whole"),
        ("sk-moved\n", 5, "stability answered HTTP 302"),
        ("two words\n", 2, "That is no key"),
        ("", 2, "That is no key"),
    ],
)
def test_a_key_that_is_refused_is_not_put_away(
    deployment: Deployment, type_key: Callable[[str], Any], typed: str, exit_code: int, words: str
) -> None:
    ran = type_key(typed)
    assert (ran.exit_code, ran.out) == (exit_code, "")
    assert words in ran.err
    assert deployment.fingerprint == ""


def test_a_provider_without_a_balance_call_is_not_asked(
    type_key: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "PROVIDER", "ezlink")
    ran = type_key("any-key\n")
    assert json.loads(ran.out)["balance"] is None
    assert "It was not tried" in ran.err


def test_a_provider_that_does_not_answer_is_temporary() -> None:
    with socket.socket() as silent, pytest.raises(CommandError, match="Try again") as refusal:
        silent.bind(("127.0.0.1", 0))  # and nobody listens at it
        key.balance(f"http://127.0.0.1:{silent.getsockname()[1]}", "stability", GOOD_KEY)
    assert refusal.value.exit_code == 5
