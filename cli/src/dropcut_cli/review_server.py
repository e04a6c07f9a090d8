"""The page of `dropcut review --serve`, on 127.0.0.1, for the browser that opens the address first."""

import json
import re
import secrets
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from dropcut_cli.exits import CommandError, explained
from dropcut_cli.held import HeldPhoto
from dropcut_cli.review_page import ASSETS, asset

_MIB = 1024 * 1024
_KINDS = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript"}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Beside the policy that the page states itself: nothing comes from elsewhere."""


class _RefusedError(Exception):
    """A request that is not answered: HTTP status, and a sentence."""


class ReviewServer(ThreadingHTTPServer):
    """Ends by itself when everything is decided. Raises CommandError: the port cannot be used."""

    daemon_threads = True
    request_queue_size = 64  # a browser asks for several pictures at once

    def __init__(
        self, held: Sequence[HeldPhoto], *, port: int, folder: Path, most_mib: float, on_sent: Callable[[Any], None]
    ) -> None:
        """Own pictures of a person lie in `folder` until their decision is sent."""
        self.held, self.folder, self.on_sent = held, folder, on_sent
        self.most_bytes = int(most_mib * _MIB)
        self.session, self._token = (secrets.token_urlsafe(24).encode() for _ in range(2))
        self.decided: dict[int, str] = {}
        try:
            super().__init__(("127.0.0.1", port), _Answers)
        except OSError as error:
            raise CommandError(f"Port {port} cannot be used ({error.strerror}): leave out --port.") from error
        # A browser sends what stands behind `#` to nobody, and the page takes it out of the history.
        self.address = f"http://127.0.0.1:{self.server_port}/#{self._token.decode()}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The browser went away in the middle of an answer."""

    def exchange(self, token: bytes) -> bytes:
        """The session's secret for the token, once."""
        if not secrets.compare_digest(token, self._token):
            raise _RefusedError(403, "This address was opened already, or is of an earlier start.")
        self._token = secrets.token_bytes()
        return self.session

    def decide(self, number: int, decision: str) -> dict[str, Any]:
        own = self.folder / str(number) if decision == "replace" else None
        try:
            sent = self.held[number].decide(decision, own)
        except Exception as error:
            return {"number": number, "error": _sentence(error)}
        self.decided[number] = decision
        self.on_sent(sent)
        return {"number": number}


class _Answers(BaseHTTPRequestHandler):
    server: ReviewServer

    def do_GET(self) -> None:
        status = 200
        try:
            kind, content = self._found(f"{self.command} {self.path}")
        except Exception as error:
            status, sentence = error.args if isinstance(error, _RefusedError) else (404, _sentence(error))
            kind, content = "application/json", json.dumps({"error": sentence}).encode()
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        if len(self.server.decided) == len(self.server.held):
            Thread(target=self.server.shutdown).start()

    do_POST = do_PUT = do_GET

    def _found(self, asked: str) -> tuple[str, bytes]:
        """Kind and content of the answer."""
        server, port = self.server, self.server.server_port
        if self.headers["Host"] not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            raise _RefusedError(403, "This name is not this machine's.")  # another site's, made to lead here
        if (name := asked.removeprefix("GET /") or "review.html") in (*ASSETS, "entries.js"):
            return _KINDS[Path(name).suffix], b"" if name == "entries.js" else asset(name)
        if asked == "POST /session":
            return "text/plain", server.exchange(self._body())
        if not secrets.compare_digest((self.headers["Authorization"] or "").encode(), server.session):
            raise _RefusedError(403, "This page was opened by another address than the command gave last.")
        return "application/octet-stream", self._answer(asked)

    def _answer(self, asked: str) -> bytes:
        server = self.server
        if asked == "GET /entries":
            entries = [each.fields | {"decision": server.decided.get(n)} for n, each in enumerate(server.held)]
            return json.dumps(entries).encode()
        if asked == "POST /decisions":
            chosen = json.loads(self._body())
            return json.dumps([server.decide(each["number"], each["decision"]) for each in chosen]).encode()
        if found := re.fullmatch(r"GET /pictures/(\d+)/(before|after)", asked):
            return server.held[int(found[1])].picture(found[2])
        if found := re.fullmatch(r"PUT /own/(\d+)", asked):
            (server.folder / found[1]).write_bytes(self._body())
            return b""
        raise _RefusedError(404, "There is no such thing on this page.")

    def _body(self) -> bytes:
        length, most = int(self.headers["Content-Length"] or 0), self.server.most_bytes
        if not 0 <= length <= most:
            raise _RefusedError(413, f"The file has more than {most / _MIB:g} MiB (`max_photo_mib`).")
        return self.rfile.read(length)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing about each request."""


def _sentence(error: Exception) -> str:
    return str(explained(error) or f"This was not expected: {type(error).__name__}: {error}.")
