"""The intake queue takes whatever is sent to it: each message for itself."""

import json

import pytest

from tests.end_to_end.dropcut_in_use import LATER, DropcutInUse, notification, until
from tests.end_to_end.photos import photo

GARBAGE = {
    "a text": "garbage {not json",
    "a JSON list": '["garbage", 1, 2]',
    "a JSON object of another kind": '{"garbage": {"Records": "none"}}',
    "records without a key": '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"garbage": 1}}]}',
    "brackets without end": "[" * 10_000,
}


def test_only_the_malformed_messages_of_a_batch_are_dead_lettered_with_their_reasons(
    dropcut: DropcutInUse,
) -> None:
    dropcut.dead_letters("Intake").clear()
    dropped = dropcut.drop(photo(), dropcut.unused("dropped.jpg"))
    announced = dropcut.drop(photo(), dropcut.unused("announced.jpg"))
    dropcut.outcome(announced)
    folder = dropcut.drop(b"", dropcut.unused("folder/"))
    vanished, deleted = dropcut.unused("vanished.jpg"), dropcut.unused("deleted.jpg")

    for body in GARBAGE.values():
        dropcut.send("Intake", body)
    foreign = notification("somebody-elses-bucket", "photo.jpg", sequencer=LATER)
    dropcut.send("Intake", foreign)
    dropcut.send("Intake", {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": dropcut.input_bucket})
    removed = notification(dropcut.input_bucket, deleted, sequencer=LATER, event_name="ObjectRemoved:Delete")
    dropcut.send("Intake", removed)
    dropcut.announce(vanished)
    dropcut.announce(announced)

    assert dropcut.outcome(dropped).kind == "delivered"
    assert dropcut.outcome(announced, number=2).kind == "delivered"
    assert _skipped(dropcut, folder) == ("skipped", "folder")
    assert _skipped(dropcut, vanished) == ("skipped", "gone")
    expected = {*GARBAGE.values(), json.dumps(foreign)}
    until(
        lambda: len(dropcut.dead_letters("Intake")) >= len(expected), "the malformed messages in the dead-letter queue"
    )
    until(lambda: dropcut.is_empty("Intake"), "an empty intake queue")
    letters = dropcut.dead_letters("Intake")
    assert {letter.body for letter in letters} == expected
    assert len(letters) == len(expected)
    for letter in letters:
        assert letter.attributes["stage"] == "prepare"
        assert letter.attributes["reason"].startswith(("The message", "This photo in somebody-elses-bucket")), letter
    assert [x.attributes.get("code") for x in letters if "somebody" in x.body] == ["input_removed"]
    assert dropcut.outcomes(deleted) == []
    assert dropcut.record(deleted) == {}


def _skipped(dropcut: DropcutInUse, key: str) -> tuple[str, str]:
    outcome = dropcut.outcome(key)
    assert outcome.reason.endswith(".")
    return outcome.kind, outcome.detail["code"]


@pytest.mark.parametrize("stage", ["Cut", "Deliver"])
def test_a_malformed_message_of_a_later_stage_is_dead_lettered_and_stops_nothing(
    stage: str, dropcut: DropcutInUse
) -> None:
    body = dropcut.unused("garbage")
    dropcut.send(stage, body)  # type: ignore[arg-type]
    key = dropcut.drop(photo(), dropcut.unused("photo.jpg"))
    letter = dropcut.dead_letter(stage, body)  # type: ignore[arg-type]
    assert letter.attributes["stage"] == stage.lower()
    assert letter.attributes["reason"].startswith("The message is not ")
    assert dropcut.outcome(key).kind == "delivered"
