"""Which of a deployment's lists of renditions a message of the deliver queue is for."""

import json
from typing import Any

import pytest
from dropcut.core.message_result import Done, Message, MessageResult
from dropcut.core.messages import Ended, OutcomeMessage, Remake, SpendingNotice, Upload
from dropcut.core.photo_source import ByPhoto, PhotoSource
from dropcut.core.review import Review
from dropcut.use_cases.deliver_by_photo import DeliverByPhoto


class RecordingDeliver:
    def __init__(self) -> None:
        self.handled: list[str] = []

    def __call__(self, message: Message) -> MessageResult:
        self.handled.append(message.body)
        return Done()

    def announce_failure(self, message: Message, reason: str) -> None:
        self.handled.append(reason)


def upload(bucket: str, key: str) -> Upload:
    return Upload(bucket=bucket, key=key, sequencer="01")


END = Ended(kind="failed", code="x", reason="x")


@pytest.mark.parametrize(
    ("announced", "is_own"),
    [
        (OutcomeMessage(upload=upload("photos", "people/a.jpg"), outcome=END).to_json(), True),
        (OutcomeMessage(upload=upload("photos", "shoes/a.jpg"), outcome=END).to_json(), False),
        (OutcomeMessage(upload=upload("others", "people/a.jpg"), outcome=END).to_json(), False),
        (Remake(bucket="photos", key="people/a.jpg").to_json(), True),
        (Remake(bucket="photos", key="a.jpg").to_json(), False),
        (SpendingNotice(kind="paused", code="x", reason="x").to_json(), False),
        (json.dumps(Review(bucket="photos", key="people/a.jpg", decision="accept").to_fields()), True),
        ('{"end_old_held": {}}', False),
    ],
)
def test_a_message_goes_to_the_use_case_of_its_photos_input(announced: str, is_own: bool) -> None:
    own, others = RecordingDeliver(), RecordingDeliver()
    people = PhotoSource(bucket="photos", prefix="people/")
    choice: Any = ByPhoto(others=others, of_sources=[(people, own)])
    deliver = DeliverByPhoto(deliver=choice)
    message = Message(body=announced, sent_at_seconds=0.0, receive_count=1)
    assert deliver(message) == Done()
    deliver.announce_failure(message, "gave up")
    assert (own.handled if is_own else others.handled) == [announced, "gave up"]
    assert (others.handled if is_own else own.handled) == []
