"""`dropcut review` without a browser: what it lists, writes, serves, sends and refuses."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from dropcut.adapters.held_records import HeldRecords
from dropcut.core.review import read_review

from dropcut_cli import held as held_module
from dropcut_cli import uploads
from dropcut_cli.deployment import Deployment
from dropcut_cli.held import held_photos
from dropcut_cli.review_server import ReviewServer
from tests.cli.conftest import Dropcut, bodies
from tests.cli.held_photos import NOW, hold, photo_and_cutout
from tests.functions.cloud import INPUT, OUTPUT, WORK

Answer = tuple[int, Mapping[str, str], bytes]


def keys(deployment: Deployment) -> list[str]:
    return [each.fields["key"] for each in held_photos(deployment)]


# What is listed.


def test_the_worst_come_first_and_those_that_were_decided_on_lately_not_at_all(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, score in (("b.jpg", 0.2), ("a.jpg", 0.4), ("c.jpg", 0.001), ("decided.jpg", 0.3)):
        upload = hold(deployment, key, score=score)
    assert HeldRecords(table=deployment.table).decide(upload, "accept", now=NOW)
    monkeypatch.setattr(held_module.time, "time", lambda: NOW + 3600)
    assert keys(deployment) == ["c.jpg", "b.jpg", "a.jpg"]
    monkeypatch.setattr(held_module.time, "time", lambda: NOW + 2 * 86_400)
    assert keys(deployment) == ["c.jpg", "b.jpg", "decided.jpg", "a.jpg"]


def test_more_are_found_than_one_question_to_the_table_may_name(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "RECORDS_AT_ONCE", 2)
    names = [f"{number}.jpg" for number in range(5)]
    for number, key in enumerate(names):
        hold(deployment, key, score=number / 1000)
    assert keys(deployment) == names


@pytest.mark.parametrize(
    ("renditions", "shown"),
    [
        ({"amazon_main": "held/a.jpg", "full": "held/full.png"}, "held/full.png"),
        ({"preview": "held/a.jpg", "mask": "held/b.png", "web": "held/web.png"}, "held/web.png"),
        ({"amazon_main": "held/a.jpg"}, "held/a.jpg"),
    ],
)
def test_the_rendition_that_shows_most_is_shown(
    deployment: Deployment, renditions: Mapping[str, str], shown: str
) -> None:
    hold(deployment, "a.jpg", renditions=renditions)
    deployment.client("s3").put_object(Bucket=OUTPUT, Key=shown, Body=b"this one")
    assert held_photos(deployment)[0].picture("after") == b"this one"


def test_of_a_photo_that_browsers_do_not_show_what_was_sent_to_the_api_is_shown(deployment: Deployment) -> None:
    hold(deployment, "a.heic", pictures=(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"cut-out"))
    deployment.client("s3").put_object(Bucket=WORK, Key="prepared/x.jpeg", Body=b"sent")
    assert held_photos(deployment)[0].picture("before") == b"sent"


# The command line.


def test_nothing_held_is_nothing_to_do(dropcut: Dropcut, tmp_path: Path) -> None:
    ran = dropcut("review", str(tmp_path / "page"))
    assert (ran.exit_code, ran.out) == (9, "")
    assert "waits for a decision" in ran.err
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize("arguments", [[], ["page", "--serve"], ["page", "--port", "8000"], ["--apply", "none.jsonl"]])
def test_a_command_line_that_is_not_clear_is_refused(dropcut: Dropcut, arguments: list[str]) -> None:
    ran = dropcut("review", *arguments)
    assert (ran.exit_code, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_a_port_that_is_taken_is_said_in_a_sentence(deployment: Deployment, dropcut: Dropcut) -> None:
    hold(deployment, "a.jpg")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = dropcut("review", "--serve", "--port", str(port))
    assert (ran.exit_code, ran.out) == (1, "")
    assert ran.err == f"Port {port} cannot be used (Address already in use): leave out --port.\n"


def test_a_page_is_written_once_with_what_is_gone_said(
    deployment: Deployment, dropcut: Dropcut, tmp_path: Path
) -> None:
    hold(deployment, "a.jpg", pictures=photo_and_cutout())
    hold(deployment, "gone </script>.jpg", score=0.3)
    folder = tmp_path / "page"
    written = dropcut("review", str(folder), "--json")
    assert (written.exit_code, json.loads(written.out)) == (0, {"page": str(folder / "index.html"), "photos": 2})
    names = ["entries.js", "index.html", "pictures", "review.css", "review.js", "review_pictures.js"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder.stat().st_mode & 0o777) == 0o700
    assert "The photo is gone" in (folder / "pictures" / "1-before.js").read_text()
    assert len((folder / "pictures" / "0-after.js").read_text()) > 1000
    again = dropcut("review", str(folder))
    assert (again.exit_code, again.err) == (2, f"{folder} is not empty. Name a new folder.\n")


def test_decisions_that_a_page_saved_are_carried_out_on_what_was_looked_at(
    deployment: Deployment, dropcut: Dropcut, tmp_path: Path
) -> None:
    uploads = {key: hold(deployment, key) for key in ("a.jpg", "b.jpg", "c.jpg", "newer.jpg")}
    hold(deployment, "newer.jpg", sequencer="02")
    words = {"a.jpg": "accept", "b.jpg": "reject", "c.jpg": "replace", "newer.jpg": "accept"}
    lines = [
        {"bucket": INPUT, "key": key, "job_id": uploads[key].job_id, "decision": word}
        | ({"file": "Mine.PNG"} if word == "replace" else {})
        for key, word in words.items()
    ]
    decisions = tmp_path / "decisions.jsonl"
    decisions.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (tmp_path / "Mine.PNG").write_bytes(b"my own")
    ran = dropcut("review", "--apply", str(decisions), "--json")
    assert [json.loads(line)["key"] for line in ran.out.splitlines()] == ["a.jpg", "b.jpg", "c.jpg"]
    assert ran.exit_code == 1
    assert "A newer upload of 'newer.jpg' is held" in ran.err
    sent = {review.key: review for review in map(read_review, bodies(deployment, "Deliver"))}
    assert {key: review.decision for key, review in sent.items()} == {key: words[key] for key in sent}
    assert {key: review.job_id for key, review in sent.items()} == {key: uploads[key].job_id for key in sent}
    assert deployment.client("s3").get_object(Bucket=OUTPUT, Key=sent["c.jpg"].picture)["Body"].read() == b"my own"


@pytest.mark.parametrize(
    "said",
    [
        ("no JSON", 2, "is no file that the page saved"),
        ('{"key": "a.jpg"}', 2, "is no file that the page saved: 'bucket'"),
        (f'{{"bucket": "{INPUT}", "key": "a.jpg", "job_id": "", "decision": "eat"}}', 2, "the decision is 'eat'"),
        (f'{{"bucket": "{INPUT}", "key": "a.jpg", "job_id": "", "decision": "replace"}}', 2, "picture belongs to"),
        ("", 9, "0 decisions sent"),
        ('{"bucket": "photos", "key": "a.jpg", "job_id": "j", "decision": "accept"}', 1, "No photo 'a.jpg'"),
    ],
)
def test_a_file_that_holds_no_decision_sends_none(
    deployment: Deployment, dropcut: Dropcut, tmp_path: Path, said: tuple[str, int, str]
) -> None:
    text, exit_code, words = said
    hold(deployment, "a.jpg")
    (tmp_path / "decisions.jsonl").write_text(text)
    ran = dropcut("review", "--apply", str(tmp_path / "decisions.jsonl"))
    assert (ran.exit_code, ran.out, words in ran.err) == (exit_code, "", True), ran.err
    assert bodies(deployment, "Deliver") == []


# The server.


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
