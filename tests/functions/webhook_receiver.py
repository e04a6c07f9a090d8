"""A receiver of webhooks on this machine, as an application has one."""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self


class WebhookReceiver:
    """Answers each webhook as `answers` says, by the photo's key: the first status left, or 204."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Mapping[str, str]]] = []
        self.answers: dict[str, list[int]] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append((body, headers))
                left = receiver.answers.get(json.loads(body)["data"]["key"])
                self.send_response(left.pop(0) if left else 204)
                self.end_headers()

            def log_message(self, *_said: object) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    @property
    def keys(self) -> list[str]:
        """Of the photos, in the order of arrival."""
        return [json.loads(body)["data"]["key"] for body, _headers in self.received]

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
