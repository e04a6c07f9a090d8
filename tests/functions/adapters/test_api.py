"""The client against a real server: what the network can do to a call that costs money."""

import gzip
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from dropcut.adapters.api import ApiCall, Client, HttpApi
from dropcut.adapters.api_key import ApiKey
from dropcut.core.decision import (
    AccountProblem,
    Decision,
    Failure,
    GavePicture,
    LockedOut,
    NoReply,
    Reply,
    decide,
    possibly_paid,
)
from dropcut.core.operation import REMOVE_BACKGROUND
from dropcut.environment import longest_call_seconds

from local.certificate import Certificates, make_certificates
from stand_in.faults import FAULTS, Fault
from stand_in.stand_in import StandIn
from tests.functions.adapters.raw_server import answering, answering_by_tls, unused_port
from tests.functions.pictures import picture

PICTURE = picture("jpeg")
CALL = ApiCall(REMOVE_BACKGROUND, PICTURE, "jpeg", "shop/a.jpg")
LARGE = replace(CALL, picture=PICTURE + b"x" * 9_000_000)
EXPECTED = REMOVE_BACKGROUND.expected(width=80, height=64)
TIMEOUT_SECONDS = 0.4
DROPCUT = Client()


@pytest.fixture(scope="module", params=["ezlink", "stability"])
def stand_in(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with StandIn(profile=request.param) as server:
        yield server


def api_at(
    base_url: str, provider: str = "ezlink", timeout_seconds: float = TIMEOUT_SECONDS, client: Client = DROPCUT
) -> HttpApi:
    """With the time-outs of a test; a call needs milliseconds here."""
    return HttpApi(base_url=base_url, provider=provider, timeout_seconds=timeout_seconds, threads=2, client=client)


def provider_of(stand_in: StandIn) -> str:
    return str(stand_in.service.profile.name)


def call(stand_in: StandIn, key: str = "", timeout_seconds: float = 5.0) -> Reply | NoReply:
    api = api_at(stand_in.base_url, provider_of(stand_in), timeout_seconds)
    return api.call(CALL, ApiKey(key or stand_in.key))


def call_raw(*sent: bytes, pause_seconds: float = 0.0, sending: ApiCall = CALL) -> Reply | NoReply:
    """The reply to a call that is answered with exactly these bytes, one after the other."""

    def answer(connection: socket.socket) -> None:
        for piece in sent:
            connection.sendall(piece)
            time.sleep(pause_seconds)

    with answering(answer) as base_url:
        return api_at(base_url).call(sending, ApiKey("k"))


def test_a_good_call_is_delivered_and_paid_once(stand_in: StandIn) -> None:
    stand_in.forget_calls()
    decision = decide(call(stand_in), EXPECTED)
    assert isinstance(decision, GavePicture)
    assert decision.request_id
    assert stand_in.summary()["paid_calls"] == 1


def kind(decision: Decision) -> str:
    names = {GavePicture: "delivered", Failure: "retry", LockedOut: "wait", AccountProblem: "pause"}
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
    decision = decide(call(stand_in, key), EXPECTED)
    stand_in.clear_faults()
    assert kind(decision) == fault.expected
    assert possibly_paid(decision) is fault.possibly_paid
    assert getattr(decision, "suspects_account", False) is fault.then_pause


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
    assert isinstance(decide(call(stand_in), EXPECTED), GavePicture)


@pytest.mark.parametrize(("profile", "accept"), [("ezlink", "application/json"), ("stability", "image/*")])
def test_the_request_is_what_the_provider_asks_for(profile: Any, accept: str) -> None:
    received: list[Any] = []

    def look(response: Any, **_options: Any) -> None:
        received.append(response.request)

    with answering(lambda connection: connection.sendall(b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n")) as base_url:
        api = api_at(base_url + "/", profile)
        api._session.hooks["response"].append(look)
        api.call(CALL, ApiKey("sk-1"))
    (request,) = received
    headers = request.headers
    assert request.method == "POST"
    assert request.url == base_url + "/v2beta/stable-image/edit/remove-background"
    assert headers["authorization"] == "Bearer sk-1"
    assert headers["accept"] == accept
    assert headers["connection"] == "close"
    assert headers["content-type"].startswith("multipart/form-data; boundary=")
    assert headers["stability-client-id"] == "dropcut"


@pytest.mark.parametrize(
    ("client", "sent"),
    [
        (Client(), {"id": "dropcut"}),
        (Client(id="", version=""), {}),
        (Client(id="shop", version="1.2.3"), {"id": "shop", "version": "1.2.3"}),
        (Client(id="i" * 300, version="v" * 256), {"id": "i" * 256, "version": "v" * 256}),
    ],
)
def test_we_introduce_ourselves_as_the_settings_say_in_256_characters(client: Client, sent: dict[str, str]) -> None:
    assert client.headers("shop/a.jpg") == {f"stability-client-{name}": value for name, value in sent.items()}


def user_of(photo_key: str) -> str:
    return Client(user_id="folder").headers(photo_key)["stability-client-user-id"]


def test_customers_are_distinguished_by_a_hash_of_the_top_folder() -> None:
    keys = ["anna/a.jpg", "anna/summer/b.jpg", "bert/a.jpg", "a.jpg", "b.jpg", "/a.jpg", "ü/a.jpg", "\udce4/a.jpg"]
    names = [user_of(key) for key in keys]
    assert names[0] == names[1]
    assert names[3] == names[4] == names[5], "photos without a folder are one customer's"
    assert len(set(names)) == 5
    assert not any("anna" in name or len(name) > 256 for name in names)


def test_by_default_nothing_is_said_about_the_photos_owner() -> None:
    assert "stability-client-user-id" not in Client().headers("anna/a.jpg")


def test_what_names_the_client_is_sent_with_the_call() -> None:
    received: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n")

    with answering(answer) as base_url:
        api = api_at(base_url, client=Client(version="1.2.3", user_id="folder"))
        api._session.hooks["response"].append(lambda response, **_: received.append(response.request.headers))
        api.call(CALL, ApiKey("k"))
    (headers,) = received
    assert headers.items() >= Client(version="1.2.3", user_id="folder").headers(CALL.photo_key).items()


def test_another_operation_is_called_at_its_own_path_with_its_own_fields() -> None:
    upscale = replace(REMOVE_BACKGROUND, name="upscale", path="/v2beta/upscale", fields={"creativity": "0.3"})
    received = bytearray()

    def answer(connection: socket.socket) -> None:
        while b"--\r\n" not in received:
            received.extend(connection.recv(1 << 16))
        connection.sendall(b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n")

    with answering(answer, reads_request=False) as base_url:
        api_at(base_url).call(replace(CALL, operation=upscale), ApiKey("k"))
    assert received.startswith(b"POST /v2beta/upscale HTTP/1.1\r\n")
    assert b'name="creativity"\r\n\r\n0.3\r\n' in received
    assert b"output_format" not in received


def test_every_call_has_a_connection_of_its_own(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that lay idle meanwhile could break under the next call, which may then have been charged."""
    connections: list[Any] = []

    def come(_request: socket.socket, address: Any) -> bool:
        connections.append(address)
        return True

    monkeypatch.setattr(stand_in._server, "verify_request", come)
    api = api_at(stand_in.base_url, provider_of(stand_in), timeout_seconds=5)
    for _ in range(2):
        assert isinstance(api.call(CALL, ApiKey(stand_in.key)), Reply)
    assert len(connections) == 2


def test_a_server_that_is_not_there_got_no_request() -> None:
    reply = api_at(f"http://127.0.0.1:{unused_port()}").call(CALL, ApiKey("k"))
    detail = "Failed to establish a new connection: [Errno 111] Connection refused"
    assert reply == NoReply(request_was_sent=False, was_connected=False, detail=detail)


def test_a_host_without_an_address_got_no_request() -> None:
    reply = api_at("http://no-such-host.invalid").call(CALL, ApiKey("k"))
    assert isinstance(reply, NoReply)
    assert (reply.request_was_sent, reply.was_connected) == (False, False)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(_connection: socket.socket) -> None:
    """Closes by returning."""


@pytest.mark.parametrize("answer", [reset, hang_up])
def test_a_connection_that_breaks_after_the_request_may_have_been_charged(answer: Any) -> None:
    with answering(answer) as base_url:
        reply = api_at(base_url).call(CALL, ApiKey("k"))
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
        assert isinstance(decide(reply, EXPECTED), Failure)
    else:
        assert reply.request_was_sent
    assert getattr(decide(reply, EXPECTED), "possibly_paid", None) is True


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


def test_an_oversized_answer_is_left_unread() -> None:
    modest = replace(CALL, operation=replace(REMOVE_BACKGROUND, longest_body_bytes=1_000))
    reply = call_raw(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 2_000, sending=modest)
    assert reply == NoReply(request_was_sent=True, detail="the answer is longer than 1,000 bytes")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), {})


def call_by_tls(certificates: Certificates, *, trusted: bool) -> Reply | NoReply:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    with answering_by_tls(context) as base_url:
        api = api_at(base_url)
        if trusted:
            api._session.verify = str(certificates.authority)
        return api.call(CALL, ApiKey("k"))


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
    with answering(lambda _connection: time.sleep(2), reads_request=False) as base_url:
        reply = api_at(base_url, timeout_seconds=5).call(LARGE, ApiKey("k"))
    assert isinstance(reply, NoReply)
    assert not reply.request_was_sent


@pytest.mark.slow
def test_a_slow_line_has_half_a_minute_for_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dropcut.adapters.api.CONNECT_SECONDS", 0.3)

    def reads_slowly(connection: socket.socket) -> None:
        received = b""
        while b"\r\n--" not in received[-200:]:
            received = received[-200:] + connection.recv(1 << 19)
            time.sleep(0.05)
        connection.sendall(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n")

    with answering(reads_slowly, reads_request=False) as base_url:
        reply = api_at(base_url, timeout_seconds=5).call(LARGE, ApiKey("k"))
    assert isinstance(reply, Reply), reply
    assert reply.status == 429
