from typing import Any

import pytest
from dropcut.adapters.queue import LONGEST_INVISIBLE_SECONDS, Queue
from dropcut.core.backfill import Waiting

from tests.functions.cloud import Cloud
from tests.functions.memory import SqsInMemory


def test_a_message_arrives_as_it_was_sent(cloud: Cloud) -> None:
    cloud.queues["cut"].send('{"key": "ü"}')
    assert cloud.bodies("cut") == [{"key": "ü"}]


def test_a_dead_letter_keeps_its_body_and_says_the_reason(cloud: Cloud) -> None:
    cloud.queues["cut-dead"].dead_letter("not json", {"reason": "It is not JSON.", "stage": "cut"})
    (letter,) = cloud.take("cut-dead")
    assert letter["Body"] == "not json"
    said = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert said == {"reason": "It is not JSON.", "stage": "cut"}


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ("", "-"),
        ("x" * 2_000, "x" * 1_000),
        ("tab\tand\nline\r", r"tab\u0009and\u000aline\u000d"),
        ("bell\x07null\0escape\x1b", r"bell\u0007null\u0000escape\u001b"),
        ("half of a pair \ud83d", r"half of a pair \ud83d"),
        ("no character \uffff", r"no character \uffff"),
        ("reversed \u202e", r"reversed \u202e"),
        ("日本 é 😀", "日本 é 😀"),
    ],
)
def test_a_reason_is_made_fit_for_sqs(cloud: Cloud, said: str, stands: str) -> None:
    cloud.queues["cut-dead"].dead_letter("body", {"reason": said})
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
        (LONGEST_INVISIBLE_SECONDS + 1, LONGEST_INVISIBLE_SECONDS),
        (1e9, LONGEST_INVISIBLE_SECONDS),
    ],
)
def test_a_wait_is_whole_seconds_within_what_sqs_allows(seconds: float, whole: int) -> None:
    sqs = RecordingSqs()
    Queue(sqs, "url").put_back("handle", seconds)  # type: ignore[arg-type]
    assert sqs.visibility_timeouts == [whole]
    assert whole < 43_200


def test_a_message_that_is_put_back_comes_back_by_itself(cloud: Cloud) -> None:
    queue = cloud.queues["cut"]
    queue.send('"x"')
    (message,) = cloud.take("cut")
    assert cloud.take("cut") == []
    queue.put_back(message["ReceiptHandle"], 0)
    assert [again["MessageId"] for again in cloud.take("cut")] == [message["MessageId"]]


def test_messages_are_received_and_then_not_seen_by_others(cloud: Cloud) -> None:
    queue = cloud.queues["cut"]
    for body in ("one", "two", "three"):
        queue.send(body)
    first = queue.receive(most=1, visibility_seconds=60)
    others = queue.receive(most=10, visibility_seconds=60)
    assert sorted(message["Body"] for message in (*first, *others)) == ["one", "three", "two"]
    assert len(first) == 1


def test_a_received_message_says_how_often_and_since_when_and_why_it_was_dead(cloud: Cloud) -> None:
    queue = cloud.queues["cut"]
    queue.dead_letter("one", {"reason": "It failed."})
    (message,) = queue.receive(most=10, visibility_seconds=60)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert int(message["Attributes"]["SentTimestamp"]) > 0
    assert message["MessageAttributes"]["reason"]["StringValue"] == "It failed."


def test_of_an_empty_queue_no_message_is_received() -> None:
    sqs: Any = SqsInMemory()  # moto lets one wait the whole second
    queue = Queue(sqs, sqs.create_queue(QueueName="cut")["QueueUrl"])
    assert list(queue.receive(most=10, visibility_seconds=60)) == []


def test_an_answer_of_sqs_that_lists_nothing_is_no_message() -> None:
    class Empty:
        def receive_message(self, **_request: object) -> dict[str, object]:
            return {}

    assert list(Queue(Empty(), "url").receive(most=1, visibility_seconds=60)) == []  # type: ignore[arg-type]


def test_a_received_message_is_seen_again_after_its_time(cloud: Cloud) -> None:
    queue = cloud.queues["cut"]
    queue.send("one")
    assert queue.receive(most=1, visibility_seconds=0)
    assert queue.receive(most=1, visibility_seconds=60)


def test_a_queue_is_empty_when_no_message_is_left_seen_or_unseen(cloud: Cloud) -> None:
    queue = cloud.queues["cut"]
    assert queue.is_empty()
    queue.send("one")
    assert not queue.is_empty()
    (message,) = queue.receive(most=1, visibility_seconds=60)
    assert not queue.is_empty()
    queue.delete(message["ReceiptHandle"])
    assert queue.is_empty()


def test_what_waits_is_counted_by_how_it_waits(cloud: Cloud) -> None:
    queue = cloud.queues["cut"]
    for body in ("received", "visible", "visible, too"):
        queue.send(body)
    queue.send_later([("later", 100)])
    queue.receive(most=1, visibility_seconds=60)
    assert queue.waiting() == Waiting(visible=2, in_work=1, delayed=1)
    assert (queue.waiting() + queue.waiting()).all == 8
