"""What becomes of each message of a batch, whatever its use case does, and however often it came."""

import io
import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from dropcut.core.message_result import DeadLetter, Done, Message, MessageResult, Wait
from dropcut.core.messages import MalformedMessageError, Upload
from dropcut.imaging_stage import RECEIVES_BEFORE_GIVING_UP
from dropcut.message_batch import LONGEST_RETRY_SECONDS, MessageBatch
from dropcut.observability import log_about, logger, metrics

from tests.functions.lambda_events import Context, batch_of

SENT_AT = 1_722_000_000.5
DAY = 86_400.0


class FakeQueue:
    """What a queue was asked for; `broken` makes it refuse everything."""

    def __init__(self, *, broken: bool = False) -> None:
        self.put_back_for: dict[str, float] = {}
        self.dead: list[tuple[str, dict[str, str]]] = []
        self.broken = broken

    def put_back(self, receipt_handle: str, seconds: float) -> None:
        self._check()
        self.put_back_for[receipt_handle] = seconds

    def dead_letter(self, body: str, reason: dict[str, str]) -> None:
        self._check()
        self.dead.append((body, reason))

    def _check(self) -> None:
        if self.broken:
            raise ConnectionError("the queue cannot be reached")


class Stage:
    """A stage whose use case does what the message's body says."""

    def __init__(self, *, gives_up_after: int | None = 5, dead_letters_broken: bool = False) -> None:
        self.queue, self.dead_letters = FakeQueue(), FakeQueue(broken=dead_letters_broken)
        self.now = SENT_AT
        self.announced: list[tuple[str, str]] = []
        self.handled: list[str] = []
        self.begun: list[list[str]] = []
        self.batch = MessageBatch(
            stage="deliver",
            queue=self.queue,  # type: ignore[arg-type]
            dead_letters=self.dead_letters,  # type: ignore[arg-type]
            threads=3,
            needed_seconds=20,
            receives_before_giving_up=gives_up_after,
            announce_failure=self.announce,
            clock=lambda: self.now,
        )

    def announce(self, message: Message, reason: str) -> None:
        if message.body == "unexpected and unannounceable":
            raise ConnectionError("the event bus cannot be reached")
        if message.body == "malformed":
            raise MalformedMessageError("It is not JSON.")
        self.announced.append((message.body, reason))

    def begin(self, messages: Sequence[Message]) -> Any:
        self.begun.append([message.body for message in messages])
        return self.handle

    def handle(self, message: Message) -> MessageResult:
        self.handled.append(message.body)
        match message.body:
            case "malformed":
                raise MalformedMessageError("It is not JSON.")
            case body if body.startswith("unexpected"):
                raise ZeroDivisionError("nobody thought of this")
            case "waits":
                return Wait(seconds=7.5, why="the pace")
            case "fails":
                return DeadLetter(reason="Three calls broke off.", details={"code": "broken_off", "attempts": "3"})
        return Done()

    def process(
        self, *bodies: str, receives: int = 1, remaining_seconds: float = 300.0, **attributes: str
    ) -> list[str]:
        """The bodies that stay in the queue after this batch."""
        messages = [
            {
                "MessageId": body,
                "ReceiptHandle": f"handle of {body}",
                "Body": body,
                "MD5OfBody": "",
                "Attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": "1722000000500"},
                "MessageAttributes": {
                    name: {"StringValue": text, "DataType": "String"} for name, text in attributes.items()
                },
            }
            for body in bodies
        ]
        answer = self.batch.process(batch_of(messages), Context(remaining_seconds), self.begin)  # type: ignore[arg-type]
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_what_is_done_leaves_the_queue() -> None:
    stage = Stage()
    assert stage.process("one", "two", "three") == []
    assert sorted(stage.handled) == ["one", "three", "two"]
    assert stage.dead_letters.dead == []


def test_a_malformed_message_that_came_too_often_is_dead_lettered_once() -> None:
    """As one is that waited behind a closed gate for two weeks: it names no photo that could be announced."""
    stage = Stage()
    assert stage.process("malformed", receives=6) == []
    assert [body for body, _ in stage.dead_letters.dead] == ["malformed"]


def test_a_malformed_message_goes_alone_to_the_dead_letter_queue_with_its_reason() -> None:
    stage = Stage()
    assert stage.process("one", "malformed", "two") == []
    attributes = {"stage": "deliver", "reason": "It is not JSON.", "attempts": "1"}
    assert stage.dead_letters.dead == [("malformed", attributes)]
    assert stage.announced == []
    assert sorted(stage.handled) == ["malformed", "one", "two"]


def test_a_message_that_waits_is_put_back_for_its_time() -> None:
    stage = Stage()
    assert stage.process("one", "waits") == ["waits"]
    assert stage.queue.put_back_for == {"handle of waits": 7.5}


def test_a_dead_letter_keeps_what_its_use_case_says() -> None:
    stage = Stage()
    assert stage.process("fails") == []
    ((body, attributes),) = stage.dead_letters.dead
    assert body == "fails"
    assert attributes == {"stage": "deliver", "reason": "Three calls broke off.", "code": "broken_off", "attempts": "3"}
    assert stage.announced == []


@pytest.mark.parametrize(("receives", "wait"), [(1, 15), (2, 30), (3, 60), (4, 120)])
def test_an_unexpected_error_is_tried_again_ever_later(receives: int, wait: float) -> None:
    stage = Stage()
    assert stage.process("unexpected", "one", receives=receives) == ["unexpected"]
    assert stage.queue.put_back_for == {"handle of unexpected": wait}
    assert stage.dead_letters.dead == []


def test_after_its_last_receive_an_unexpected_error_is_dead_lettered_and_announced() -> None:
    stage = Stage(gives_up_after=5)
    assert stage.process("unexpected", receives=5) == []
    ((body, attributes),) = stage.dead_letters.dead
    assert body == "unexpected"
    assert "ZeroDivisionError: nobody thought of this" in attributes["reason"]
    assert "Failed 5 times in deliver" in attributes["reason"]
    assert stage.announced == [("unexpected", attributes["reason"])]


def test_a_message_that_crashed_the_function_each_time_is_dead_lettered_unhandled() -> None:
    """A function out of memory or time never gets to count: only the receives tell."""
    stage = Stage(gives_up_after=5)
    assert stage.process("picture bomb", receives=6) == []
    assert stage.handled == []
    ((body, attributes),) = stage.dead_letters.dead
    assert body == "picture bomb"
    assert attributes["reason"].startswith("The deliver function had this message 5 times and ended without a word")
    assert [body for body, _ in stage.announced] == ["picture bomb"]


def test_where_receives_are_no_attempts_an_unexpected_error_never_gives_up() -> None:
    stage = Stage(gives_up_after=None)
    assert stage.process("unexpected", receives=100) == ["unexpected"]
    assert stage.queue.put_back_for == {"handle of unexpected": LONGEST_RETRY_SECONDS}


@pytest.mark.parametrize("receives", [5, 6, 40])
def test_a_message_whose_failure_cannot_be_announced_comes_back_for_that(
    receives: int, caplog: pytest.LogCaptureFixture
) -> None:
    """As while the state table refuses for hours: once each time made another dead letter of the same photo."""
    stage = Stage()
    assert stage.process("unexpected and unannounceable", receives=receives) == ["unexpected and unannounceable"]
    assert stage.dead_letters.dead == []
    assert "could not be handled: its failure was not published" in caplog.text  # for which the alarm looks


def test_a_message_that_sqs_would_delete_soon_is_dead_lettered_without_its_event() -> None:
    stage = Stage()
    stage.now += 13 * DAY
    assert stage.process("unexpected and unannounceable", receives=40) == []
    assert len(stage.dead_letters.dead) == 1


@pytest.mark.parametrize("body", ["malformed", "fails"])
def test_a_message_that_cannot_be_dead_lettered_stays(body: str) -> None:
    stage = Stage(dead_letters_broken=True)
    assert stage.process(body, "one") == [body]


@pytest.mark.parametrize(("remaining_seconds", "begun"), [(20.5, True), (19.5, False), (0, False)])
def test_nothing_is_begun_that_the_time_left_is_too_short_for(remaining_seconds: float, begun: bool) -> None:
    stage = Stage()
    staying = stage.process("one", "two", remaining_seconds=remaining_seconds)
    assert sorted(stage.handled) == (["one", "two"] if begun else [])
    assert sorted(staying) == ([] if begun else ["one", "two"])
    assert set(stage.queue.put_back_for.values()) == (set() if begun else {0})


def test_a_batch_that_fails_as_a_whole_is_no_error_of_the_function() -> None:
    assert sorted(Stage().process("unexpected", "waits")) == ["unexpected", "waits"]


def test_one_broken_queue_call_harms_its_own_message_only() -> None:
    stage = Stage()
    stage.queue.broken = True
    assert stage.process("waits", "one") == ["waits"]


@pytest.mark.parametrize(("attributes", "redriven"), [({}, False), ({"reason": "It broke off."}, True)])
def test_a_use_case_sees_how_often_and_when_its_message_came(attributes: dict[str, str], redriven: bool) -> None:
    """Every dead letter of ours has a reason; one that comes back with it was redriven."""
    seen: list[Message] = []

    def handle(message: Message) -> MessageResult:
        seen.append(message)
        return Done()

    stage = Stage()
    stage.handle = handle  # type: ignore[method-assign]
    stage.process("one", receives=3, **attributes)
    assert seen == [Message(body="one", receive_count=3, sent_at_seconds=SENT_AT, redriven=redriven)]


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


def test_every_line_about_a_photos_error_names_its_job_and_no_line_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    printed, upload = io.StringIO(), Upload(bucket="in", key="a.jpg", sequencer="02")
    monkeypatch.setattr(logger.registered_handler, "stream", printed)

    def handle(message: Message) -> MessageResult:
        if message.body == "photo":
            log_about(upload)
        raise ZeroDivisionError("nobody thought of this")

    stage: Any = Stage()
    stage.handle = handle
    stage.batch = replace(stage.batch, threads=1)
    stage.process("photo", "no photo", receives=5)
    lines = [json.loads(line) for line in printed.getvalue().splitlines()]
    assert [line.get("correlation_id") for line in lines] == [upload.job_id, upload.job_id, None, None]


def test_a_dead_letter_is_counted() -> None:
    Stage().process("malformed", "fails", "one")
    assert metrics.metric_set["DeadLettered"]["Value"] == [1.0, 1.0]


# ---- AWS refuses or throttles a call for a while


def outlived(minutes: int, *, gives_up_after: int | None, every: int = 1) -> tuple[list[str], int]:
    """What becomes of photos that come at each minute, or every few, of such trouble.

    Returns:
        The reasons of the dead letters, and the number of photos.
    """
    reasons, came = [], range(0, minutes, every)
    for minute in came:
        stage, receives = Stage(gives_up_after=gives_up_after), 0
        body = "unexpected"
        while not stage.dead_letters.dead and body != "one":
            receives += 1
            body = "unexpected" if stage.now < SENT_AT + (minutes - minute) * 60 else "one"
            stage.process(body, receives=receives)
            stage.now += stage.queue.put_back_for.get(f"handle of {body}", 0.0)
        reasons += [attributes["reason"] for _body, attributes in stage.dead_letters.dead]
        assert len(stage.announced) == len(stage.dead_letters.dead)
    return reasons, len(came)


def test_ten_minutes_of_trouble_dead_letter_no_photo() -> None:
    reasons, photos = outlived(10, gives_up_after=RECEIVES_BEFORE_GIVING_UP)
    assert (reasons, photos) == ([], 10)


def test_of_six_hours_of_trouble_those_that_came_early_are_ready_to_go_again() -> None:
    reasons, photos = outlived(6 * 60, gives_up_after=RECEIVES_BEFORE_GIVING_UP, every=15)
    assert (len(reasons), photos) == (18, 24)  # it is tried for an hour and a half
    assert all("nobody thought of this" in reason for reason in reasons)


def test_where_receives_are_no_attempts_six_hours_of_trouble_dead_letter_nothing() -> None:
    reasons, _photos = outlived(6 * 60, gives_up_after=None, every=30)
    assert reasons == []


# ---- a batch that cannot begin


def test_a_batch_learns_once_what_all_its_messages_need() -> None:
    stage = Stage()
    stage.process("one", "two", "malformed")
    assert stage.begun == [["one", "two", "malformed"]]


@pytest.mark.parametrize("gives_up_after", [5, None])
def test_an_error_before_the_first_message_delays_each_by_seconds_only(
    gives_up_after: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    """If it went up, Lambda would leave the whole batch unseen for the queue's visibility time-out."""
    stage: Any = Stage(gives_up_after=gives_up_after)

    def away(_messages: Sequence[Message]) -> Any:
        raise ConnectionError("the table cannot be asked")

    stage.begin = away
    assert sorted(stage.process("one", "two")) == ["one", "two"]
    assert stage.queue.put_back_for == {"handle of one": 15.0, "handle of two": 15.0}
    assert [each.message for each in caplog.records] == ["A message could not be handled"] * 2
    assert stage.dead_letters.dead == []


# ---- SQS's own ends


@pytest.mark.parametrize("body", ["one", "waits", "unexpected"])
@pytest.mark.parametrize(
    ("gives_up_after", "age", "receives", "ends"),
    [
        (None, 13 * DAY - 1, 1, False),
        (None, 13 * DAY, 1, True),
        (None, 0.0, 949, False),
        (None, 0.0, 950, True),
        (5, 13 * DAY - 1, 1, False),
        (5, 13 * DAY, 1, True),
    ],
)
def test_a_message_near_what_sqs_keeps_is_dead_lettered_and_announced_by_us(
    body: str, gives_up_after: int | None, age: float, receives: int, ends: bool
) -> None:
    stage = Stage(gives_up_after=gives_up_after)
    stage.now += age
    staying = stage.process(body, receives=receives)
    assert [dead for dead, _attributes in stage.dead_letters.dead] == ([body] if ends else [])
    assert [announced for announced, _reason in stage.announced] == ([body] if ends else [])
    assert stage.handled == ([] if ends else [body])
    assert staying == ([] if ends or body == "one" else [body])


def test_a_message_that_waited_too_long_says_so_with_its_event() -> None:
    stage = Stage(gives_up_after=None)
    stage.now += 13.5 * DAY
    stage.process("waits", receives=520)
    ((_body, attributes),) = stage.dead_letters.dead
    assert attributes["stage"] == "deliver"
    assert attributes["reason"].startswith("It waited for 13.5 days and was received 520 times")
    assert stage.announced == [("waits", attributes["reason"])]


@pytest.mark.parametrize(
    ("receives", "seconds"), [(1, 7.5), (20, 7.5), (21, 10.0), (80, 600.0), (380, 3600.0), (900, 3600.0)]
)
def test_a_message_that_waits_again_and_again_waits_longer_each_time(receives: int, seconds: float) -> None:
    stage = Stage(gives_up_after=None)
    assert stage.process("waits", receives=receives) == ["waits"]
    assert stage.queue.put_back_for == {"handle of waits": seconds}


@pytest.mark.parametrize("body", ["waits", "unexpected"])
def test_a_message_that_waits_all_its_life_is_ended_by_us_before_sqs_ends_it(body: str) -> None:
    """SQS dead-letters after 1,000 receives, and deletes after 14 days; both without an event."""
    stage, receives = Stage(gives_up_after=None), 0
    while not stage.dead_letters.dead:
        receives += 1
        stage.process(body, receives=receives)
        stage.now += stage.queue.put_back_for[f"handle of {body}"]
    assert receives < 1000
    assert stage.now - SENT_AT < 14 * DAY
    assert len(stage.announced) == 1
