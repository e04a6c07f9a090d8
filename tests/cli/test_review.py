"""`dropcut review` without a browser: what it writes, carries out and refuses."""

import json
import socket
from pathlib import Path

import pytest
from dropcut.core.deliver_message import read_deliver_message
from PIL import Image

from dropcut_cli.deployment import Deployment
from tests.cli.conftest import Dropcut, bodies
from tests.cli.held_photos import encoded, hold, photo_and_cutout
from tests.functions.cloud import INPUT, OUTPUT

MY_OWN = encoded(Image.new("RGBA", (8, 8)))


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
    for each in folder.glob("*.*"):
        each.unlink()  # as a run leaves it that was stopped
    assert dropcut("review", str(folder)).exit_code == 0


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
    (tmp_path / "Mine.PNG").write_bytes(MY_OWN)
    ran = dropcut("review", "--apply", str(decisions), "--json")
    assert [json.loads(line)["key"] for line in ran.out.splitlines()] == ["a.jpg", "b.jpg", "c.jpg"]
    assert ran.exit_code == 1
    assert "A newer upload of 'newer.jpg' is held" in ran.err
    sent = {review.key: review for review in map(read_deliver_message, bodies(deployment, "Deliver"))}
    assert {key: review.decision for key, review in sent.items()} == {key: words[key] for key in sent}
    assert {key: review.job_id for key, review in sent.items()} == {key: uploads[key].job_id for key in sent}
    assert deployment.client("s3").get_object(Bucket=OUTPUT, Key=sent["c.jpg"].picture)["Body"].read() == MY_OWN


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
