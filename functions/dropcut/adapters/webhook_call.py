"""One webhook over HTTP: to an address that was looked at, within a time, without redirects. No answer's body is read.

The standard library's client is used below its connections: these would look the name up once more, and it could lead
somewhere else by then.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from dropcut import RELEASE
from dropcut.core.plain_text import shown
from dropcut.core.webhook_receiver import AddressNotAllowedError, Receiver
from dropcut.core.webhook_tries import Answer, Answered, NotAnswered
from dropcut.environment import WEBHOOK_SECONDS

Resolve = Callable[..., list[Any]]


class HttpWebhook:
    """Safe to use from several threads at once."""

    def __init__(
        self,
        receiver: Receiver,
        *,
        seconds: float = WEBHOOK_SECONDS,
        resolve: Resolve = socket.getaddrinfo,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._receiver = receiver
        self._seconds = seconds
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()

    def send(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Make one try. Never raises for what the network or the receiver does."""
        deadline = time.monotonic() + self._seconds
        try:
            with self._connect(deadline) as connection:
                return self._talk(connection, deadline, body, headers)
        except AddressNotAllowedError as error:
            return NotAnswered(code="not_allowed", detail=str(error))
        except _NotConnectedError as error:
            return NotAnswered(code="not_connected", detail=f"it could not be connected to ({error})")
        except TimeoutError:
            return NotAnswered(code="no_answer", detail=f"it did not answer within {self._seconds:g} s")
        except (OSError, http.client.HTTPException) as error:
            detail = shown(f"{type(error).__name__}: {error}")[:300]
            return NotAnswered(code="no_answer", detail=f"it broke off, or did not answer by HTTP ({detail})")

    def _connect(self, deadline: float) -> socket.socket:
        """Connect to the first of the host's addresses that takes the connection; no name is looked up after that."""
        problem: Exception = OSError("its name leads nowhere")
        for family, address in self._addresses():
            try:
                connection = socket.socket(family, socket.SOCK_STREAM)
            except OSError as error:  # the machine has no such addresses
                problem = error
                continue
            try:
                connection.settimeout(_left(deadline))
                connection.connect(address)
                if self._receiver.scheme == "http":
                    return connection
                connection.settimeout(_left(deadline))
                return self._tls.wrap_socket(connection, server_hostname=self._receiver.host)
            except OSError as error:
                connection.close()
                problem = error
        raise _NotConnectedError(shown(f"{type(problem).__name__}: {problem}")[:300]) from problem

    def _addresses(self) -> list[tuple[socket.AddressFamily, Any]]:
        """All addresses of the host, when every one of them may be connected to."""
        try:
            found = self._resolve(self._receiver.host, self._receiver.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise _NotConnectedError(f"{type(error).__name__}: {error}") from error
        for *_, address in found:
            self._receiver.check_address(address[0])
        return [(family, address) for family, *_, address in found]

    def _talk(self, connection: socket.socket, deadline: float, body: bytes, headers: Mapping[str, str]) -> Answered:
        receiver = self._receiver
        client = http.client.HTTPConnection(receiver.host, receiver.port)
        client.default_port = 443 if receiver.scheme == "https" else 80  # the port stands in the header Host unless so
        client.auto_open = 0
        client.sock = within = _UntilDeadline(connection, deadline)
        client.request(
            "POST",
            receiver.target,
            body=body,
            headers={**headers, "user-agent": f"dropcut/{RELEASE}", "connection": "close"},
        )
        response = http.client.HTTPResponse(within, method="POST")  # type: ignore[arg-type]
        response.begin()
        return Answered(status=response.status, retry_after=response.headers.get("retry-after", "").strip())


class _NotConnectedError(Exception):
    """No byte was sent."""


class _UntilDeadline(io.RawIOBase):
    """A socket, as far as the client uses it. Bytes that come one by one get no more time than an answer at once."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._connection.settimeout(_left(self._deadline))
        self._connection.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._deadline))
        return self._connection.recv_into(buffer)


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises TimeoutError: it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
