"""A server of a few lines for what no HTTP library would ever send."""

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

Answer = Callable[[socket.socket], None]


@contextlib.contextmanager
def answering(answer: Answer, *, reads_request: bool = True) -> Iterator[str]:
    """The base URL of a server that reads one request to its end and then lets `answer` do as it likes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening, answer, reads_request), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


@contextlib.contextmanager
def answering_by_tls(context: ssl.SSLContext) -> Iterator[str]:
    """A server that reads a request through TLS and then writes what is no TLS into the connection."""

    def spoil(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secure:
            secure.do_handshake()
            read_request(secure)
            os.write(secure.fileno(), b"this is not TLS at all" * 10)
            time.sleep(0.1)

    with answering(spoil, reads_request=False) as base_url:
        yield base_url.replace("http:", "https:")


def _serve(listening: socket.socket, answer: Answer, reads_request: bool) -> None:
    with contextlib.suppress(OSError):
        connection, _address = listening.accept()
        with connection:
            if reads_request:
                read_request(connection)
            answer(connection)


def read_request(connection: socket.socket) -> bytes:
    """One request with its body, which has to have a length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    (length,) = (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    while len(body) < length:
        body += _some(connection)
    return head + b"\r\n\r\n" + body


def _some(connection: socket.socket) -> bytes:
    """Raises ConnectionError: there is no more."""
    if received := connection.recv(1 << 16):
        return received
    raise ConnectionError("the request ended before its time")


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
