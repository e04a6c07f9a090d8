"""Connections: reads requests, hands them to the service, and writes replies, the broken ones included."""

import contextlib
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.client import responses
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

from stand_in.calls import Call
from stand_in.control import CONTROL_PLANE, control, front_page
from stand_in.replies import Reply
from stand_in.service import Request, Service
from stand_in.validation import LARGEST_REQUEST_BYTES

STANDS_IN = "this server stands in for the remove-background API and is not it"
MOST_READ_BYTES = 16 * LARGEST_REQUEST_BYTES
"""A body over the limit is read to its end: otherwise the client would see a reset instead of the 413. Beyond this size
it is cut off."""
DRIPS = 50


class BrokenRequestError(Exception):
    """The request cannot be read to its end."""


class Server(ThreadingTCPServer):
    """A thread for each connection, as many as come."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], service: Service, *, access_log: bool = False) -> None:
        self.service = service
        self.access_log = access_log
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, Connection)

    def stop(self) -> None:
        """Take no more connections, and end those that are open."""
        self.service.stopping.set()
        self.shutdown()
        self.server_close()
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def keeping(self, connection: socket.socket) -> Iterator[None]:
        """Remember the connection as open."""
        with self._open_lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._open_lock:
                self._open.discard(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error of ours; anything else is, and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Connection(BaseHTTPRequestHandler):
    """One connection, with one request after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 300  # seconds a connection may lie idle
    server: Server

    def handle(self) -> None:
        with self.server.keeping(self.connection), contextlib.suppress(ConnectionError):
            super().handle()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        service = self.server.service
        internal = path == "/" or path.startswith(CONTROL_PLANE)
        call = None if internal else service.arrived(self.command, path)
        try:
            body, body_bytes = self._read_body()
        except BrokenRequestError:
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, path, headers, body, body_bytes)
        if call is not None:
            self._send(service.answer(request, call), call)
        elif path == "/":
            self._send(front_page(service, STANDS_IN))
        else:
            self._send(control(service, request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

    def _read_body(self) -> tuple[bytes | None, int]:
        """The body and its length; None for a body over the limit, whose bytes are not kept."""
        kept: list[bytes] = []
        size = 0
        for block in self._body_blocks():
            size += len(block)
            if size > MOST_READ_BYTES:
                raise BrokenRequestError("endless body")
            if size <= LARGEST_REQUEST_BYTES:
                kept.append(block)
        return (b"".join(kept) if size <= LARGEST_REQUEST_BYTES else None), size

    def _body_blocks(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            yield from self._chunks()
            return
        length = self.headers.get("content-length", "0")
        if not length.isdecimal():
            raise BrokenRequestError("content-length")
        yield from self._exactly(int(length))

    def _chunks(self) -> Iterator[bytes]:
        while size := self._chunk_size():
            yield from self._exactly(size)
            self.rfile.readline(3)
        while self.rfile.readline(65537).strip():
            pass  # trailers

    def _chunk_size(self) -> int:
        try:
            return int(self.rfile.readline(65537).partition(b";")[0], 16)
        except ValueError as cause:
            raise BrokenRequestError("chunk size") from cause

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size > 0:
            block = self.rfile.read(min(size, 1 << 16))
            if not block:
                raise BrokenRequestError("the client has gone")
            size -= len(block)
            yield block

    def _send(self, reply: Reply, call: Call | None = None) -> None:
        match reply.wire:
            case "whole":
                self.connection.sendall(self._head(reply) + self._framed(reply))
            case "cut_short":
                self._send_half(reply)
            case "cut_short_chunks":
                self._send_half_of_the_chunks(reply)
            case "slow_drip":
                self._drip(reply)
            case "silence":
                self._stay_silent(reply.seconds)
            case "closed":
                self.close_connection = True
            case "reset":
                self._reset()
        if call is not None and self.server.access_log:
            self._print(call)

    def _head(self, reply: Reply, length: int | None = None) -> bytes:
        headers = {
            "Date": formatdate(usegmt=True),
            "X-Stand-In": STANDS_IN,
            **reply.headers,
        }
        if self._in_chunks(reply):
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Content-Length"] = str(len(reply.body) if length is None else length)
        if self.close_connection:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {reply.status} {responses.get(reply.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")

    def _in_chunks(self, reply: Reply) -> bool:
        return reply.chunked and self.request_version != "HTTP/1.0"

    def _framed(self, reply: Reply) -> bytes:
        if self.command == "HEAD":
            return b""
        if not self._in_chunks(reply):
            return reply.body
        blocks = [reply.body[at : at + (1 << 15)] for at in range(0, len(reply.body), 1 << 15)]
        return b"".join(_chunk(block) for block in [*blocks, b""])

    def _send_half(self, reply: Reply) -> None:
        reply.chunked, self.close_connection = False, True
        self.connection.sendall(self._head(reply) + reply.body[: len(reply.body) // 2])

    def _send_half_of_the_chunks(self, reply: Reply) -> None:
        reply.chunked, self.close_connection = True, True
        self.connection.sendall(self._head(reply) + _chunk(reply.body[: len(reply.body) // 2]))

    def _drip(self, reply: Reply) -> None:
        """The head at once, then the body in equal parts over the reply's seconds."""
        self.connection.sendall(self._head(reply))
        body = self._framed(reply)
        step = max(1, -(-len(body) // DRIPS))
        for at in range(0, len(body), step):
            self._stay_silent(reply.seconds / DRIPS, then_close=False)
            self.connection.sendall(body[at : at + step])

    def _stay_silent(self, seconds: float, *, then_close: bool = True) -> None:
        """Until the time is over, the client has gone, or the server stops."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self.server.service.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], min(left, 0.25))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError("the client has gone")
            if readable:
                self.server.service.stopping.wait(min(left, 0.25))  # a next request lies there: leave it
        if then_close:
            self.close_connection = True

    def _reset(self) -> None:
        """Ends the connection with RST: the client's read fails instead of coming to an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()  # it holds the socket open
        self.connection.close()
        self.close_connection = True

    def _print(self, call: Call) -> None:
        key = call.key_fingerprint or "no key"
        said = call.status or "no answer"
        charged = f", {call.credits:g} credits" if call.charged else ""
        fault = f", fault {call.fault}" if call.fault else ""
        print(
            f"{self.log_date_time_string()} {call.method} {call.path} {key}: {said}{charged}{fault}",
            file=sys.stderr,
            flush=True,
        )

    def log_message(self, format: str, *args: object) -> None:
        """The access log is ours."""


def _chunk(block: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(block), block)
