import threading
from typing import Any

import pytest
from dropcut import message_batch
from dropcut.core.messages import MalformedMessageError
from dropcut.core.message_result import Done, Message, MessageResult, Postpone, SetAside
from dropcut.message_batch import MessageBatch

from tests.functions.lambda_events import Context, batch_of


class FakeQueue:
    """What a queue was told; `broken` makes it refuse everything."""

    def __init__(self, *, broken: bool = False) -> None:
        self.postponed: dict[str, float] = {}
        self.set_aside_messages: list[tuple[str, dict[str, str]]] = []
        self.broken = broken

    def postpone(self, receipt_handle: str, seconds: float) -> None:
        self._check()
        self.postponed[receipt_handle] = seconds

    def set_aside(self, body: str, reason: dict[str, str]) -> None:
        self._check()
        self.set_aside_messages.append((body, reason))

    def _check(self) -> None:
        if self.broken:
            raise ConnectionError("the queue cannot be reached")


class Stage:
    """A stage whose use case does what the message's body names."""

    def __init__(self, *, gives_up_after: int | None = 5, dead_letters_broken: bool = False) -> None:
        self.queue, self.dead_letters = FakeQueue(), FakeQueue(broken=dead_letters_broken)
        self.announced: list[tuple[str, str]] = []
        self.handled: list[str] = []
        self.batch = MessageBatch(
            stage="deliver",
            queue=self.queue,  # type: ignore[arg-type]
            dead_letters=self.dead_letters,  # type: ignore[arg-type]
            threads=3,
            needed_seconds=20,
            receives_before_giving_up=gives_up_after,
            announce_failure=self.announce,
        )

    def announce(self, message: Message, reason: str) -> None:
        if message.body == "unexpected and unannounceable":
            raise ConnectionError("the event bus cannot be reached")
        self.announced.append((message.body, reason))

    def handle(self, message: Message) -> MessageResult:
        self.handled.append(message.body)
        match message.body:
            case "malformed":
                raise MalformedMessageError("It is not JSON.")
            case body if body.startswith("unexpected"):
                raise ZeroDivisionError("nobody thought of this")
            case "postponed":
                return Postpone(seconds=7.5, why="the pace")
            case "set aside":
                return SetAside(reason="Three calls broke off.", details={"code": "broken_off", "attempts": "3"})
        return Done()

    def process(self, *bodies: str, receives: int = 1, remaining_seconds: float = 300.0) -> list[str]:
        """The bodies that stay in the queue after this batch."""
        messages = [
            {
                "MessageId": body,
                "ReceiptHandle": f"handle of {body}",
                "Body": body,
                "MD5OfBody": "",
                "Attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": "1722000000500"},
            }
            for body in bodies
        ]
        answer = self.batch.process(batch_of(messages), Context(remaining_seconds), self.handle)  # type: ignore[arg-type]
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_what_is_done_leaves_the_queue() -> None:
    stage = Stage()
    assert stage.process("one", "two", "three") == []
    assert sorted(stage.handled) == ["one", "three", "two"]
    assert stage.dead_letters.set_aside_messages == []


def test_a_malformed_message_goes_alone_to_the_dead_letter_queue_with_its_reason() -> None:
    stage = Stage()
    assert stage.process("one", "malformed", "two") == []
    told = {"stage": "deliver", "reason": "It is not JSON.", "attempts": "1"}
    assert stage.dead_letters.set_aside_messages == [("malformed", told)]
    assert stage.announced == []
    assert sorted(stage.handled) == ["malformed", "one", "two"]


def test_a_postponed_message_stays_for_its_time() -> None:
    stage = Stage()
    assert stage.process("one", "postponed") == ["postponed"]
    assert stage.queue.postponed == {"handle of postponed": 7.5}


def test_a_message_set_aside_by_its_use_case_keeps_what_that_told() -> None:
    stage = Stage()
    assert stage.process("set aside") == []
    ((body, told),) = stage.dead_letters.set_aside_messages
    assert body == "set aside"
    assert told == {"stage": "deliver", "reason": "Three calls broke off.", "code": "broken_off", "attempts": "3"}
    assert stage.announced == []


@pytest.mark.parametrize(("receives", "wait"), [(1, 15), (2, 30), (3, 60), (4, 120)])
def test_an_unexpected_error_is_tried_again_ever_later(receives: int, wait: float) -> None:
    stage = Stage()
    assert stage.process("unexpected", "one", receives=receives) == ["unexpected"]
    assert stage.queue.postponed == {"handle of unexpected": wait}
    assert stage.dead_letters.set_aside_messages == []


@pytest.mark.parametrize("receives", [5])
def test_after_its_last_receive_an_unexpected_error_is_set_aside_and_announced(receives: int) -> None:
    stage = Stage()
    assert stage.process("unexpected", receives=receives) == []
    ((body, told),) = stage.dead_letters.set_aside_messages
    assert body == "unexpected"
    assert "ZeroDivisionError: nobody thought of this" in told["reason"]
    assert f"{receives} times in deliver" in told["reason"]
    assert stage.announced == [("unexpected", told["reason"])]


def test_a_message_that_crashed_the_function_each_time_is_set_aside_unhandled_and_announced() -> None:
    """A function out of memory or time never gets to count: only the receives tell."""
    stage = Stage(gives_up_after=5)
    assert stage.process("picture bomb", receives=6) == []
    assert stage.handled == []
    ((body, attributes),) = stage.dead_letters.set_aside_messages
    assert body == "picture bomb"
    assert attributes["reason"].startswith("The deliver function ended 5 times without a word")
    assert [body for body, _ in stage.announced] == ["picture bomb"]


def test_where_receives_are_no_attempts_an_unexpected_error_never_gives_up() -> None:
    stage = Stage(gives_up_after=None)
    assert stage.process("unexpected", receives=900) == ["unexpected"]
    assert stage.queue.postponed == {"handle of unexpected": 900}


def test_a_message_that_could_not_be_announced_stands_in_the_dead_letter_queue_once() -> None:
    stage = Stage()
    assert stage.process("unexpected and unannounceable", receives=5) == []
    assert len(stage.dead_letters.set_aside_messages) == 1


@pytest.mark.parametrize("body", ["malformed", "set aside"])
def test_a_message_that_cannot_be_set_aside_stays(body: str) -> None:
    stage = Stage(dead_letters_broken=True)
    assert stage.process(body, "one") == [body]


@pytest.mark.parametrize(("remaining_seconds", "begun"), [(20.5, True), (19.5, False), (0, False)])
def test_nothing_is_begun_that_the_time_left_is_too_short_for(remaining_seconds: float, begun: bool) -> None:
    stage = Stage()
    staying = stage.process("one", "two", remaining_seconds=remaining_seconds)
    assert sorted(stage.handled) == (["one", "two"] if begun else [])
    assert sorted(staying) == ([] if begun else ["one", "two"])
    assert set(stage.queue.postponed.values()) == (set() if begun else {0})


def test_a_batch_that_fails_as_a_whole_is_no_error_of_the_function() -> None:
    assert sorted(Stage().process("unexpected", "postponed")) == ["postponed", "unexpected"]


def test_one_broken_queue_call_harms_its_own_message_only() -> None:
    stage = Stage()
    stage.queue.broken = True
    assert stage.process("postponed", "one") == ["postponed"]


def test_a_use_case_is_told_how_often_and_when_its_message_came() -> None:
    seen: list[Message] = []

    def handle(message: Message) -> MessageResult:
        seen.append(message)
        return Done()

    stage = Stage()
    stage.handle = handle  # type: ignore[method-assign]
    stage.process("one", receives=3)
    assert seen == [Message(body="one", receive_count=3, sent_at_seconds=1_722_000_000.5)]


def test_messages_are_handled_at_the_same_time_and_no_more_than_there_are_threads() -> None:
    all_there = threading.Barrier(3, timeout=5)
    running, most = [0], [0]
    lock = threading.Lock()

    def handle(message: Message) -> MessageResult:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        all_there.wait()
        with lock:
            running[0] -= 1
        return Done()

    stage: Any = Stage()
    stage.handle = handle
    assert stage.process(*"abcdef") == []
    assert most == [3]


def test_a_message_set_aside_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    monkeypatch.setattr(message_batch, "count", counted.append)
    Stage().process("malformed", "set aside", "one")
    assert counted == ["DeadLettered", "DeadLettered"]
