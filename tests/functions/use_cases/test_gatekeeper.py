"""The gatekeeper's looks: what is turned off and on, what is tried, what is published, however often it runs."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from dropcut.adapters.api_key import ApiKey, ApiKeys
from dropcut.adapters.cut_function import ProbeFailedError
from dropcut.adapters.gate_record import GateRecord
from dropcut.core.backoff import LONGEST_WAIT_SECONDS, MOST_RECEIVES, OLDEST_SECONDS
from dropcut.core.deliver_message import read_deliver_message
from dropcut.core.gate import BY_HAND, UNTIL_RESUMED, Gate
from dropcut.core.messages import (
    CutRequest,
    Ended,
    OutcomeMessage,
    PreparedPicture,
    SpendingNotice,
    Upload,
)
from dropcut.core.ports import GateStore
from dropcut.observability import metrics
from dropcut.use_cases.endings import Endings
from dropcut.use_cases.gatekeeper import (
    LONGEST_SWEEP_SECONDS,
    SECONDS_AFTER_A_FAILED_PROBE,
    SWEEP_AFTER_SECONDS,
    UNSEEN_SECONDS,
    Gatekeeper,
)

from tests.functions.cloud import table_in_memory
from tests.functions.fakes import FakeGate, FakeHealth, FakeQueue
from tests.functions.memory import SecretsInMemory

NOW = 1_722_081_600.0
PAUSE = 60.0
CUT_SECONDS = 200.0
LOOK_SECONDS = CUT_SECONDS + 25
"""An invocation's time: for the longest run of the cut function, and 25 s around it (`infra/settings.py`)."""
DAY = 86_400.0
KEY = "key-1"


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


class Waiting:
    """The cut queue: a message that was received is unseen for a while."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.messages: dict[str, dict[str, Any]] = {}
        """By receipt handle, which here stays the same."""
        self.seconds_per_receive = 0.0
        self._numbers = itertools.count(1)

    def send(self, body: str, *, age: float = 0.0, receives: int = 0, **attributes: str) -> str:
        number = next(self._numbers)
        self.messages[f"handle of {number}"] = {
            "id": str(number),
            "body": body,
            "sent_at": self._clock() - age,
            "receives": receives,
            "attributes": {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
            "seen_from": 0.0,
        }
        return body

    def receive(self, *, most: int, visibility_seconds: int) -> list[dict[str, Any]]:
        visible = [handle for handle, each in self.messages.items() if each["seen_from"] <= self._clock()][:most]
        for handle in visible:
            self.messages[handle]["receives"] += 1
            self.put_back(handle, visibility_seconds)
        return [self._as_received(handle, self.messages[handle]) for handle in visible]

    def _as_received(self, handle: str, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "MessageId": message["id"],
            "ReceiptHandle": handle,
            "Body": message["body"],
            "Attributes": {
                "ApproximateReceiveCount": str(message["receives"]),
                "SentTimestamp": str(round(message["sent_at"] * 1000)),
            },
            **({"MessageAttributes": message["attributes"]} if message["attributes"] else {}),
        }

    def put_back(self, handle: str, seconds: float) -> None:
        self.messages[handle]["seen_from"] = self._clock() + seconds

    def delete(self, handle: str) -> None:
        del self.messages[handle]

    def is_empty(self) -> bool:
        return not self.messages

    def unseen_for(self) -> list[float]:
        return [each["seen_from"] - self._clock() for each in self.messages.values()]

    def bodies(self) -> list[str]:
        return [each["body"] for each in self.messages.values()]


class Watch:
    """A gatekeeper and what it works on, with a clock to turn."""

    def __init__(self, gate: GateStore | None = None) -> None:
        self.now = NOW
        self.gate: Any = gate or FakeGate()
        self.health = FakeHealth()
        self.secrets = SecretsInMemory(KEY)
        self.cut_function = FakeCutFunction()
        self.cut_queue = Waiting(lambda: self.now)
        self.deliver_queue, self.dead_letters = FakeQueue(), FakeQueue()
        self.gatekeeper = Gatekeeper(
            gate=self.gate,
            health=self.health,
            keys=ApiKeys(self.secrets, "api-key"),  # type: ignore[arg-type]
            cut_function=self.cut_function,  # type: ignore[arg-type]
            cut_queue=self.cut_queue,  # type: ignore[arg-type]
            deliver_queue=self.deliver_queue,
            endings=Endings(deliver_queue=self.deliver_queue, dead_letters=self.dead_letters),
            cut_seconds=CUT_SECONDS,
            clock=lambda: self.now,
        )

    def look(self, *, seconds: float = LOOK_SECONDS) -> None:
        self.gatekeeper(ends_at=self.now + seconds)

    def close(self, **changed: Any) -> None:
        """As a worker closes it, with the key that is in the secret."""
        closed = Gate(
            is_closed=True,
            code="no_credits",
            reason="Buy some.",
            until=self.now + PAUSE,
            fingerprint=ApiKey(self.secrets.text).fingerprint,
            swept_at=self.now,
        )
        assert self.gate.close(replace(closed, **changed))

    def begins_to_open(self) -> None:
        """As a probe of another look that went well leaves it."""
        assert self.gate.begin_probe("worker", now=self.now + PAUSE, ends=self.now + CUT_SECONDS)
        self.gate.begin_to_open("worker")

    def ends_probe(self, *, opens: bool) -> Callable[[], bool]:
        """A run of the cut function that makes one call, which goes well or does not."""

        def run() -> bool:
            assert self.gate.begin_probe("worker", now=self.now, ends=self.now + CUT_SECONDS)
            if opens:
                self.gate.begin_to_open("worker")
            else:
                failed = replace(self.gate.get(), until=self.now + 2 * PAUSE, probes_failed=1)
                self.gate.end_probe("worker", failed)
            return opens

        return run

    def takes(self, seconds: float, *, done: bool = True) -> Callable[[], bool]:
        """A run of the cut function that needs no call, as for a picture that was paid for before."""

        def run() -> bool:
            self.now += seconds
            return done

        return run

    def notices(self) -> list[SpendingNotice]:
        sent = [read_deliver_message(body) for body in self.deliver_queue.sent]
        return [notice for notice in sent if isinstance(notice, SpendingNotice)]

    def ended(self) -> list[tuple[str, str, str]]:
        """Key, kind and code of the photos whose ends deliver was given."""
        sent = [read_deliver_message(body) for body in self.deliver_queue.sent]
        outcomes = [each for each in sent if isinstance(each, OutcomeMessage)]
        return [(o.upload.key, o.outcome.kind, o.outcome.code) for o in outcomes if isinstance(o.outcome, Ended)]

    def kinds(self) -> list[str]:
        return [notice.kind for notice in self.notices()]

    def state(self) -> str:
        return str(self.gate.get().state(self.now))


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def paused(watch: Watch) -> Watch:
    """Closed, announced, turned off, with one picture waiting, and the time for a probe has come."""
    watch.close()
    watch.cut_queue.send("picture")
    watch.look()
    watch.now += PAUSE
    return watch


# ---- while nothing is wrong


def test_while_the_gate_is_open_there_is_nothing_to_do(watch: Watch) -> None:
    watch.cut_queue.send("picture")
    for _ in range(3):
        watch.look()
    assert (watch.cut_function.changes, watch.cut_function.handled, watch.deliver_queue.sent) == ([], [], [])
    assert watch.state() == "open"


def test_an_event_source_left_off_by_a_look_that_crossed_another_is_turned_on_again(watch: Watch) -> None:
    watch.cut_function.enabled = False
    watch.look()
    assert (watch.cut_function.enabled, watch.kinds()) == (True, [])


@pytest.mark.parametrize("closed", [True, False])
def test_a_metric_says_that_spending_is_paused_and_nothing_while_it_goes_on(watch: Watch, closed: bool) -> None:
    if closed:
        watch.close()
    watch.look()
    assert metrics.metric_set.get("SpendingIsPaused", {}).get("Value") == ([1.0] if closed else None)


# ---- a closed gate


def test_a_closed_gate_turns_the_messages_off_once(watch: Watch) -> None:
    watch.close()
    for _ in range(3):
        watch.look()
        watch.now += PAUSE / 4
    assert watch.cut_function.changes == [False]
    assert watch.cut_function.handled == []


def test_an_event_source_turned_on_by_a_deployment_is_turned_off_again(paused: Watch) -> None:
    paused.cut_function.enabled = True
    paused.now -= 1
    paused.look()
    assert not paused.cut_function.enabled


def test_a_pause_is_published_once(watch: Watch) -> None:
    watch.close()
    for _ in range(3):
        watch.look()
    assert watch.notices() == [SpendingNotice(kind="paused", code="no_credits", reason="Buy some.", until=NOW + PAUSE)]


def test_a_probe_that_fails_publishes_no_second_pause(paused: Watch) -> None:
    paused.cut_function.probe = paused.ends_probe(opens=False)
    paused.look()
    paused.look()
    assert paused.kinds() == ["paused"]


def test_a_crash_right_after_publishing_a_pause_repeats_it_rather_than_losing_it(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.close()
    with monkeypatch.context() as patched, pytest.raises(CrashedError):
        patched.setattr(FakeGate, "announced", crash)
        watch.look()
    watch.look()
    watch.look()
    assert watch.kinds() == ["paused", "paused"]


def crash(*_arguments: object) -> None:
    raise CrashedError


# ---- probes


def test_before_its_time_nothing_is_tried(paused: Watch) -> None:
    paused.now -= 0.001
    paused.look()
    assert paused.cut_function.handled == []


def test_a_probe_hands_over_one_message_in_lambdas_form(paused: Watch) -> None:
    paused.cut_queue.send("another picture")
    paused.look()
    (record,) = paused.cut_function.handled
    assert record["body"] == "picture"
    assert (record["messageId"], record["receiptHandle"]) == ("1", "handle of 1")
    assert record["attributes"] == {"ApproximateReceiveCount": "1", "SentTimestamp": f"{NOW * 1000:.0f}"}
    assert record["messageAttributes"] == {}


def test_a_redriven_message_is_handed_over_as_redriven(watch: Watch) -> None:
    """The attribute by which the batch knows it: every dead letter of ours has a reason."""
    watch.close(until=NOW)
    watch.cut_queue.send("picture", reason="It broke off.")
    watch.look()
    (record,) = watch.cut_function.handled
    assert record["messageAttributes"] == {"reason": {"stringValue": "It broke off.", "dataType": "String"}}


def test_the_message_of_a_probe_is_unseen_for_as_long_as_the_probe_may_take(paused: Watch) -> None:
    seen: list[float] = []

    def run() -> bool:
        seen.extend(paused.cut_queue.unseen_for())
        return False

    paused.cut_function.probe = run
    paused.look()
    assert seen == [CUT_SECONDS]


def test_a_probe_that_goes_well_deletes_its_message_and_opens_the_gate(paused: Watch) -> None:
    paused.cut_queue.send("another picture")
    paused.cut_function.probe = paused.ends_probe(opens=True)
    paused.look()
    assert paused.cut_queue.bodies() == ["another picture"]
    assert paused.cut_function.changes == [False, True]
    assert paused.kinds() == ["paused", "resumed"]
    assert paused.state() == "open"


def test_a_probe_that_fails_leaves_its_message_and_the_gate_closed(paused: Watch) -> None:
    paused.cut_queue.send("another picture")
    paused.cut_function.probe = paused.ends_probe(opens=False)
    paused.look()
    assert paused.cut_queue.bodies() == ["picture", "another picture"]
    assert (len(paused.cut_function.handled), paused.cut_function.changes) == (1, [False])
    assert (paused.state(), paused.gate.get().until) == ("closed", paused.now + 2 * PAUSE)


def test_pictures_that_need_no_call_are_worked_off_until_one_makes_a_call(paused: Watch) -> None:
    """They prove nothing, and must not keep the gate shut for a minute each."""
    for number in range(4):
        paused.cut_queue.send(f"picture {number}")
    runs = [paused.ends_probe(opens=True), paused.takes(0.2), paused.takes(0.2)]

    def run() -> bool:
        return runs.pop()()

    paused.cut_function.probe = run
    paused.look()
    assert len(paused.cut_function.handled) == 3
    assert (len(paused.cut_queue.messages), paused.state()) == (2, "open")


def test_two_hundred_pictures_that_need_no_call_take_two_looks(watch: Watch) -> None:
    watch.close(until=NOW)
    for number in range(200):
        watch.cut_queue.send(f"picture {number}")
    watch.cut_function.probe = watch.takes(0.2)
    looks = 0
    while watch.state() != "open":
        watch.now = NOW + 60.0 * looks
        looks += 1
        watch.look()
    assert (looks, len(watch.cut_function.handled), watch.cut_queue.is_empty()) == (2, 200, True)


@pytest.mark.parametrize(("left", "tried"), [(CUT_SECONDS, 1), (CUT_SECONDS - 0.001, 0)])
def test_no_probe_is_begun_that_the_time_left_is_too_short_for(paused: Watch, left: float, tried: int) -> None:
    paused.look(seconds=left)
    assert len(paused.cut_function.handled) == tried


@pytest.mark.parametrize("error", [ProbeFailedError("out of memory"), CrashedError("throttled")])
def test_the_picture_of_a_probe_that_cannot_be_made_is_seen_again_soon(paused: Watch, error: Exception) -> None:
    def fails() -> bool:
        raise error

    paused.cut_function.probe = fails
    with pytest.raises(type(error)):
        paused.look()
    assert paused.cut_queue.unseen_for() == [SECONDS_AFTER_A_FAILED_PROBE]
    assert paused.state() == "due"
    assert not paused.cut_function.enabled


@pytest.mark.parametrize("trouble", ["trouble", "refusal"])
def test_a_picture_that_met_no_trouble_is_tried_before_those_that_did(watch: Watch, trouble: str) -> None:
    """Good pictures waited for hours behind a poison one: each probe of it doubles the pause."""
    watch.close(until=NOW)
    getattr(watch.health, trouble)(ApiKey(KEY).fingerprint, "poison.png", now=NOW)
    waiting = [watch.cut_queue.send(request(f"{name}.jpg", sha256=name)) for name in ("poison", "good", "another")]
    watch.look()
    assert [record["body"] for record in watch.cut_function.handled] == [waiting[1]]
    assert watch.cut_queue.unseen_for() == [0, CUT_SECONDS, 0]


def test_a_picture_that_met_trouble_is_tried_where_no_other_waits(watch: Watch) -> None:
    watch.close(until=NOW)
    watch.health.trouble(ApiKey(KEY).fingerprint, "poison.png", now=NOW)
    watch.cut_queue.send(request("poison.jpg", sha256="poison"))
    watch.look()
    assert len(watch.cut_function.handled) == 1


def test_with_no_picture_left_there_is_nothing_to_lose_by_opening(watch: Watch) -> None:
    watch.close(until=NOW)
    watch.health.trouble(ApiKey(KEY).fingerprint, "a.png", now=NOW)
    watch.look()
    assert (watch.state(), watch.cut_function.enabled, watch.kinds()) == ("open", True, ["paused", "resumed"])
    assert watch.health.records == {}  # all start afresh


@pytest.mark.parametrize("gate", [FakeGate, lambda: GateRecord(table=table_in_memory())], ids=["fake", "record"])
@pytest.mark.parametrize(("since_its_end", "state"), [(-1.0, "probing"), (1.0, "open")])
def test_an_empty_queue_opens_the_gate_once_a_probe_whose_worker_died_is_over(
    gate: Callable[[], GateStore], since_its_end: float, state: str
) -> None:
    watch = Watch(gate())
    watch.close(until=NOW)
    assert watch.gate.begin_probe("dead", now=NOW, ends=NOW + CUT_SECONDS)
    watch.now += CUT_SECONDS + since_its_end
    watch.look()
    assert watch.state() == state


def test_while_pictures_wait_unseen_the_gate_stays_closed(paused: Watch) -> None:
    paused.cut_queue.receive(most=1, visibility_seconds=60)
    paused.look()
    assert paused.cut_function.handled == []
    assert paused.state() == "due"


# ---- a key that was put right


def test_a_key_that_is_put_right_is_tried_at_the_next_look(watch: Watch) -> None:
    watch.close(code="key_refused", until=NOW + 1800)
    watch.cut_queue.send("picture")
    watch.look()
    assert watch.cut_function.handled == []
    watch.secrets.text = "key-2"
    watch.now += 60
    watch.look()
    assert len(watch.cut_function.handled) == 1


@pytest.mark.parametrize(("text", "tried"), [("key-1", 1), ("", 0), ("two words", 0)])
def test_a_gate_that_closed_without_a_key_is_tried_when_there_is_one(watch: Watch, text: str, tried: int) -> None:
    watch.close(code="no_key", fingerprint="", until=NOW + 1800)
    watch.cut_queue.send("picture")
    watch.secrets.text = text
    watch.look()
    assert len(watch.cut_function.handled) == tried


def test_a_key_that_was_taken_away_is_no_reason_to_try(watch: Watch) -> None:
    watch.close(code="key_refused", until=NOW + 1800)
    watch.cut_queue.send("picture")
    watch.secrets.text = ""
    watch.look()
    assert watch.cut_function.handled == []


# ---- what waits too long behind a closed gate


def request(key: str, *, sha256: str = "a") -> str:
    picture = PreparedPicture(
        work_key="prepared/a.jpeg", sha256=sha256, format="jpeg", width=80, height=64, size_bytes=100
    )
    return CutRequest(upload=Upload(bucket="photos", key=key, sequencer="1"), picture=picture).to_json()


@pytest.fixture
def closed(watch: Watch) -> Watch:
    """For so long that the waiting messages are searched, and for long to come."""
    watch.close(until=NOW + 10 * DAY)
    watch.now += SWEEP_AFTER_SECONDS
    return watch


@pytest.mark.parametrize(
    ("age", "receives", "ends"),
    [
        (13 * DAY - 1, 0, False),
        (13 * DAY, 0, True),
        (13.9 * DAY, 5, True),
        (DAY, MOST_RECEIVES - 2, False),
        (DAY, MOST_RECEIVES - 1, True),
    ],
)
def test_behind_a_closed_gate_what_waits_too_long_is_dead_lettered_and_published(
    closed: Watch, age: float, receives: int, ends: bool
) -> None:
    old = closed.cut_queue.send(request("old.jpg"), age=age, receives=receives)
    young = closed.cut_queue.send(request("young.jpg"))
    closed.look()
    assert closed.cut_queue.bodies() == ([young] if ends else [old, young])
    assert [body for body, _attributes in closed.dead_letters.dead] == ([old] if ends else [])
    assert closed.ended() == ([("old.jpg", "failed", "waited_too_long")] if ends else [])


def test_a_dead_letter_of_a_sweep_says_how_long_it_waited(closed: Watch) -> None:
    closed.cut_queue.send(request("old.jpg"), age=13 * DAY, receives=6)
    closed.look()
    ((_body, attributes),) = closed.dead_letters.dead
    assert (attributes["stage"], attributes["code"]) == ("cut", "waited_too_long")
    assert attributes["reason"].startswith("It waited for 13.0 days and was received 7 times")


def test_a_picture_that_cannot_be_dead_lettered_stays_in_the_queue(closed: Watch) -> None:
    old = closed.cut_queue.send(request("old.jpg"), age=13 * DAY)
    closed.dead_letters.refuses = ConnectionError("the queue cannot be reached")
    with pytest.raises(ConnectionError):
        closed.look()
    assert closed.cut_queue.bodies() == [old]
    assert closed.ended() == []


def test_the_rarest_search_comes_before_sqs_deletes_a_message() -> None:
    assert OLDEST_SECONDS + SWEEP_AFTER_SECONDS + LONGEST_WAIT_SECONDS < 14 * DAY


def test_old_pictures_are_ended_also_while_no_probe_can_be_made(closed: Watch) -> None:
    closed.cut_queue.send(request("young.jpg"))
    closed.cut_queue.send(request("old.jpg"), age=13 * DAY)

    def cannot_be_run() -> bool:
        raise ProbeFailedError("out of memory")

    closed.gate.make_due()
    closed.cut_function.probe = cannot_be_run
    with pytest.raises(ProbeFailedError):
        closed.look()
    assert closed.ended() == [("old.jpg", "failed", "waited_too_long")]


def test_a_malformed_message_is_left_to_cut(closed: Watch) -> None:
    closed.cut_queue.send("this is no request", age=13 * DAY)
    closed.look()
    assert (closed.cut_queue.bodies(), closed.dead_letters.dead) == (["this is no request"], [])


def test_the_queue_is_searched_every_six_hours(closed: Watch) -> None:
    waiting = closed.cut_queue
    for number in range(25):
        waiting.send(request(f"{number}.jpg"))
    closed.look()
    assert [each["receives"] for each in waiting.messages.values()] == [1] * 25
    assert waiting.unseen_for() == [UNSEEN_SECONDS] * 25
    closed.now += SWEEP_AFTER_SECONDS - 1
    closed.look()
    assert [each["receives"] for each in waiting.messages.values()] == [1] * 25
    closed.now += 1
    closed.look()
    assert [each["receives"] for each in waiting.messages.values()] == [2] * 25


def test_a_search_of_a_long_queue_leaves_time_for_a_probe(closed: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    receive = closed.cut_queue.receive

    def slowly(**asked: Any) -> Any:
        closed.now += 0.5
        return receive(**asked)

    for number in range(1000):
        closed.cut_queue.send(request(f"{number}.jpg"))
    closed.gate.make_due()
    monkeypatch.setattr(closed.cut_queue, "receive", slowly)
    began = closed.now
    closed.look()
    assert closed.now - began <= LONGEST_SWEEP_SECONDS + 1
    assert len(closed.cut_function.handled) == 1


def test_no_probe_opens_what_was_closed_by_hand_and_only_its_end_is_published(watch: Watch) -> None:
    assert isinstance(watch.gate, FakeGate)
    by_hand = Gate(is_closed=True, code=BY_HAND, reason="The shop moves.", until=UNTIL_RESUMED, swept_at=watch.now)
    watch.gate.record = by_hand
    watch.cut_queue.send("picture")
    for _ in range(3):
        watch.look()
        watch.now += DAY
    assert watch.notices() == [SpendingNotice(kind="paused", code=BY_HAND, reason="The shop moves.", until=None)]
    assert watch.cut_function.handled == []
    watch.gate.record = replace(by_hand, is_closed=False, is_opening=True)
    watch.look()
    assert (watch.state(), watch.cut_function.enabled) == ("open", True)
    assert watch.notices()[-1].reason == "An operator resumed the spending: the pictures are worked off."


# ---- opening


@pytest.mark.parametrize("enabled", [True, False])
def test_a_gate_that_began_to_open_is_opened(watch: Watch, enabled: bool) -> None:
    watch.close()
    watch.begins_to_open()
    watch.cut_function.enabled = enabled
    watch.look()
    watch.look()
    assert (watch.state(), watch.cut_function.enabled, watch.kinds()) == ("open", True, ["resumed"])


@pytest.mark.parametrize("step", ["take_messages", "send", "opened"])
def test_an_opening_that_crashes_is_finished_by_the_next_look(
    watch: Watch, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = {"take_messages": FakeCutFunction, "send": FakeQueue, "opened": FakeGate}[step]
    watch.close()
    watch.look()
    watch.begins_to_open()
    with monkeypatch.context() as patched, pytest.raises(CrashedError):
        patched.setattr(owner, step, crash)
        watch.look()
    watch.look()
    assert (watch.state(), watch.cut_function.enabled) == ("open", True)
    assert set(watch.kinds()) == {"paused", "resumed"}


def test_a_gate_closed_again_while_it_opens_is_turned_off_by_the_next_look(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = FakeGate.opened

    def close_first(gate: FakeGate) -> None:
        watch.close()
        opened(gate)

    watch.close()
    watch.begins_to_open()
    with monkeypatch.context() as patched:
        patched.setattr(FakeGate, "opened", close_first)
        watch.look()
    watch.look()
    assert watch.state() == "closed"
    assert not watch.cut_function.enabled
