"""docs/runbook.md, walked: every command runs against the trouble of its section, and ends it; alarms arrive."""

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from dropcut.adapters.photo_lists import part_key
from dropcut.core.backfill import Backfill
from dropcut.core.messages import Remake, Upload

from dropcut_cdk.monitoring import RUNBOOK
from dropcut_cli.clone.places import REPOSITORY
from tests.end_to_end.clone import Clone
from tests.end_to_end.dropcut_in_use import LATER, DropcutInUse, Stage, notification, until
from tests.end_to_end.photos import photo
from tests.functions.webhook_receiver import WebhookReceiver

pytestmark = pytest.mark.timeout(300)  # the first test waits for the deployment
SOME_OR_NONE = (0, 9)
FOUND_OR_NOT = (0, 1)
"""Of the doctor: other tests leave dead letters, and nobody confirmed that they hear the alarms."""


def sections() -> dict[str, list[list[str]]]:
    """The commands of each section's code blocks, as words; those before the first section under ``."""
    name, found, in_code = "", dict[str, list[list[str]]](), False
    for line in (REPOSITORY / RUNBOOK).read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"## (\w+)", line):
            name = heading[1]
        elif line.startswith("```"):
            in_code = not in_code
        elif in_code:
            found.setdefault(name, []).append(shlex.split(line, comments=True))
    return found


SECTIONS = sections()
Trouble = Callable[[DropcutInUse, WebhookReceiver], AbstractContextManager[str]]
"""Brings it about and names a photo; when the commands have run, it sees that the trouble is over."""
TROUBLES: dict[str, Trouble] = {}


def trouble(*names: str) -> Callable[[Callable[[DropcutInUse, WebhookReceiver], Iterator[str]]], None]:
    """Of the sections with these names."""

    def keep(bring_about: Callable[[DropcutInUse, WebhookReceiver], Iterator[str]]) -> None:
        TROUBLES.update({name: contextmanager(bring_about) for name in names})

    return keep


def dead_letter(dropcut: DropcutInUse, stage: Stage, body: object, code: str) -> None:
    attributes = {"code": code, "reason": "A test."}
    dropcut.client("sqs").send_message(
        QueueUrl=dropcut.outputs[f"{stage}DeadLetterQueueUrl"],
        MessageBody=body if isinstance(body, str) else json.dumps(body),
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )


def set_alarm(dropcut: DropcutInUse, name: str, state: str) -> None:
    dropcut.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="A test.")


def delivered(dropcut: DropcutInUse) -> str:
    key = dropcut.drop(photo(), dropcut.unused("a.jpg"))
    assert dropcut.outcome(key).kind == "delivered"
    return key


@trouble("")
def _nothing(dropcut: DropcutInUse, _receiver: WebhookReceiver) -> Iterator[str]:
    yield delivered(dropcut)
    for alarm in dropcut.as_operated().alarms(StateValue="ALARM"):
        set_alarm(dropcut, alarm["AlarmName"], "OK")


@trouble("DeadLettersPrepare")
def _not_prepared(dropcut: DropcutInUse, _receiver: WebhookReceiver) -> Iterator[str]:
    key = delivered(dropcut)
    dead_letter(dropcut, "Intake", notification(dropcut.input_bucket, key, sequencer=LATER), "prepare_failed")
    yield key
    assert dropcut.outcome(key, number=2).kind == "delivered"


@trouble("DeadLettersCut")
def _not_cut(dropcut: DropcutInUse, _receiver: WebhookReceiver) -> Iterator[str]:
    key = delivered(dropcut)
    again = Upload(bucket=dropcut.input_bucket, key=key, sequencer=LATER)
    dead_letter(dropcut, "Cut", {"upload": again.to_fields()}, "prepared_gone")
    yield key
    assert dropcut.outcome(key, number=2).kind == "delivered"


@trouble("DeadLettersDeliver")
def _not_delivered(dropcut: DropcutInUse, _receiver: WebhookReceiver) -> Iterator[str]:
    key = delivered(dropcut)
    dropcut.ended_record(key)
    dead_letter(dropcut, "Deliver", Remake(bucket=dropcut.input_bucket, key=key).to_json(), "deliver_failed")
    yield key
    assert dropcut.outcome(key, number=2).detail["remade"]


@trouble("DeadLettersNotify")
def _not_taken(dropcut: DropcutInUse, receiver: WebhookReceiver) -> Iterator[str]:
    key = dropcut.unused("a.jpg")
    receiver.answers[key] = [410]
    dropcut.drop(photo(), key)
    until(lambda: dropcut.item("webhook").get("announced"), "webhooks that are off")
    yield key
    until(lambda: receiver.keys.count(key) == 2, "the webhook again")
    until(lambda: "off_since" not in dropcut.item("webhook"), "webhooks that are on")


@trouble("CredentialsExposed", "CreditsPerHour")
def _unwanted(dropcut: DropcutInUse, _receiver: WebhookReceiver) -> Iterator[str]:
    yield delivered(dropcut)
    dropcut.look_at_gate()
    assert not dropcut.closed_gate()


@trouble("SpendingPaused")
def _paused(dropcut: DropcutInUse, _receiver: WebhookReceiver) -> Iterator[str]:
    dropcut.put_key("sk-wrong")
    for old in dropcut.known_keys:
        dropcut.api.set_key_state(old, "revoked")
    key = dropcut.drop(photo(), dropcut.unused("a.jpg"))
    until(dropcut.closed_gate, "a closed gate")
    dropcut.api.set_key_state(dropcut.api.key, "valid")
    yield key
    until(dropcut.resumes, "an open gate")
    assert dropcut.outcome(key).kind == "delivered"


@trouble("WorkStuck")
def _stuck(dropcut: DropcutInUse, _receiver: WebhookReceiver) -> Iterator[str]:
    dropcut.as_operated().gate.close_by_hand("A test.", now=0.0)
    dropcut.look_at_gate()
    key = dropcut.drop(photo(), dropcut.unused("a.jpg"))
    yield key
    until(dropcut.resumes, "an open gate")
    assert dropcut.outcome(key).kind == "delivered"


@trouble("Errors")
def _list_gone(dropcut: DropcutInUse, _receiver: WebhookReceiver) -> Iterator[str]:
    """Its list is put back, which is for a person to do, before the commands run."""
    work: Any = {"Bucket": dropcut.outputs["WorkBucketName"]}
    s3, backfills = dropcut.client("s3"), dropcut.as_operated().backfills
    with dropcut.no_events_of_uploads():
        key = dropcut.drop(photo(), dropcut.unused("a.jpg"))
    backfill = Backfill(name="gone", bucket=dropcut.input_bucket, parts=1, total=1, started_at=time.time())
    backfills.start(backfill)
    dropcut.feed()
    assert [each.status for each in backfills.all() if each.name == "gone"] == ["broken"]
    s3.put_object(**work, Key=part_key("gone", 0), Body=json.dumps(key).encode() + b"\n")
    yield delivered(dropcut)
    dropcut.feed()
    assert dropcut.outcome(key).kind == "delivered"
    dropcut.feed()  # with nothing to do, it turns its rule off


@trouble("Rejections")
def _rejected(dropcut: DropcutInUse, _receiver: WebhookReceiver) -> Iterator[str]:
    picture = photo()
    dropcut.fault("content_moderation", picture, times=1)
    key = dropcut.drop(picture, dropcut.unused("a.jpg"))
    assert dropcut.outcome(key).kind == "rejected"
    dropcut.ended_record(key)
    yield key
    assert dropcut.outcome(key, number=2).kind == "delivered"


ENDS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "": {"doctor": FOUND_OR_NOT, "test-alarm": FOUND_OR_NOT},
    "Errors": {"doctor": FOUND_OR_NOT, "failures": SOME_OR_NONE, "redrive": SOME_OR_NONE},
    "SpendingPaused": {"status": (8,), "resume": SOME_OR_NONE},  # the gatekeeper's minute may have come before
    "WorkStuck": {"doctor": FOUND_OR_NOT, "status": (8,)},
}
"""The exit codes that are not 0, by section and verb."""


@pytest.mark.parametrize("section", SECTIONS)
def test_the_commands_of_a_section_end_its_trouble(
    section: str, dropcut: DropcutInUse, clone: Clone, receiver: WebhookReceiver
) -> None:
    with TROUBLES[section](dropcut, receiver) as key:
        for program, verb, *words in SECTIONS[section]:
            assert program == "dropcut"
            given = {"KEY": key, "60": "2"}  # nobody has to watch for so long here
            ran = clone.run(verb, *(given.get(word, word) for word in words), typed=f"{dropcut.api.key}\n")
            assert ran.returncode in ENDS.get(section, {}).get(verb, (0,)), (verb, ran.stdout, ran.stderr)


@pytest.fixture
def heard(dropcut: DropcutInUse) -> Iterator[Callable[[], list[Mapping[str, str]]]]:
    """What a queue that is subscribed to the alarm topic hears of alarms."""
    sqs, topic = dropcut.client("sqs"), dropcut.outputs["AlarmTopicArn"]
    url = sqs.create_queue(QueueName="hears-alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [allow | {"Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    subscription = dropcut.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]

    def messages() -> list[Mapping[str, str]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        return [json.loads(json.loads(message["Body"])["Message"]) for message in found]

    yield messages
    dropcut.client("sns").unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=url)


def test_every_alarm_reaches_who_listens_with_its_section(
    dropcut: DropcutInUse, heard: Callable[[], list[Mapping[str, str]]]
) -> None:
    """When it goes on and when it is over."""
    alarms = [alarm["AlarmName"] for alarm in dropcut.as_operated().alarms()]
    assert len(alarms) == 7  # those by logs and by arithmetic are not on the embedded AWS
    came: dict[str, list[str]] = {}
    for name in alarms:
        for state in ("ALARM", "OK"):
            set_alarm(dropcut, name, state)
            for message in until(heard, f"{state} of {name}"):
                came.setdefault(message["AlarmName"], []).append(message["NewStateValue"])
                assert f"More: {RUNBOOK}#" in message["AlarmDescription"]
    assert came == {name: ["ALARM", "OK"] for name in alarms}


def test_a_test_alarm_reaches_who_listens(
    clone: Clone, dropcut: DropcutInUse, heard: Callable[[], list[Mapping[str, str]]]
) -> None:
    ran = clone.run("test-alarm", "--json")
    said = json.loads(ran.stdout)
    assert (ran.returncode, said["confirmed"]) == (0, 1)
    (message,) = until(heard, "the alarm")
    assert (message["AlarmName"], message["NewStateValue"]) == (said["alarm"], "ALARM")
    assert "nothing is wrong" in message["NewStateReason"]
    set_alarm(dropcut, said["alarm"], "OK")
