"""One webhook over HTTP, to receivers that behave and to those that do not. Only this machine is ever connected to."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from dropcut.adapters.webhook_call import HttpWebhook
from dropcut.core.webhook_receiver import Receiver
from dropcut.core.webhook_tries import Answer, Answered, NotAnswered

from local.certificate import Certificates, make_certificates
from tests.functions.adapters.raw_server import answering, read_request, unused_port

HEADERS = {"content-type": "application/json", "webhook-id": "e-1"}
Talk = Callable[[socket.socket], None]
pytestmark = pytest.mark.timeout(30)  # without its deadline a call would last for ever


def send(url: str, *, body: bytes = b"{}", **how: Any) -> Answer:
    return HttpWebhook(Receiver.at(url), **{"seconds": 5.0, **how}).send(body, HEADERS)


def saying(text: bytes) -> Talk:
    return lambda connection: connection.sendall(text)


def leading_to(*addresses: str) -> Callable[..., list[Any]]:
    """In place of a look-up."""

    def resolve(_host: str, port: int, **_more: Any) -> list[Any]:
        families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
        return [
            (family, socket.SOCK_STREAM, 6, "", (address, port))
            for family, address in zip(families, addresses, strict=True)
        ]

    return resolve


@contextlib.contextmanager
def listening() -> Iterator[tuple[int, list[bytes]]]:
    """A port, and what was sent to it; each request is answered by 204."""
    heard: list[bytes] = []

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    heard.append(read_request(connection))
                    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


# ---- what is sent


def test_the_request_is_a_post_with_body_and_headers_as_given() -> None:
    with listening() as (port, heard):
        answer = send(f"http://127.0.0.1:{port}/hook?token=1", body=b'{"a": 1}')
    assert answer == Answered(status=204)
    (request,) = heard
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert first == "POST /hook?token=1 HTTP/1.1"
    assert (headers["host"], headers["connection"], headers["webhook-id"]) == (f"127.0.0.1:{port}", "close", "e-1")
    assert headers["user-agent"].startswith("dropcut/")
    assert (headers["content-length"], body) == ("8", b'{"a": 1}')


def test_no_header_can_bring_another_one_along() -> None:
    with listening() as (port, heard), pytest.raises(ValueError, match="Invalid header value"):
        HttpWebhook(Receiver.at(f"http://127.0.0.1:{port}/")).send(b"", {"webhook-id": "a\r\nx-forged: 1"})
    assert b"x-forged" not in b"".join(heard)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Answered(status=200)),
        (b"HTTP/1.0 200 OK\r\n\r\n", Answered(status=200)),
        (b"HTTP/1.1 410 Gone\r\n\r\n", Answered(status=410)),
        (b"HTTP/1.1 503 Busy\r\nRetry-After:  120 \r\n\r\n", Answered(status=503, retry_after="120")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Answered(status=200)),
    ],
)
def test_status_and_retry_after_are_read(reply: bytes, answer: Answer) -> None:
    with answering(saying(reply)) as url:
        assert send(url) == answer


# ---- where it goes


def test_a_redirect_is_not_followed() -> None:
    with listening() as (port, heard):
        to = f"location: http://127.0.0.1:{port}/latest/meta-data/\r\n"
        for status in (301, 302, 303, 307, 308):
            with answering(saying(f"HTTP/1.1 {status} Moved\r\n{to}content-length: 0\r\n\r\n".encode())) as url:
                assert send(url) == Answered(status=status)
    assert heard == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
        ["::1"],
        ["8.8.8.8", "127.0.0.1"],
    ],
)
def test_a_public_name_that_leads_to_a_private_address_is_not_connected_to(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(_socket: Any, address: Any) -> None:
        raise AssertionError(f"{address} was connected to")

    monkeypatch.setattr("socket.socket.connect", connect)
    answer = send("https://shop.example/", resolve=leading_to(*addresses))
    assert isinstance(answer, NotAnswered) and answer.code == "not_allowed"
    assert answer.detail == f"shop.example leads to {ip_address(addresses[-1])}, which is not a public address"


def test_a_name_is_looked_up_once_and_its_checked_address_is_connected_to() -> None:
    """A name whose second look-up leads somewhere else has no second look-up."""
    looked_up: list[str] = []

    def resolve(host: str, port: int, **_more: Any) -> list[Any]:
        looked_up.append(host)
        return leading_to("127.0.0.1" if len(looked_up) == 1 else "127.0.0.9")(host, port)

    with listening() as (port, heard):
        assert send(f"http://localhost:{port}/", resolve=resolve) == Answered(status=204)
    assert looked_up == ["localhost"]
    assert f"\r\nHost: localhost:{port}\r\n".encode() in heard[0]


def test_another_address_of_the_name_is_tried_when_one_takes_no_connection() -> None:
    with listening() as (port, _heard):
        answer = send(f"http://localhost:{port}/", resolve=leading_to("127.0.0.2", "127.0.0.1"))
    assert answer == Answered(status=204)


def test_a_family_of_addresses_that_the_machine_lacks_costs_no_webhook() -> None:
    lacking = (4_000, socket.SOCK_STREAM, 6, "", ("::1", 443, 0, 0))
    with listening() as (port, _heard):
        found = [lacking, *leading_to("127.0.0.1")("localhost", port)]
        assert send(f"http://localhost:{port}/", resolve=lambda *_name, **_more: found) == Answered(status=204)


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    with answering(saying(b"HTTP/1.1 200 OK\r\n\r\n")) as url:
        assert send(url) == Answered(status=200)


# ---- by TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), {})


def send_by_tls(certificates: Certificates, trusted: ssl.SSLContext | None, host: str) -> Answer:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates.server, certificates.server_key)

    def talk(connection: socket.socket) -> None:
        with server.wrap_socket(connection, server_side=True) as secure:
            read_request(secure)  # a part that is left unread would reset the connection
            secure.sendall(b"HTTP/1.1 202 Accepted\r\n\r\n")

    with answering(talk, reads_request=False) as url:
        port = url.rpartition(":")[2]
        return send(f"https://{host}:{port}/", tls=trusted, resolve=leading_to("127.0.0.1"))


def test_a_certificate_of_a_known_authority_is_taken_for_the_name_in_it(certificates: Certificates) -> None:
    trusted = ssl.create_default_context(cafile=str(certificates.authority))
    assert send_by_tls(certificates, trusted, "localhost") == Answered(status=202)


@pytest.mark.parametrize(("is_trusted", "host"), [(False, "localhost"), (True, "127.0.0.3")])
def test_a_certificate_that_nobody_vouches_for_or_of_another_is_refused(
    certificates: Certificates, is_trusted: bool, host: str
) -> None:
    trusted = ssl.create_default_context(cafile=str(certificates.authority)) if is_trusted else None
    answer = send_by_tls(certificates, trusted, host)
    assert isinstance(answer, NotAnswered) and answer.code == "not_connected"
    assert "CERTIFICATE_VERIFY_FAILED" in answer.detail


# ---- receivers that do not behave


def dripping(text: bytes) -> Talk:
    def drip(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(text)
                time.sleep(0.02)

    return drip


def flooding(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(b"x-more: y\r\n" * 1000)


@pytest.mark.parametrize(
    ("talk", "detail"),
    [
        (lambda _connection: time.sleep(1), "within 0.3 s"),
        (dripping(b"H"), "within 0.3 s"),
        (dripping(b"HTTP/1.1 100 Continue\r\n\r\n"), "within 0.3 s"),
        (lambda _connection: None, "broke off"),
        (saying(b"not HTTP\r\n\r\n"), "did not answer by HTTP"),
        (saying(b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000), "did not answer by HTTP"),
        (lambda connection: (saying(b"HTTP/1.1 200 OK\r\n")(connection), flooding(connection)), "100 headers"),
    ],
)
def test_a_receiver_that_does_not_answer_has_its_time_and_no_more(talk: Talk, detail: str) -> None:
    with answering(talk) as url:
        began = time.monotonic()
        answer = send(url, seconds=0.3)
        assert time.monotonic() - began < 0.9
    assert isinstance(answer, NotAnswered) and answer.code == "no_answer"
    assert detail in answer.detail
    assert answer.detail.isprintable()


def test_an_answer_that_drips_after_its_status_is_not_waited_for() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        dripping(b"x")(connection)

    with answering(talk) as url:
        began = time.monotonic()
        assert send(url) == Answered(status=200)
        assert time.monotonic() - began < 1


def test_of_a_body_without_end_next_to_nothing_is_taken_in() -> None:
    sent = []

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(1000):
                sent.append(connection.send(b"x" * 1_000_000))

    with answering(talk) as url:
        assert send(url) == Answered(status=200)
    assert sum(sent) < 20_000_000  # what the system's buffers hold


def test_a_request_that_nobody_reads_has_its_time_and_no_more() -> None:
    with answering(lambda _connection: time.sleep(1), reads_request=False) as url:
        began = time.monotonic()
        answer = send(url, body=b"x" * 20_000_000, seconds=0.3)
        assert time.monotonic() - began < 0.9
    assert isinstance(answer, NotAnswered) and answer.code == "no_answer"


def test_tls_that_never_comes_about_has_its_time_and_no_more() -> None:
    with answering(lambda _connection: time.sleep(1), reads_request=False) as url:
        began = time.monotonic()
        answer = send(url.replace("http:", "https:"), seconds=0.3)
        assert time.monotonic() - began < 0.9
    assert isinstance(answer, NotAnswered) and answer.code == "not_connected"


def test_where_nobody_listens_there_is_no_connection() -> None:
    answer = send(f"http://127.0.0.1:{unused_port()}/")
    assert isinstance(answer, NotAnswered) and answer.code == "not_connected"
    assert "ConnectionRefusedError" in answer.detail


def test_a_name_that_nobody_knows_is_no_connection() -> None:
    def unknown(*_given: Any, **_more: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    answer = send("https://shop.example/", resolve=unknown)
    assert isinstance(answer, NotAnswered) and answer.code == "not_connected"
    assert "Name or service not known" in answer.detail
