"""The client against a real server: what the network can do to a call that costs money."""

import gzip
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from dropcut.adapters import api as api_module
from dropcut.adapters.api import PATH, ApiCall, longest_call_seconds
from dropcut.adapters.api import HttpRemoveBackgroundApi as HttpApi
from dropcut.adapters.api_key import ApiKey
from dropcut.core.decision import Decision, Delivered, Expected, LockedOut, NoReply, Pause, Reply, RetryLater, classify

from local.api.faults import FAULTS, Fault
from local.api.stand_in import StandIn
from local.certificate import Certificates, make_certificates
from tests.functions.adapters.raw_server import answering, answering_by_tls, unused_port
from tests.functions.pictures import picture

PICTURE = picture("jpeg")
CALL = ApiCall(picture=PICTURE, picture_format="jpeg", output_format="png")
EXPECTED = Expected(width=80, height=64, format="png")
TIMEOUT_SECONDS = 0.4


@pytest.fixture(scope="module", params=["ezlink", "stability"])
def stand_in(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with StandIn(profile=request.param) as server:
        yield server


def client(base_url: str, provider: str = "ezlink", timeout_seconds: float = TIMEOUT_SECONDS) -> HttpApi:
    """With the time-outs of a test; a call needs milliseconds here."""
    return HttpApi(base_url=base_url, provider=provider, timeout_seconds=timeout_seconds, threads=2)


def provider_of(stand_in: StandIn) -> str:
    return str(stand_in.service.profile.name)


def call(stand_in: StandIn, key: str = "", timeout_seconds: float = 5.0) -> Reply | NoReply:
    api = client(stand_in.base_url, provider_of(stand_in), timeout_seconds)
    return api.remove_background(CALL, ApiKey(key or stand_in.key))


def call_raw(*sent: bytes, pause_seconds: float = 0.0) -> Reply | NoReply:
    """The reply to a call that is answered with exactly these bytes, one after the other."""

    def answer(connection: socket.socket) -> None:
        for piece in sent:
            connection.sendall(piece)
            time.sleep(pause_seconds)

    with answering(answer) as base_url:
        return client(base_url).remove_background(CALL, ApiKey("k"))


def test_a_good_call_is_delivered_and_paid_once(stand_in: StandIn) -> None:
    stand_in.forget_calls()
    decision = classify(call(stand_in), EXPECTED)
    assert isinstance(decision, Delivered)
    assert decision.request_id
    assert stand_in.summary()["paid_calls"] == 1


def kind(decision: Decision) -> str:
    names = {Delivered: "delivered", RetryLater: "retry", LockedOut: "wait", Pause: "pause"}
    return names.get(type(decision), "rejected")


SLOW = {"slow_answer", "slow_drip", "endless_drip", "silence_before_payment", "silence_after_payment"}


@pytest.mark.parametrize(
    ("stand_in", "fault"),
    [(name, row) for row in FAULTS.values() if row.name not in SLOW for name in row.profiles],
    ids=lambda part: getattr(part, "name", part),
    indirect=["stand_in"],
)
def test_every_fault_of_the_stand_in_is_concluded_as_its_table_says(stand_in: StandIn, fault: Fault) -> None:
    key = f"key-for-{fault.name}"  # a lock-out of one must not be the next one's
    stand_in.set_credits(key, None)
    stand_in.fault(fault.name)
    decision = classify(call(stand_in, key), EXPECTED)
    stand_in.clear_faults()
    assert kind(decision) == fault.expected
    assert getattr(decision, "possibly_paid", False) is fault.possibly_paid
    assert getattr(decision, "then_pause", False) is fault.then_pause


@pytest.mark.parametrize("fault", ["endless_drip", "silence_after_payment"])
def test_an_answer_that_never_ends_is_left_at_the_deadline(stand_in: StandIn, fault: str) -> None:
    stand_in.fault(fault)
    started = time.monotonic()
    reply = call(stand_in, timeout_seconds=TIMEOUT_SECONDS)
    stand_in.clear_faults()
    assert isinstance(reply, NoReply)
    assert reply.request_was_sent
    assert time.monotonic() - started < longest_call_seconds(TIMEOUT_SECONDS)


def test_a_slow_answer_within_the_deadline_is_good(stand_in: StandIn) -> None:
    stand_in.fault("slow_drip", seconds=0.3)
    assert isinstance(classify(call(stand_in), EXPECTED), Delivered)


@pytest.mark.parametrize(("profile", "accept"), [("ezlink", "application/json"), ("stability", "image/*")])
def test_the_request_is_what_the_provider_asks_for(profile: Any, accept: str) -> None:
    received: list[Any] = []

    def look(response: Any, **_options: Any) -> None:
        received.append(response.request)

    with answering(lambda connection: connection.sendall(b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n")) as base_url:
        api = client(base_url + "/", profile)
        api._session.hooks["response"].append(look)
        api.remove_background(CALL, ApiKey("sk-1"))
    (request,) = received
    headers = request.headers
    assert request.method == "POST"
    assert request.url == base_url + PATH
    assert headers["authorization"] == "Bearer sk-1"
    assert headers["accept"] == accept
    assert headers["connection"] == "close"
    assert headers["content-type"].startswith("multipart/form-data; boundary=")
    assert len(headers["stability-client-id"]) <= 256


def test_every_call_has_a_connection_of_its_own(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that lay idle meanwhile could break under the next call, which may then have been charged."""
    connections: list[Any] = []

    def come(_request: socket.socket, address: Any) -> bool:
        connections.append(address)
        return True

    monkeypatch.setattr(stand_in._server, "verify_request", come)
    api = client(stand_in.base_url, provider_of(stand_in), timeout_seconds=5)
    for _ in range(2):
        assert isinstance(api.remove_background(CALL, ApiKey(stand_in.key)), Reply)
    assert len(connections) == 2


def test_a_server_that_is_not_there_got_no_request() -> None:
    reply = client(f"http://127.0.0.1:{unused_port()}").remove_background(CALL, ApiKey("k"))
    detail = "Failed to establish a new connection: [Errno 111] Connection refused"
    assert reply == NoReply(request_was_sent=False, was_connected=False, detail=detail)


def test_a_host_without_an_address_got_no_request() -> None:
    reply = client("http://no-such-host.invalid").remove_background(CALL, ApiKey("k"))
    assert isinstance(reply, NoReply)
    assert (reply.request_was_sent, reply.was_connected) == (False, False)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(_connection: socket.socket) -> None:
    """Closes by returning."""


@pytest.mark.parametrize("answer", [reset, hang_up])
def test_a_connection_that_breaks_after_the_request_may_have_been_charged(answer: Any) -> None:
    with answering(answer) as base_url:
        reply = client(base_url).remove_background(CALL, ApiKey("k"))
    assert isinstance(reply, NoReply)
    assert reply.request_was_sent


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-le"], id="in a header"),
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"], id="before the body"),
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfour"], id="in the body"),
        pytest.param([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfour\r\n"], id="between chunks"),
        pytest.param([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nfour"], id="in a chunk"),
        pytest.param([b"this is not HTTP\r\n\r\n"], id="no HTTP"),
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nfour"], id="no gzip"),
    ],
)
def test_an_answer_cut_off_anywhere_is_no_reply(sent: list[bytes]) -> None:
    reply = call_raw(*sent)
    if isinstance(reply, Reply):  # headers without a body: the body's length was never announced
        assert isinstance(classify(reply, EXPECTED), RetryLater)
    else:
        assert reply.request_was_sent
    assert getattr(classify(reply, EXPECTED), "possibly_paid", None) is True


def test_a_compressed_answer_in_small_pieces_is_read_to_its_end() -> None:
    body = gzip.compress(b"whole " * 200)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    reply = call_raw(head, body[:5], body[5:12], body[12:], pause_seconds=0.02)
    assert isinstance(reply, Reply)
    assert reply.body == b"whole " * 200


def test_an_answer_without_an_announced_length_ends_with_its_connection() -> None:
    reply = call_raw(b"HTTP/1.1 200 OK\r\nX-Request-Id: r\r\n\r\n", b"one", b"two", pause_seconds=0.02)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body, reply.headers["x-request-id"]) == (200, b"onetwo", "r")


def test_a_redirect_is_not_followed(stand_in: StandIn) -> None:
    stand_in.forget_calls()
    stand_in.fault("redirect")
    reply = call(stand_in)
    assert isinstance(reply, Reply)
    assert reply.status == 302
    assert len(stand_in.calls()) == 1


def test_an_oversized_answer_is_left_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "MOST_ANSWER_BYTES", 1_000)
    reply = call_raw(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 2_000)
    assert reply == NoReply(request_was_sent=True, detail="the answer is longer than 1,000 bytes")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), {})


def call_by_tls(certificates: Certificates, *, trusted: bool) -> Reply | NoReply:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    with answering_by_tls(context) as base_url:
        api = client(base_url)
        if trusted:
            api._session.verify = str(certificates.authority)
        return api.remove_background(CALL, ApiKey("k"))


def test_a_certificate_nobody_vouches_for_stops_the_call_before_the_request(certificates: Certificates) -> None:
    reply = call_by_tls(certificates, trusted=False)
    assert isinstance(reply, NoReply)
    assert not reply.request_was_sent


def test_tls_that_breaks_after_the_request_may_have_been_charged(certificates: Certificates) -> None:
    reply = call_by_tls(certificates, trusted=True)
    assert isinstance(reply, NoReply)
    assert reply.request_was_sent, reply.detail


@pytest.mark.slow
def test_a_server_that_takes_no_more_of_the_picture_cannot_have_charged_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection's time-out is for one slice of the form, not for the whole picture."""
    monkeypatch.setattr("dropcut.adapters.api.CONNECT_SECONDS", 0.3)
    large = ApiCall(picture=PICTURE + b"x" * 9_000_000, picture_format="jpeg", output_format="png")
    with answering(lambda _connection: time.sleep(2), reads_request=False) as base_url:
        reply = client(base_url, timeout_seconds=5).remove_background(large, ApiKey("k"))
    assert isinstance(reply, NoReply)
    assert not reply.request_was_sent


@pytest.mark.slow
def test_a_slow_line_has_half_a_minute_for_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dropcut.adapters.api.CONNECT_SECONDS", 0.3)
    large = ApiCall(picture=PICTURE + b"x" * 9_000_000, picture_format="jpeg", output_format="png")

    def reads_slowly(connection: socket.socket) -> None:
        received = b""
        while b"\r\n--" not in received[-200:]:
            received = received[-200:] + connection.recv(1 << 19)
            time.sleep(0.05)
        connection.sendall(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n")

    with answering(reads_slowly, reads_request=False) as base_url:
        reply = client(base_url, timeout_seconds=5).remove_background(large, ApiKey("k"))
    assert isinstance(reply, Reply), reply
    assert reply.status == 429
