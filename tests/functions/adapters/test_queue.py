from typing import Any

import pytest
from dropcut.adapters.queue import LONGEST_POSTPONEMENT_SECONDS, Queue

from tests.functions.cloud import Cloud
from tests.functions.memory import SqsInMemory


def test_a_message_arrives_as_it_was_sent(cloud: Cloud) -> None:
    cloud.queues["cut"].send('{"key": "ü"}')
    assert cloud.bodies("cut") == [{"key": "ü"}]


def test_a_message_set_aside_keeps_its_body_and_tells_the_reason(cloud: Cloud) -> None:
    cloud.queues["cut-dead"].set_aside("not json", {"reason": "It is not JSON.", "stage": "cut"})
    (letter,) = cloud.take("cut-dead")
    assert letter["Body"] == "not json"
    told = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert told == {"reason": "It is not JSON.", "stage": "cut"}


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ("", "-"),
        ("x" * 2_000, "x" * 1_000),
        ("tab\tand\nline\r", "tab\tand\nline\r"),
        ("bell\x07null\0escape\x1b", "bell?null?escape?"),
        ("half of a pair \ud83d", "half of a pair ?"),
        ("no character \uffff", "no character ?"),
        ("日本 é", "日本 é"),
    ],
)
def test_a_reason_is_made_fit_for_sqs(cloud: Cloud, said: str, stands: str) -> None:
    cloud.queues["cut-dead"].set_aside("body", {"reason": said})
    (letter,) = cloud.take("cut-dead")
    assert letter["MessageAttributes"]["reason"]["StringValue"] == stands


class RecordingSqs:
    def __init__(self) -> None:
        self.visibility_timeouts: list[int] = []

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        self.visibility_timeouts.append(VisibilityTimeout)


@pytest.mark.parametrize(
    ("seconds", "whole"),
    [
        (-5, 0),
        (0, 0),
        (0.2, 1),
        (1, 1),
        (1.2, 2),
        (59.99, 60),
        (LONGEST_POSTPONEMENT_SECONDS + 1, LONGEST_POSTPONEMENT_SECONDS),
        (1e9, LONGEST_POSTPONEMENT_SECONDS),
    ],
)
def test_a_postponement_is_whole_seconds_within_what_sqs_allows(seconds: float, whole: int) -> None:
    sqs = RecordingSqs()
    Queue(sqs, "url").postpone("handle", seconds)  # type: ignore[arg-type]
    assert sqs.visibility_timeouts == [whole]
    assert whole < 43_200


def test_a_postponed_message_comes_back_by_itself(cloud: Cloud) -> None:
    queue = cloud.queues["cut"]
    queue.send('"x"')
    (message,) = cloud.take("cut")
    assert cloud.take("cut") == []
    queue.postpone(message["ReceiptHandle"], 0)
    assert [again["MessageId"] for again in cloud.take("cut")] == [message["MessageId"]]


def test_one_message_is_received_and_then_not_seen_by_others(cloud: Cloud) -> None:
    queue = cloud.queues["cut"]
    for body in ("one", "two"):
        queue.send(body)
    first, second = (queue.receive_one(visibility_seconds=60) for _ in range(2))
    assert first and second
    assert sorted((first["Body"], second["Body"])) == ["one", "two"]
    assert first["Attributes"]["ApproximateReceiveCount"] == "1"
    assert int(first["Attributes"]["SentTimestamp"]) > 0


def test_of_an_empty_queue_no_message_is_received() -> None:
    sqs: Any = SqsInMemory()  # moto lets one wait the whole second
    assert Queue(sqs, sqs.create_queue(QueueName="cut")["QueueUrl"]).receive_one(visibility_seconds=60) is None


def test_a_received_message_is_seen_again_after_its_time(cloud: Cloud) -> None:
    queue = cloud.queues["cut"]
    queue.send("one")
    assert queue.receive_one(visibility_seconds=0)
    assert queue.receive_one(visibility_seconds=60)


def test_a_queue_is_empty_when_no_message_is_left_seen_or_unseen(cloud: Cloud) -> None:
    queue = cloud.queues["cut"]
    assert queue.is_empty()
    queue.send("one")
    assert not queue.is_empty()
    message = queue.receive_one(visibility_seconds=60)
    assert message
    assert not queue.is_empty()
    queue.delete(message["ReceiptHandle"])
    assert queue.is_empty()
