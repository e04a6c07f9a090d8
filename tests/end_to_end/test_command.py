"""The operator's command as a process of its own, on the deployed system: `dropcut ... --local`."""

import json
import signal
import subprocess
from typing import Any

from tests.end_to_end.clone import SECONDS, Clone
from tests.end_to_end.dropcut_in_use import DropcutInUse, until
from tests.end_to_end.photos import photo


def parsed(ran: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_a_photo_is_put_waited_for_fetched_looked_at_and_forgotten(dropcut: DropcutInUse, clone: Clone) -> None:
    prefix = dropcut.unused("")
    key = f"{prefix}deep/ä.png"
    (clone.folder / "photos" / "deep").mkdir(parents=True)
    (clone.folder / "photos" / "deep" / "ä.png").write_bytes(photo())
    (clone.folder / "photos" / "notes.txt").write_text("no photo")

    put = clone.run("put", "photos", "--to", prefix, "--fetch", "out", "--json")
    assert put.returncode == 0, put.stderr
    assert [(line["key"], line["state"]) for line in parsed(put)] == [(key, "delivered")]
    assert (clone.folder / "out" / key).is_file()
    assert "notes.txt" in put.stderr
    assert clone.run("put", "photos", "--to", prefix).returncode == 9

    (status,) = parsed(clone.run("status", key, "--json"))
    assert (status["state"], status["outputs"], status["attempts"], status["credits"]) == ("delivered", [key], 1, 2)
    assert clone.run("status", str(status["job_id"]), "--json").stdout == json.dumps(status) + "\n"
    stages = [line["stage"] for line in parsed(clone.run("logs", key, "--json"))]
    assert stages == sorted(stages, key=["prepare", "cut", "deliver"].index)
    assert set(stages) == {"prepare", "cut", "deliver"}
    assert parsed(clone.run("estimate", prefix, "--json"))[0]["done"] == 1

    assert clone.run("remake", "--prefix", prefix, "--send").returncode == 0
    again = dropcut.outcome(key, number=2)
    assert (again.kind, again.detail["remade"]) == ("delivered", True)
    assert clone.run("forget", key, "--yes", "--photo").returncode == 0
    assert dropcut.record(key) == {}
    assert clone.run("status", key).returncode == 1


def test_what_the_api_rejected_goes_through_again(dropcut: DropcutInUse, clone: Clone) -> None:
    picture = photo()
    dropcut.fault("content_moderation", picture, times=1)
    key = dropcut.drop(picture, dropcut.unused("a.png"))
    assert dropcut.outcome(key).kind == "rejected"
    dropcut.ended_record(key)
    found = parsed(clone.run("failures", key, "--rejected", "--json"))
    assert [(group["code"], group["count"], group["example"]) for group in found] == [("content_moderation", 1, key)]
    assert clone.run("redrive", key, "--rejected", "--send").returncode == 0
    assert dropcut.outcome(key, number=2).kind == "delivered"


def test_a_pause_by_hand_holds_photos_until_it_is_resumed(dropcut: DropcutInUse, clone: Clone) -> None:
    assert clone.run("pause", "--reason", "The shop moves.").returncode == 0
    assert clone.run("status").returncode == 8
    dropcut.look_at_gate()
    dropcut.look_at_gate()
    assert not dropcut.takes_messages()
    (clone.folder / "a.png").write_bytes(photo())
    prefix = dropcut.unused("")
    put = clone.run("put", "a.png", "--to", prefix, "--wait")
    assert put.returncode == 8
    assert "(paused_by_hand): The shop moves." in put.stderr
    assert clone.run("resume").returncode == 0
    dropcut.look_at_gate()
    assert dropcut.outcome(f"{prefix}a.png").kind == "delivered"
    kinds = until(lambda: [change for change in dropcut.spending_changes() if not change.paused], "a resumed event")
    assert kinds[-1].reason.startswith("An operator resumed")


def test_watching_shows_ends_and_leaves_nothing_behind(dropcut: DropcutInUse, clone: Clone) -> None:
    with clone.start("watch", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "Ctrl-C ends it" in process.stderr.readline()
        rules = dropcut.client("events")
        until(lambda: [rule for rule in rules.list_rules()["Rules"] if "-watch-" in rule["Name"]], "a rule")
        until(lambda: rules.list_targets_by_rule(Rule=watching(dropcut)[0])["Targets"], "its target")
        key = dropcut.drop(photo(), dropcut.unused("a.png"))
        event = json.loads(process.stdout.readline())
        assert (event["detail-type"], event["detail"]["key"]) == ("Cutout Delivered", key)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=SECONDS) == 130
    assert watching(dropcut) == []
    assert "-watch-" not in json.dumps(dropcut.client("sqs").list_queues().get("QueueUrls", []))


def watching(dropcut: DropcutInUse) -> list[str]:
    """Names of the rules that `dropcut watch` has made."""
    rules = dropcut.client("events").list_rules()["Rules"]
    return [rule["Name"] for rule in rules if "-watch-" in rule["Name"]]


def test_the_doctor_finds_what_was_turned_off(dropcut: DropcutInUse, clone: Clone) -> None:
    def wrong() -> set[str]:
        ran = clone.run("doctor", "--json")
        found = {line["check"] for line in parsed(ran) if not line["ok"]}
        assert ran.returncode == bool(found)
        return found - {"dead letters", "photos without an end"}  # what other tests leave

    assert wrong() == {"alarms"}  # nobody subscribed to the topic
    s3, bucket = dropcut.client("s3"), dropcut.input_bucket
    before = {
        name: value
        for name, value in s3.get_bucket_notification_configuration(Bucket=bucket).items()
        if name != "ResponseMetadata"
    }
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    secret = dropcut.outputs["ApiKeySecretName"]
    dropcut.put_key('{"other": 1}')
    events = dropcut.client("events")
    (held_rule,) = (rule["Name"] for rule in events.list_rules()["Rules"] if "HeldRule" in rule["Name"])
    events.disable_rule(Name=held_rule)
    try:
        assert wrong() == {"alarms", "bucket's events", "API key", "resources"}
    finally:
        events.enable_rule(Name=held_rule)
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=before)
        assert clone.run("set-key", typed=f"{dropcut.api.key}\n").returncode == 0
    assert dropcut.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"] == dropcut.api.key
