"""Decisions, estimates, pauses, the key, logs and alarms: each verb says and does what its help promises."""

import io
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.held_records import HeldRecords
from dropcut.adapters.job_records import JobRecords
from dropcut.core.api_key_text import fingerprint
from dropcut.core.gate import Gate
from dropcut.core.messages import Ended, OutcomeMessage, PaidAnswer, Remake, Upload, read_announcement
from dropcut.core.quality import Quality
from dropcut.core.review import Held, read_review

from dropcut_cli import deploy, key
from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError
from tests.cli.conftest import ALARMS, SETTINGS, Dropcut, Paged, bodies
from tests.functions.cloud import INPUT, OUTPUT, SECRET

NOW = 1_722_081_600.0
ANSWER = PaidAnswer(
    work_key="paid/x.png", picture_sha256="x", format="png", width=1, height=1, credits=2, request_id=None, provider="p"
)
GOOD_KEY = "sk-good"


def photo(deployment: Deployment, name: str, state: str) -> Upload:
    """A photo that lies in the input bucket, and its record."""
    deployment.client("s3").put_object(Bucket=INPUT, Key=name, Body=b"photo")
    upload = Upload(bucket=INPUT, key=name, sequencer="01")
    jobs, outcome = JobRecords(table=deployment.table), OutcomeMessage(upload=upload, outcome=ANSWER)
    jobs.begin(upload, now=NOW)
    if state == "delivered":
        jobs.delivered(outcome, output_keys=["a.png"], now=NOW)
    elif state == "held":
        held = Held(outcome=outcome, files=[], renditions="[]", note="", quality=Quality(score=0.1, doubts=()))
        HeldRecords(table=deployment.table).hold(held, now=NOW)
    elif state == "rejected":
        jobs.ended(upload, Ended(kind="rejected", code="c", reason="r"), now=NOW)
    return upload


# Renditions anew, and decisions.


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (["shop/a.jpg"], ["shop/a.jpg"]),
        (["--prefix", "shop/"], ["shop/a.jpg", "shop/b.jpg"]),
        (["--all"], ["c.jpg", "shop/a.jpg", "shop/b.jpg"]),
        (["--prefix", "none/"], []),
    ],
)
def test_renditions_are_made_anew_of_what_was_named_and_delivered(
    deployment: Deployment, dropcut: Dropcut, arguments: list[str], keys: list[str]
) -> None:
    for name in ("shop/a.jpg", "shop/b.jpg", "c.jpg"):
        photo(deployment, name, "delivered")
    photo(deployment, "shop/rejected.jpg", "rejected")
    shown = dropcut("remake", *arguments, "--json")
    assert sorted(json.loads(line)["key"] for line in shown.out.splitlines()) == keys
    assert bodies(deployment, "Deliver") == []
    assert dropcut("remake", *arguments, "--send").exit_code == (0 if keys else 9)
    assert {read_announcement(body) for body in bodies(deployment, "Deliver")} == {
        Remake(bucket=INPUT, key=name) for name in keys
    }


@pytest.mark.parametrize("arguments", [[], ["a.jpg", "--all"], ["--prefix", "a", "--all"]])
def test_which_photos_are_remade_has_to_be_clear(dropcut: Dropcut, arguments: list[str]) -> None:
    assert dropcut("remake", "--send", *arguments).exit_code == 2


@pytest.mark.parametrize("decision", ["accept", "reject", "replace"])
def test_a_decision_is_about_the_upload_that_is_held(
    deployment: Deployment, dropcut: Dropcut, decision: str, tmp_path: Path
) -> None:
    upload = photo(deployment, "a.jpg", "held")
    mine = tmp_path / "Mine.PNG"
    mine.write_bytes(b"my own")
    more = [str(mine)] if decision == "replace" else []
    assert dropcut(decision, "a.jpg", *more).exit_code == 0
    review = read_review(bodies(deployment, "Deliver")[0])
    picture = f"held/replaced/{upload.job_id}.png" if more else None
    assert vars(review) == {
        "bucket": INPUT,
        "key": "a.jpg",
        "decision": decision,
        "job_id": upload.job_id,
        "picture": picture,
    }
    if picture:
        found = deployment.client("s3").get_object(Bucket=OUTPUT, Key=picture)
        assert found["Body"].read() == b"my own"


@pytest.mark.parametrize("arguments", [["accept", "a.jpg"], ["reject", "a.jpg"], ["replace", "a.jpg", __file__]])
def test_what_is_not_held_is_not_decided_on(deployment: Deployment, dropcut: Dropcut, arguments: list[str]) -> None:
    photo(deployment, "a.jpg", "delivered")
    ran = dropcut(*arguments)
    assert (ran.exit_code, ran.out) == (1, "")
    assert "The photo 'a.jpg' is delivered, not held: nothing was sent." in ran.err
    assert bodies(deployment, "Deliver") == []
    assert "Contents" not in deployment.client("s3").list_objects_v2(Bucket=OUTPUT)


# Estimates.


def test_a_prefix_is_estimated_by_names_and_records(deployment: Deployment, dropcut: Dropcut) -> None:
    photo(deployment, "shop/a.jpg", "delivered")
    photo(deployment, "shop/b.JPG", "rejected")
    photo(deployment, "other.jpg", "rejected")
    for name in ("shop/c.png", "shop/notes.txt", "shop/folder/"):
        deployment.client("s3").put_object(Bucket=INPUT, Key=name, Body=b"x")
    found = json.loads(dropcut("estimate", "shop/", "--json").out)
    assert [found[name] for name in ("photos", "done", "to_do", "refused")] == [3, 1, 2, 1]
    assert (found["credits"], found["dollars"]) == (4, 0.04)
    assert json.loads(dropcut("estimate", "shop/", "--dollars-per-credit", "0.5", "--json").out)["dollars"] == 2


def test_a_folder_is_estimated_by_its_files(deployment: Deployment, dropcut: Dropcut, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "b.jpg").write_text("no photo")
    assert "1 photos, 0 of them done; 1 other files" in dropcut("estimate", str(tmp_path)).out


# The gate.


def test_a_pause_by_hand_shows_its_reason_until_it_is_resumed(deployment: Deployment, dropcut: Dropcut) -> None:
    assert dropcut("resume").exit_code == 9
    assert dropcut("pause", "--reason", "The shop moves.").exit_code == 0
    assert "gate      by hand (paused_by_hand): The shop moves." in dropcut("status").out
    assert json.loads(dropcut("resume", "--json").out) == {"gate": "opening"}


def test_resuming_a_pause_that_trouble_caused_lets_one_call_be_tried(deployment: Deployment, dropcut: Dropcut) -> None:
    GateRecord(table=deployment.table).close(Gate(code="no_credits", reason="Buy some.", until=NOW * 2))
    assert json.loads(dropcut("resume", "--json").out) == {"gate": "due"}


# The key.


@pytest.fixture
def provider() -> Iterator[str]:
    """A provider's balance call, at its base URL."""

    class Balance(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = self.headers["authorization"]
            status = {f"Bearer {GOOD_KEY}": 200, "Bearer sk-moved": 302}.get(token, 401)
            self.send_response(status if self.path == "/v1/user/balance" else 404)
            self.send_header("location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(b'{"credits": 42.5}')

        def log_message(self, *_said: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Balance) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def type_key(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch, provider: str
) -> Callable[[str], Any]:
    monkeypatch.setitem(SETTINGS, "API_BASE_URL", provider)

    def run(typed: str) -> Any:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        return dropcut("set-key", "--json")

    return run


def test_a_key_is_tried_free_of_charge_and_never_shown(deployment: Deployment, type_key: Callable[[str], Any]) -> None:
    ran = type_key(f"  {GOOD_KEY}\n")
    assert json.loads(ran.out) == {"secret": SECRET, "key": fingerprint(GOOD_KEY), "balance": 42.5}
    assert GOOD_KEY not in ran.out + ran.err
    secrets = deployment.client("secretsmanager")
    assert secrets.get_secret_value(SecretId=SECRET)["SecretString"] == GOOD_KEY


@pytest.mark.parametrize(
    ("typed", "exit_code", "words"),
    [
        ("sk-wrong\n", 1, "stability refuses this key (HTTP 401)"),
        ("sk-moved\n", 5, "stability answered HTTP 302"),
        ("two words\n", 2, "That is no key"),
        ("", 2, "That is no key"),
    ],
)
def test_a_key_that_is_refused_is_not_put_away(
    deployment: Deployment, type_key: Callable[[str], Any], typed: str, exit_code: int, words: str
) -> None:
    ran = type_key(typed)
    assert (ran.exit_code, ran.out) == (exit_code, "")
    assert words in ran.err
    assert deployment.fingerprint == ""


def test_a_provider_without_a_balance_call_is_not_asked(
    type_key: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "PROVIDER", "ezlink")
    ran = type_key("any-key\n")
    assert json.loads(ran.out)["balance"] is None
    assert "It was not tried" in ran.err


def test_a_provider_that_does_not_answer_is_temporary() -> None:
    with pytest.raises(CommandError, match="Try again") as refusal:
        key.balance("http://127.0.0.1:1", "stability", GOOD_KEY)
    assert refusal.value.exit_code == 5


# Logs and alarms.


def test_the_lines_of_a_photo_come_from_all_stages_in_order(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = photo(deployment, "a.jpg", "delivered")
    began = time.time() - 60  # CloudWatch takes no older lines than of 14 days ago
    function = lambda _self, queue: {"LoggingConfig": {"LogGroup": queue}}  # noqa: E731
    monkeypatch.setattr(Deployment, "function", function)
    logs = deployment.client("logs")
    for seconds, queue, text in (
        (2, "Intake", "second"),
        (1, "Cut", "first"),
        (3, "Deliver", "third"),
        (4, "Notify", "last"),
    ):
        logs.create_log_group(logGroupName=queue)
        logs.create_log_stream(logGroupName=queue, logStreamName="s")
        line = {"level": "INFO", "message": text, "job_id": upload.job_id}
        events = [
            {"timestamp": int((began + seconds) * 1000), "message": json.dumps(line)},
            {"timestamp": int((began + seconds) * 1000), "message": "another photo's line"},
        ]
        logs.put_log_events(logGroupName=queue, logStreamName="s", logEvents=events)
    found = [json.loads(line) for line in dropcut("logs", "a.jpg", "--json").out.splitlines()]
    lines = [(line["stage"], line["text"]) for line in found]
    assert lines == [("cut", "first"), ("prepare", "second"), ("deliver", "third"), ("notify", "last")]
    assert dropcut("logs", "a.jpg", "--days", "0.0001").exit_code == 9


@pytest.mark.parametrize(("subscription", "exit_code"), [("arn:aws:sns:1", 0), ("PendingConfirmation", 1)])
def test_a_test_goes_the_way_of_an_alarm(
    deployment: Deployment, dropcut: Dropcut, subscription: str, exit_code: int
) -> None:
    def alarm(name: str, topic: str = ALARMS, state: str = "OK") -> Mapping[str, Any]:
        return {"AlarmName": name, "AlarmActions": [topic], "StateValue": state}

    alarms = [alarm("another's", "arn:other"), alarm("set already", state="ALARM"), alarm("ours")]
    cloudwatch = Paged(describe_alarms={"MetricAlarms": alarms})
    deployment._clients["cloudwatch"] = cloudwatch
    heard = {"Subscriptions": [{"SubscriptionArn": subscription}]}
    deployment._clients["sns"] = Paged(list_subscriptions_by_topic=heard)
    assert dropcut("test-alarm").exit_code == exit_code
    assert (cloudwatch["set"]["AlarmName"], cloudwatch["set"]["StateValue"]) == ("ours", "ALARM")


# What make does.


def test_deploy_and_destroy_run_make_s_own_code(dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, str, str]] = []

    class Process:
        returncode = 0

        def __init__(self, words: list[str], *, env: Mapping[str, str], **_more: Any) -> None:
            ran.append((words[-1], env["SETTINGS"], env.get("FORCE", "")))

    monkeypatch.setattr(deploy.subprocess, "run", Process)
    assert dropcut("deploy", "--settings", "stage=test").exit_code == 0
    assert dropcut("destroy").exit_code == 2  # there is nobody to ask
    assert dropcut("destroy", "--yes").exit_code == 0
    assert dropcut("destroy", "--yes", "--force").exit_code == 0
    assert ran == [("deploy", "stage=test", ""), ("destroy", "", ""), ("destroy", "", "yes")]
    Process.returncode = 1
    assert dropcut("deploy").exit_code == 1
