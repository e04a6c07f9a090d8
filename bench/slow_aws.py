"""A reverse proxy on loopback in front of an embedded AWS, which lets each call take as long as one of AWS's may.

It passes requests on as they are, signature and all, and notes each call. A function has a proxy of its own, so that a
call tells whose it is.
"""

import http.client
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from local.ports import LOOPBACK

SECONDS = {"DynamoDB": 0.005, "SQS": 0.007, "EventBridge": 0.008, "S3 read": 0.018, "S3 write": 0.028}
"""How long a call waits before it is passed on. These are assumptions, not measured: medians that users of AWS report,
for small items and objects, from a function in the same region. Other services do not wait."""
_SERVICES = {"DynamoDB_20120810": "DynamoDB", "AmazonSQS": "SQS", "AWSEvents": "EventBridge"}
_OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}


@dataclass(frozen=True)
class Call:
    """One call of AWS, as the proxy saw it; times are of `time.monotonic`."""

    function: str
    service: str
    """A key of `SECONDS`, or a name of its own."""
    operation: str
    """`GetItem`; for S3 the method and the path."""
    began: float
    ended: float


@dataclass(frozen=True)
class SlowAws:
    """The proxy of one function."""

    url: str
    calls: list[Call]
    """Those that were answered, in that order."""


@contextmanager
def slow_aws(function: str, endpoint_url: str, certificates: Path) -> Iterator[SlowAws]:
    """Put a proxy before the embedded AWS; it is gone with the body.

    Args:
        function: whose calls these are.
        endpoint_url: where the embedded AWS listens, with TLS.
        certificates: the folder of the embedded AWS, with its certificates: callers trust the proxy as they trust it.
    """
    calls: list[Call] = []
    server = ThreadingHTTPServer((LOOPBACK, 0), _connection(function, endpoint_url, certificates, calls))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server-key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield SlowAws(f"https://{LOOPBACK}:{server.server_address[1]}", calls)
    finally:
        server.shutdown()
        server.server_close()


def _connection(
    function: str, endpoint_url: str, certificates: Path, calls: list[Call]
) -> type[BaseHTTPRequestHandler]:
    """The class whose instances each serve one connection, with one of their own to the embedded AWS."""
    aws, trust = urlsplit(endpoint_url), ssl.create_default_context(cafile=certificates / "authority.pem")

    class Connection(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # otherwise an answer's body may wait 40 ms for its head to be acknowledged

        def setup(self) -> None:
            super().setup()
            self._aws = http.client.HTTPSConnection(str(aws.hostname), aws.port, timeout=60, context=trust)

        def finish(self) -> None:
            self._aws.close()
            super().finish()

        def _pass_on(self) -> None:
            began = time.monotonic()
            body = self._body()
            service, operation = _named(self.command, self.path, self.headers.get("x-amz-target", ""))
            time.sleep(max(0.0, began + SECONDS.get(service, 0.0) - time.monotonic()))
            answer, content = self._ask(body)
            # Before the answer is sent: what the function does with it begins after this time.
            calls.append(Call(function, service, operation, began, time.monotonic()))
            self._answer(answer, content)

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("transfer-encoding", ""):
                return self.rfile.read(int(self.headers.get("content-length", 0)))
            chunks = []
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                """Nothing that follows the last chunk is of use here."""
            return b"".join(chunks)

        def _ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
            """The embedded AWS closes a connection on which nothing came for a while: then a new one is used."""
            try:
                return self._ask_once(body)
            except (ConnectionError, http.client.BadStatusLine):
                self._aws.close()
                return self._ask_once(body)

        def _ask_once(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
            self._aws.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _OF_ONE_CONNECTION:
                    self._aws.putheader(name, value)
            self._aws.putheader("content-length", str(len(body)))
            self._aws.endheaders(body)
            answer = self._aws.getresponse()
            return answer, answer.read()

        def _answer(self, answer: http.client.HTTPResponse, content: bytes) -> None:
            """Head and body at once."""
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in _OF_ONE_CONNECTION:
                    self.send_header(name, value)
            length = answer.headers.get("content-length") if self.command == "HEAD" else str(len(content))
            if length is not None and answer.status not in (204, 304):
                self.send_header("content-length", length)
            self._headers_buffer += [b"\r\n", content]  # type: ignore[attr-defined] # where the standard library keeps it
            self.flush_headers()

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Connection


def _named(method: str, path: str, target: str) -> tuple[str, str]:
    """Service and operation of a request; `target` is the header that all services but S3 have."""
    if target:
        prefix, _, operation = target.partition(".")
        return _SERVICES.get(prefix, prefix), operation
    return "S3 read" if method in ("GET", "HEAD") else "S3 write", f"{method} {path}"
