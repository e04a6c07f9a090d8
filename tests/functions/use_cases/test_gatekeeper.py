"""The gatekeeper's ticks: what is turned off and on, what is tried, what the world is told, however often it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from dropcut.adapters.cut_function import ProbeFailedError
from dropcut.adapters.gate_record import Closed, GateRecord
from dropcut.adapters.queue import Queue
from dropcut.adapters.state_table import StateTable
from dropcut.core.messages import SpendingNotice, read_announcement
from dropcut.use_cases.gatekeeper import SECONDS_AFTER_A_FAILED_PROBE, Gatekeeper

from tests.functions.cloud import table_in_memory
from tests.functions.memory import SqsInMemory

NOW = 1_722_081_600.0
PAUSE = 60.0


class CrashedError(RuntimeError):
    """The gatekeeper ends here without a word."""


@dataclass
class FakeCutFunction:
    """Notes when its event source is changed; a record it is given ends as `probe` says."""

    enabled: bool = True
    changes: list[bool] = field(default_factory=list)
    handled: list[Mapping[str, Any]] = field(default_factory=list)
    probe: Callable[[], bool] = lambda: False

    def take_messages(self, wanted: bool) -> None:
        if wanted is not self.enabled:
            self.changes.append(wanted)
            self.enabled = wanted

    def handle(self, record: Mapping[str, Any]) -> bool:
        self.handled.append(record)
        return self.probe()


class Watch:
    """A gatekeeper and what it works on, with a clock to turn."""

    def __init__(self) -> None:
        self.now = NOW
        table = table_in_memory()
        self.gate = GateRecord(table=table, pause_seconds=PAUSE)
        self.sqs: Any = SqsInMemory()
        queues = [Queue(self.sqs, self.sqs.create_queue(QueueName=name)["QueueUrl"]) for name in ("cut", "deliver")]
        self.cut_queue, self.deliver_queue = queues
        self.cut_function = FakeCutFunction()
        self.gatekeeper = Gatekeeper(
            gate=self.gate,
            cut_function=self.cut_function,  # type: ignore[arg-type]
            cut_queue=self.cut_queue,
            deliver_queue=self.deliver_queue,
            probe_seconds=200,
            clock=lambda: self.now,
        )

    def close(self, *, announced: bool = True) -> None:
        self.gate.close(Closed(until=self.now + PAUSE, code="no_credits", reason="Buy some."), now=self.now)
        if announced:
            self.gate.announced()

    def probe_goes_well(self) -> bool:
        assert self.gate.enter(now=self.now) == "probe"
        self.gate.begin_to_open()
        return True

    def probe_fails(self) -> bool:
        assert self.gate.enter(now=self.now) == "probe"
        self.gate.stay_closed(code="no_credits", reason="Buy some.", now=self.now)
        return False

    def notices(self) -> list[SpendingNotice]:
        told = self.sqs.receive_message(QueueUrl="deliver", MaxNumberOfMessages=100)["Messages"]
        announcements = [read_announcement(message["Body"]) for message in told]
        assert all(isinstance(announcement, SpendingNotice) for announcement in announcements)
        return announcements  # type: ignore[return-value]

    def kinds_told(self) -> list[str]:
        return [notice.kind for notice in self.notices()]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def paused(watch: Watch) -> Watch:
    """Closed, announced, turned off, with one picture waiting, and the time for a probe has come."""
    watch.close()
    watch.cut_queue.send("picture")
    watch.gatekeeper()
    watch.now += PAUSE
    return watch


def test_while_the_gate_is_open_there_is_nothing_to_do(watch: Watch) -> None:
    watch.cut_queue.send("picture")
    for _ in range(3):
        watch.gatekeeper()
    assert (watch.cut_function.changes, watch.cut_function.handled, watch.notices()) == ([], [], [])
    assert watch.gate.standing() == "open"


def test_an_event_source_left_off_by_a_tick_that_crossed_another_is_turned_on_again(watch: Watch) -> None:
    watch.cut_function.enabled = False
    watch.gatekeeper()
    assert (watch.cut_function.enabled, watch.kinds_told()) == (True, [])


def test_a_closed_gate_turns_the_messages_off_once(watch: Watch) -> None:
    watch.close()
    for _ in range(3):
        watch.gatekeeper()
        watch.now += PAUSE / 4
    assert watch.cut_function.changes == [False]
    assert watch.cut_function.handled == []


def test_an_event_source_turned_on_by_a_deployment_is_turned_off_again(paused: Watch) -> None:
    paused.cut_function.enabled = True
    paused.now -= 1
    paused.gatekeeper()
    assert not paused.cut_function.enabled


def test_a_pause_that_its_worker_told_is_not_told_again(watch: Watch) -> None:
    watch.close(announced=True)
    watch.gatekeeper()
    assert watch.notices() == []


def test_a_pause_that_its_worker_could_not_tell_any_more_is_told_once(watch: Watch) -> None:
    watch.close(announced=False)
    for _ in range(3):
        watch.gatekeeper()
    assert watch.notices() == [SpendingNotice(kind="paused", code="no_credits", reason="Buy some.", until=NOW + PAUSE)]


def test_a_crash_right_after_telling_tells_it_again_rather_than_never(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_record: GateRecord) -> None:
        raise CrashedError

    watch.close(announced=False)
    with monkeypatch.context() as patched, pytest.raises(CrashedError):
        patched.setattr(GateRecord, "announced", crash)
        watch.gatekeeper()
    watch.gatekeeper()
    watch.gatekeeper()
    assert watch.kinds_told() == ["paused", "paused"]


def test_before_its_time_nothing_is_tried(paused: Watch) -> None:
    paused.now -= 0.001
    paused.gatekeeper()
    assert paused.cut_function.handled == []


def test_a_probe_hands_over_one_message_in_lambdas_form(paused: Watch) -> None:
    paused.cut_queue.send("another picture")
    paused.gatekeeper()
    (record,) = paused.cut_function.handled
    assert record["body"] == "picture"
    assert (record["messageId"], record["receiptHandle"]) == ("1", "handle of 1")
    assert record["attributes"] == {"ApproximateReceiveCount": "1", "SentTimestamp": "1722000000500"}


def test_the_message_of_a_probe_is_unseen_for_as_long_as_the_probe_may_take(
    paused: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(paused.sqs, "receive_message", lambda **request: asked.append(request) or {})
    paused.gatekeeper()
    assert [(request["MaxNumberOfMessages"], request["VisibilityTimeout"]) for request in asked] == [(1, 200)]


def test_a_probe_that_goes_well_deletes_its_message_and_opens_the_gate(paused: Watch) -> None:
    paused.cut_function.probe = paused.probe_goes_well
    paused.gatekeeper()
    assert paused.cut_queue.is_empty()
    assert paused.cut_function.changes == [False, True]
    assert paused.kinds_told() == ["resumed"]
    assert paused.gate.standing() == "open"


def test_a_probe_that_fails_leaves_its_message_and_the_gate_closed(paused: Watch) -> None:
    paused.cut_function.probe = paused.probe_fails
    paused.gatekeeper()
    assert not paused.cut_queue.is_empty()
    assert paused.cut_function.changes == [False]
    assert paused.notices() == []
    standing = paused.gate.standing()
    assert isinstance(standing, Closed)
    assert standing.until == paused.now + 2 * PAUSE


def test_a_message_done_with_by_no_call_is_deleted_and_opens_nothing(paused: Watch) -> None:
    paused.cut_function.probe = lambda: True  # such as one whose picture was paid for before
    paused.gatekeeper()
    assert paused.cut_queue.is_empty()
    assert isinstance(paused.gate.standing(), Closed)


@pytest.mark.parametrize("error", [ProbeFailedError("out of memory"), CrashedError("throttled")])
def test_a_probe_that_cannot_be_made_leaves_everything_as_it_is_and_the_picture_is_seen_again_soon(
    paused: Watch, error: Exception
) -> None:
    def fails() -> bool:
        raise error

    paused.cut_function.probe = fails
    with pytest.raises(type(error)):
        paused.gatekeeper()
    assert paused.sqs.unseen_for(QueueUrl="cut") == [SECONDS_AFTER_A_FAILED_PROBE]
    assert not paused.cut_queue.is_empty()
    assert isinstance(paused.gate.standing(), Closed)
    assert not paused.cut_function.enabled


def test_with_no_picture_left_there_is_nothing_to_lose_by_opening(watch: Watch) -> None:
    watch.close()
    watch.now += PAUSE
    watch.gatekeeper()
    assert (watch.gate.standing(), watch.cut_function.enabled, watch.kinds_told()) == ("open", True, ["resumed"])


def test_while_pictures_wait_unseen_the_gate_stays_closed(paused: Watch) -> None:
    assert paused.cut_queue.receive_one(visibility_seconds=60)
    paused.gatekeeper()
    assert paused.cut_function.handled == []
    assert isinstance(paused.gate.standing(), Closed)


@pytest.mark.parametrize("enabled", [True, False])
def test_a_gate_that_began_to_open_is_opened(watch: Watch, enabled: bool) -> None:
    watch.close()
    watch.gate.begin_to_open()
    watch.cut_function.enabled = enabled
    watch.gatekeeper()
    watch.gatekeeper()
    assert (watch.gate.standing(), watch.cut_function.enabled, watch.kinds_told()) == ("open", True, ["resumed"])


@pytest.mark.parametrize("step", ["take_messages", "send", "opened"])
def test_an_opening_that_crashes_is_finished_by_the_next_tick(
    watch: Watch, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_arguments: object) -> None:
        raise CrashedError

    owner = {"take_messages": FakeCutFunction, "send": Queue, "opened": GateRecord}[step]
    watch.close()
    watch.gatekeeper()
    watch.gate.begin_to_open()
    with monkeypatch.context() as patched, pytest.raises(CrashedError):
        patched.setattr(owner, step, crash)
        watch.gatekeeper()
    watch.gatekeeper()
    assert (watch.gate.standing(), watch.cut_function.enabled) == ("open", True)
    assert set(watch.kinds_told()) == {"resumed"}


def test_a_gate_closed_again_while_it_opens_is_turned_off_by_the_next_tick(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = GateRecord.opened

    def close_first(record: GateRecord) -> None:
        watch.close()
        opened(record)

    watch.close()
    watch.gate.begin_to_open()
    with monkeypatch.context() as patched:
        patched.setattr(GateRecord, "opened", close_first)
        watch.gatekeeper()
    watch.gatekeeper()
    assert isinstance(watch.gate.standing(), Closed)
    assert not watch.cut_function.enabled
