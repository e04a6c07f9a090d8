"""The server of `dropcut review --serve`: it answers the browser that opened it first, and nobody else."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dropcut_cli import held as held_module
from dropcut_cli.deployment import Deployment
from dropcut_cli.held import held_photos
from dropcut_cli.review_server import ReviewServer
from tests.cli.held_photos import hold, photo_and_cutout
from tests.functions.cloud import INPUT

Answer = tuple[int, Mapping[str, str], bytes]


@pytest.fixture
def server(deployment: Deployment, tmp_path: Path) -> Iterator[ReviewServer]:
    hold(deployment, "a.jpg", pictures=photo_and_cutout())
    hold(deployment, "gone.jpg", score=0.3)
    with ReviewServer(
        held_photos(deployment), port=0, folder=tmp_path, most_mib=1, on_sent=lambda _sent: None
    ) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def asked(server: ReviewServer, line: str, body: bytes = b"", **headers: str) -> Answer:
    """The answer to a request, such as `GET /`."""
    method, path = line.split()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, dict(answer.headers), content


def session(server: ReviewServer) -> dict[str, str]:
    """The headers of a browser that has opened the address."""
    status, _headers, secret = asked(server, "POST /session", server.address.partition("#")[2].encode())
    assert status == 200
    return {"Authorization": secret.decode()}


def test_nobody_else_is_shown_anything(server: ReviewServer) -> None:
    lines = ("GET /entries", "GET /pictures/0/after", "POST /decisions", "PUT /own/0", "GET /x", "GET /../held.py")
    strangers: list[dict[str, str]] = [{}, {"Authorization": "guessed"}, {"Host": "evil.example"}]
    for line in lines:
        for headers in strangers:
            status, _headers, content = asked(server, line, b"[]", **headers)
            assert (status, list(json.loads(content))) == (403, ["error"]), line


def test_another_sites_name_that_leads_here_is_refused(server: ReviewServer) -> None:
    mine = session(server)
    for host in ("evil.example", f"evil.example:{server.server_port}", "127.0.0.1"):
        assert asked(server, "GET /", Host=host)[0] == 403
        assert asked(server, "GET /entries", Host=host, **mine)[0] == 403
    assert asked(server, "GET /entries", Host=f"localhost:{server.server_port}", **mine)[0] == 200


def test_the_address_works_once(server: ReviewServer) -> None:
    token = server.address.partition("#")[2].encode()
    assert asked(server, "POST /session", b"guessed")[0] == 403
    assert asked(server, "POST /session", token)[0] == 200
    assert asked(server, "POST /session", token)[0] == 403


def test_no_answer_is_kept_by_others_or_shown_in_a_frame(server: ReviewServer) -> None:
    mine = session(server)
    for line in ("GET /", "GET /review.js", "GET /entries", "GET /pictures/0/before", "GET /pictures/1/before"):
        _status, headers, _content = asked(server, line, **mine)
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_a_picture_that_is_gone_is_said(server: ReviewServer) -> None:
    status, _headers, content = asked(server, "GET /pictures/1/after", **session(server))
    assert (status, "The cut-out is gone" in json.loads(content)["error"]) == (404, True)


def test_a_photo_that_was_replaced_meanwhile_is_not_shown_as_what_was_cut_out(
    deployment: Deployment, server: ReviewServer
) -> None:
    deployment.client("s3").put_object(Bucket=INPUT, Key="a.jpg", Body=b"another")
    assert asked(server, "GET /pictures/0/before", **session(server))[0] == 404


def test_an_own_picture_that_is_too_large_is_refused_before_it_is_read(server: ReviewServer) -> None:
    mine = session(server)
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request("PUT", "/own/0", headers={**mine, "Content-Length": str(2 * 1024 * 1024)})
    answer = connection.getresponse()
    said = {"error": "The file has more than 1 MiB (`max_photo_mib`)."}
    assert (answer.status, json.loads(answer.read())) == (413, said)
    connection.close()


def test_a_missing_permission_is_said_with_its_name(server: ReviewServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    def denied(*_arguments: Any, **_named: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "GetObject")

    monkeypatch.setattr(held_module.HeldPhoto, "picture", denied)
    monkeypatch.setattr(held_module.HeldPhoto, "decide", denied)
    mine = session(server)
    said = "You lack the permission for GetObject: not you. Ask for it."
    assert json.loads(asked(server, "GET /pictures/0/after", **mine)[2]) == {"error": said}
    body = json.dumps([{"number": 0, "decision": "accept"}]).encode()
    assert json.loads(asked(server, "POST /decisions", body, **mine)[2]) == [{"number": 0, "error": said}]


def test_a_browser_that_goes_away_in_the_middle_says_nothing(
    server: ReviewServer, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = session(server)["Authorization"]
    for _time in range(5):
        with socket.create_connection(("127.0.0.1", server.server_port)) as browser:
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            host = f"Host: 127.0.0.1:{server.server_port}"
            browser.sendall(f"GET /pictures/0/after HTTP/1.1\r\n{host}\r\nAuthorization: {secret}\r\n\r\n".encode())
    assert asked(server, "GET /entries", Authorization=secret)[0] == 200
    assert capsys.readouterr().err == ""


def test_a_body_that_says_no_length_is_not_read_without_end(server: ReviewServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.request("POST", "/session", headers={"Content-Length": "-1"})
    assert connection.getresponse().status == 413
    connection.close()
