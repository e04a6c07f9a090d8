"""Feed over dicts: turns, pages, what holds it back, and what a crash anywhere leaves behind."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from dropcut.adapters.api_key import ApiKey, ApiKeyMissingError
from dropcut.adapters.job_records import JobRecord
from dropcut.core.backfill import TABLE, Backfill, Entry, ListNotReadableError, Page, Waiting
from dropcut.core.cutout_request import read_request
from dropcut.core.event_names import BACKFILL_FINISHED, BACKFILL_STARTED
from dropcut.core.gate import Gate
from dropcut.core.messages import Upload
from dropcut.core.photo_source import ByPhoto, PhotoSource
from dropcut.observability import metrics
from dropcut.use_cases.feed import SECONDS_FOR_A_PAGE, Feed

from tests.functions.fakes import FakeEventBus, FakeGate

NOW = 1_722_000_000.0
MINUTE = 60.0


class CrashError(Exception):
    """The function dies here."""


@dataclass
class FakeBackfills:
    records: dict[str, Backfill] = field(default_factory=dict)

    def all(self) -> Sequence[Backfill]:
        return list(self.records.values())

    def announced(self, backfill: Backfill) -> None:
        self._set(backfill.name, announced=True)

    def page_sent(self, before: Backfill, after: Backfill) -> str:
        now = self.records[before.name]
        if now.cursor != before.cursor:
            return ""
        names = ("cursor", "seen", "sent", "fed_at", "fed_until")
        self._set(before.name, **{name: getattr(after, name) for name in names})
        return now.status

    def finish(self, backfill: Backfill, *, now: float) -> None:
        self._become(backfill.name, "end reached", ended_at=now)

    def break_off(self, backfill: Backfill, reason: str) -> None:
        self._become(backfill.name, "list not readable", reason=reason)

    def _become(self, name: str, event: str, **more: Any) -> None:
        self._set(name, status=TABLE[self.records[name].status][event].next, **more)

    def _set(self, name: str, **values: Any) -> None:
        self.records[name] = replace(self.records[name], **values)


@dataclass
class FakeLists:
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    """By back-fill."""
    gone: str = ""
    pages: int = 0

    def page(self, backfill: Backfill, *, most: int) -> Page:
        self.pages += 1
        if self.gone:
            raise ListNotReadableError(self.gone)
        first = int(backfill.cursor or 0)
        some = self.entries[backfill.name][first : first + most]
        end = first + len(some)
        found = [replace(each, cursor=str(number)) for number, each in enumerate(some, start=first + 1)]
        return Page(entries=found, cursor=str(end), is_last=end == len(self.entries[backfill.name]))


@dataclass
class FakeIntake:
    sent: list[tuple[Upload, int]] = field(default_factory=list)
    """Each request, and after how many seconds it is seen."""
    counts: Waiting = field(default_factory=lambda: Waiting(visible=0, in_work=0))

    def send_later(self, messages: Sequence[tuple[str, int]]) -> None:
        for body, seconds in messages:
            assert json.loads(body)["detail-type"] == "Cutout Requested"
            asked = read_request(body, sent_at_seconds=NOW)
            assert isinstance(asked, Upload) and asked.is_fed
            self.sent.append((asked, seconds))

    def waiting(self) -> Waiting:
        return self.counts

    @property
    def keys(self) -> list[str]:
        return [asked.key for asked, _seconds in self.sent]


@dataclass
class FakeRecords:
    known: dict[str, JobRecord] = field(default_factory=dict)
    """By key."""

    def records(self, bucket: str, keys: Sequence[str]) -> dict[str, JobRecord]:
        assert bucket == "photos"
        return {key: self.known[key] for key in keys if key in self.known}


@dataclass
class FakeKeys:
    """The secret; empty for no key."""

    text: str = "key-1"

    def current(self) -> ApiKey:
        if not self.text:
            raise ApiKeyMissingError
        return ApiKey(self.text)


@dataclass
class FakeSpending:
    today: float = 0.0

    def spent(self, fingerprint: str, *, now: float) -> float:
        assert (fingerprint, now) == (ApiKey("key-1").fingerprint, NOW)
        return self.today


@dataclass
class FakeRule:
    is_on: bool = True
    before_it_is_off: Callable[[], object] = lambda: None

    def turn_on(self) -> None:
        self.is_on = True

    def turn_off(self) -> None:
        self.before_it_is_off()
        self.is_on = False


@dataclass
class Shop:
    """A feeder with all that it works on; ten photos a second."""

    backfills: FakeBackfills = field(default_factory=FakeBackfills)
    lists: FakeLists = field(default_factory=FakeLists)
    jobs: FakeRecords = field(default_factory=FakeRecords)
    intake: FakeIntake = field(default_factory=FakeIntake)
    cut_queue: FakeIntake = field(default_factory=FakeIntake)
    gate: FakeGate = field(default_factory=FakeGate)
    keys: FakeKeys = field(default_factory=FakeKeys)
    budget: FakeSpending = field(default_factory=FakeSpending)
    daily_credit_limit: float = 0.0
    events: FakeEventBus = field(default_factory=FakeEventBus)
    rule: FakeRule = field(default_factory=FakeRule)
    now: float = NOW
    source: PhotoSource = field(default_factory=lambda: PhotoSource(bucket="photos"))

    def start(self, name: str, keys: Sequence[str], **more: Any) -> None:
        self.backfills.records[name] = Backfill(name=name, bucket="photos", **more)
        self.lists.entries[name] = [Entry(key=key, size_bytes=1000) for key in keys]

    def wake(self, *, seconds: float = 50.0, **parts: Any) -> None:
        feed = Feed(
            backfills=self.backfills,
            lists=self.lists,
            jobs=self.jobs,
            rendition_names=ByPhoto(others=("full", "small")),
            intake=self.intake,
            cut_queue=self.cut_queue,
            gate=self.gate,
            # A fake of a class that is no protocol.
            keys=self.keys,  # type: ignore[arg-type]
            budget=self.budget,
            credits_per_image=2.0,
            daily_credit_limit=self.daily_credit_limit,
            events=self.events,  # type: ignore[arg-type]
            rule=self.rule,
            sources=[self.source],
            interval_seconds=0.1,
            clock=lambda: self.now,
        )
        replace(feed, **parts)(ends_at=self.now + seconds)

    def wake_until(self, is_so: Callable[[], bool], *, most: int = 50) -> int:
        for number in range(most):
            if is_so():
                return number
            self.wake()
            self.now += MINUTE
        raise AssertionError(f"It was woken {most} times in vain.")

    def status(self, name: str = "a") -> str:
        return self.backfills.records[name].status

    def published(self, name: str) -> list[Any]:
        return [detail for kind, detail in self.events.published if kind == name]


@pytest.fixture
def shop() -> Shop:
    return Shop()


def keys(number: int, prefix: str = "") -> list[str]:
    return [f"{prefix}{each:05}.jpg" for each in range(number)]


def test_all_photos_are_sent_once_in_their_order_at_the_pace(shop: Shop) -> None:
    shop.start("a", keys(2_500), total=2_500)
    woken = shop.wake_until(lambda: shop.status() == "finished")
    assert shop.intake.keys == keys(2_500)
    assert woken == 4  # 700 at first, then 600 a minute
    assert max(seconds for _asked, seconds in shop.intake.sent) < 100


def test_start_and_end_are_published_with_counts(shop: Shop) -> None:
    shop.start("a", ["folder/", *keys(3)], total=4, prefix="p/")
    shop.lists.entries["a"][0] = Entry(key="folder/", size_bytes=0)
    shop.wake()
    (started,), (finished,) = shop.published(BACKFILL_STARTED), shop.published(BACKFILL_FINISHED)
    assert (started["backfill"], started["total"], started["prefix"]) == ("a", 4, "p/")
    assert (finished["seen"], finished["sent"], finished["left_out"]) == (4, 3, 1)


@pytest.mark.parametrize(
    ("entry", "source"),
    [
        (Entry(key="folder/", size_bytes=0), {}),
        (Entry(key="folder/"), {}),
        (Entry(key="elsewhere/a.jpg", size_bytes=9), {"prefix": "shop/"}),
        (Entry(key="a.txt", size_bytes=9), {"suffixes": (".jpg",)}),
        (Entry(key="a.jpg", size_bytes=9), {"smallest_bytes": 10}),
        (Entry(key="a.jpg", size_bytes=11), {"largest_bytes": 10}),
    ],
)
def test_what_no_upload_would_announce_is_left_out(shop: Shop, entry: Entry, source: dict[str, Any]) -> None:
    shop.source = PhotoSource(**{"bucket": "photos"} | source)
    shop.start("a", [])
    shop.lists.entries["a"] = [entry]
    shop.wake()
    assert (shop.intake.sent, shop.backfills.records["a"].left_out) == ([], 1)


def test_tags_and_sizes_that_no_list_tells_are_left_to_prepare(shop: Shop) -> None:
    shop.source = PhotoSource(bucket="photos", tag=("cut", "yes"), smallest_bytes=10)
    shop.start("a", [])
    shop.lists.entries["a"] = [Entry(key="a.jpg", size_bytes=10), Entry(key="b.jpg")]
    shop.wake()
    assert shop.intake.keys == ["a.jpg", "b.jpg"]


def test_nothing_is_sent_while_the_spending_is_paused(shop: Shop) -> None:
    shop.start("a", keys(3))
    shop.gate.record = Gate(is_closed=True, code="no_credits", reason="Buy some.")
    shop.wake()
    assert (shop.intake.sent, shop.lists.pages, shop.rule.is_on) == ([], 0, True)
    shop.gate.record = Gate()
    shop.wake()
    assert len(shop.intake.sent) == 3


@pytest.mark.parametrize("queue", ["intake", "cut_queue"])
def test_nothing_is_sent_while_more_waits_than_the_pace_takes(shop: Shop, queue: str) -> None:
    shop.start("a", keys(3))
    getattr(shop, queue).counts = Waiting(visible=1_000, in_work=0)
    shop.wake()
    assert (shop.intake.sent, shop.lists.pages) == ([], 0)


# ---- the day's credits


@pytest.mark.parametrize(
    ("spent", "waiting", "sent"),
    [
        pytest.param(0.0, Waiting(visible=0, in_work=0), 45, id="a tenth of the day is left for live photos"),
        pytest.param(50.0, Waiting(visible=0, in_work=0), 20, id="live photos have spent some"),
        pytest.param(0.0, Waiting(visible=10, in_work=20, delayed=5), 10, id="what is on its way may cost as much"),
        pytest.param(88.0, Waiting(visible=0, in_work=0), 1, id="the last one"),
        pytest.param(89.0, Waiting(visible=0, in_work=0), 0, id="too little for one more"),
        pytest.param(99.0, Waiting(visible=0, in_work=0), 0, id="live photos have spent more than that"),
    ],
)
def test_live_photos_find_a_tenth_of_the_days_credits(shop: Shop, spent: float, waiting: Waiting, sent: int) -> None:
    """Once a back-fill spent them all, and live photos waited until midnight."""
    shop.daily_credit_limit, shop.budget.today, shop.intake.counts = 100.0, spent, waiting
    shop.start("a", keys(100))
    shop.wake()
    assert (len(shop.intake.sent), shop.status()) == (sent, "running")


def test_a_limit_of_one_photo_a_day_does_not_stop_a_back_fill_for_ever(shop: Shop) -> None:
    shop.daily_credit_limit = 2.0
    shop.start("a", keys(3))
    shop.wake()
    assert shop.intake.keys == keys(3)[:1]


def test_without_a_key_nothing_that_counts_against_a_limit_is_sent(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """Cut may be allowed to read the key where the feeder is not: nobody else says that nothing goes on."""
    shop.daily_credit_limit, shop.keys.text = 100.0, ""
    shop.start("a", keys(3))
    shop.wake()
    assert (shop.intake.sent, shop.status()) == ([], "running")
    assert "back-fill cannot go on" in caplog.text  # for which the alarm looks


def test_without_a_limit_the_key_is_not_read(shop: Shop) -> None:
    shop.keys.text = ""
    shop.start("a", keys(3))
    shop.wake()
    assert len(shop.intake.sent) == 3


def test_several_take_turns(shop: Shop) -> None:
    for name in ("a", "b"):
        shop.start(name, keys(3_000, f"{name}/"))
    shop.wake()
    assert {key[0] for key in shop.intake.keys} == {"a"}
    shop.now += MINUTE
    shop.wake()
    assert {key[0] for key in shop.intake.keys[700:]} == {"b"}
    shop.wake_until(lambda: shop.status("a") == shop.status("b") == "finished")
    assert sorted(shop.intake.keys) == [*keys(3_000, "a/"), *keys(3_000, "b/")]


def test_the_rest_of_a_turn_is_the_next_ones(shop: Shop) -> None:
    shop.start("a", keys(10, "a/"))
    shop.start("b", keys(10, "b/"))
    shop.wake()
    assert (shop.status("a"), shop.status("b")) == ("finished", "finished")
    delays = [seconds for _asked, seconds in shop.intake.sent]
    assert delays == sorted(delays)


def test_one_that_was_stopped_sends_nothing_until_it_is_resumed(shop: Shop) -> None:
    shop.start("a", keys(2_000))
    shop.wake()
    shop.backfills._become("a", "stop")
    shop.now += MINUTE
    shop.wake()
    assert len(shop.intake.sent) == 700
    shop.backfills._become("a", "resume")
    shop.wake_until(lambda: shop.status() == "finished")
    assert shop.intake.keys == keys(2_000)


def test_one_that_is_stopped_while_its_page_is_sent_sends_no_other(shop: Shop) -> None:
    shop.start("a", keys(2_000))
    send = shop.intake.send_later

    def stop_then_send(messages: Sequence[tuple[str, int]]) -> None:
        shop.backfills._become("a", "stop")
        send(messages)

    shop.intake.send_later = stop_then_send  # type: ignore[method-assign]
    shop.wake()
    assert (shop.status(), shop.backfills.records["a"].seen) == ("stopped", 700)


def test_one_whose_list_cannot_be_read_stops_with_the_reason_and_others_go_on(shop: Shop) -> None:
    shop.start("a", keys(3))
    shop.lists.gone = "The list is gone."
    shop.wake()
    assert (shop.status(), shop.backfills.records["a"].reason) == ("broken", "The list is gone.")
    shop.wake()
    assert not shop.rule.is_on
    shop.lists.gone = ""
    shop.start("b", keys(3))
    shop.wake()
    assert shop.status("b") == "finished"


def test_no_page_is_begun_with_too_little_time_left(shop: Shop) -> None:
    shop.start("a", keys(3))
    shop.wake(seconds=SECONDS_FOR_A_PAGE - 1)
    assert shop.lists.pages == 0
    assert shop.backfills.records["a"].announced


def test_it_is_woken_no_more_when_nothing_runs(shop: Shop) -> None:
    shop.wake()
    assert not shop.rule.is_on


def test_one_that_is_started_while_the_rule_is_turned_off_keeps_it_on(shop: Shop) -> None:
    shop.rule.before_it_is_off = lambda: shop.start("a", keys(3))
    shop.wake()
    assert shop.rule.is_on


def test_one_that_meets_errors_again_and_again_does_not_hold_up_the_others(shop: Shop) -> None:
    """The error goes up, after the others' turns: it rings the alarm."""
    shop.start("a", keys(3))
    shop.start("b", keys(3))
    shop.lists.entries.pop("a")
    with pytest.raises(KeyError):
        shop.wake()
    assert (shop.status("a"), shop.status("b")) == ("running", "finished")


@pytest.mark.parametrize(
    ("source", "status"),
    [
        (PhotoSource(bucket="another"), "broken"),
        (PhotoSource(bucket="photos", prefix="2025/"), "broken"),
        (PhotoSource(bucket="photos", prefix="2024/shop/"), "finished"),
        (PhotoSource(bucket="photos", prefix="20"), "finished"),
    ],
)
def test_one_whose_input_was_taken_away_stops_instead_of_leaving_all_out(
    shop: Shop, source: PhotoSource, status: str
) -> None:
    shop.start("a", keys(3, "2024/shop/"), prefix="2024/")
    shop.source = source
    shop.wake()
    ended = shop.backfills.records["a"]
    assert (ended.status, ended.seen, len(shop.intake.sent)) == (status, *((0, 0) if status == "broken" else (3, 3)))
    if status == "broken":
        assert "s3://photos/2024/" in ended.reason and "backfill resume a" in ended.reason


def test_one_that_comes_after_another_waits_until_its_last_photo_is_seen(shop: Shop) -> None:
    shop.start("a", keys(700))
    shop.wake()
    assert shop.status("a") == "finished"
    shop.start("b", keys(700))
    shop.wake()
    assert len(shop.intake.sent) == 700
    shop.now += MINUTE
    shop.wake()
    assert len(shop.intake.sent) <= 700 + 600


def test_a_page_of_done_photos_takes_none_of_the_pace(shop: Shop) -> None:
    shop.start("a", keys(5_000))
    shop.jobs.known = {key: JobRecord(job_id="1", status="rejected") for key in keys(4_990)}
    shop.wake()
    assert (shop.status(), shop.intake.keys) == ("finished", keys(5_000)[4_990:])
    (finished,) = shop.published(BACKFILL_FINISHED)
    assert (finished["seen"], finished["sent"], finished["left_out"]) == (5_000, 5_000, 0)


def test_where_little_may_be_sent_done_photos_are_passed_by_the_hundred(shop: Shop) -> None:
    """Once a page had as many objects as could be sent: three, say, of a million that were done."""
    metrics.metric_set.clear()
    shop.daily_credit_limit, shop.budget.today = 100.0, 84.0
    shop.start("a", keys(1_000))
    to_do = [*keys(500)[490:], *keys(1_000)[-1:]]
    shop.jobs.known = {key: JobRecord(job_id="1", status="rejected") for key in keys(1_000) if key not in to_do}
    shop.wake()
    assert (shop.intake.keys, shop.lists.pages) == (to_do[:3], 5)
    shop.budget.today = 0.0
    shop.wake()
    assert (shop.intake.keys, shop.status()) == (to_do, "finished")
    record = shop.backfills.records["a"]
    assert (record.seen, record.sent) == (1_000, 1_000)
    assert sum(metrics.metric_set["PhotosDoneBefore"]["Value"]) == 1_000 - len(to_do)


@pytest.mark.parametrize("key", ["", "a" * 1025, "é" * 513, "a\ud800.jpg"])
def test_a_line_of_a_list_that_can_be_no_key_does_not_hold_up_the_others(shop: Shop, key: str) -> None:
    """DynamoDB refuses to look for one of over 2,048 bytes: once its page was tried again each minute, for ever."""
    shop.start("a", [])
    shop.lists.entries["a"] = [Entry(key=key), Entry(key="b.jpg")]
    shop.wake()
    assert (shop.intake.keys, shop.status(), shop.backfills.records["a"].left_out) == (["b.jpg"], "finished", 1)


MADE = frozenset({"full", "small"})


@pytest.mark.parametrize(
    ("known", "is_sent"),
    [
        ({"status": "delivered", "etag": '"1"', "renditions": MADE}, False),
        ({"status": "delivered", "renditions": MADE}, False),
        ({"status": "delivered", "etag": '"1"', "renditions": {"full"}, "chosen": ("full",)}, False),
        ({"status": "delivered", "etag": '"1"'}, False),
        ({"status": "held"}, False),
        ({"status": "rejected"}, False),
        ({"status": "delivered", "etag": '"2"', "renditions": MADE}, True),
        ({"status": "delivered", "etag": '"1"', "renditions": {"full"}}, True),
        ({"status": "failed"}, True),
        ({"status": "skipped"}, True),
        ({"status": "preparing"}, True),
        ({"status": "waiting"}, True),
    ],
)
def test_what_is_done_is_not_sent(shop: Shop, known: dict[str, Any], is_sent: bool) -> None:
    shop.start("a", [])
    shop.lists.entries["a"] = [Entry(key="a.jpg", size_bytes=9, etag='"1"')]
    shop.jobs.known["a.jpg"] = JobRecord(job_id="1", **known)
    shop.wake()
    assert bool(shop.intake.sent) is is_sent


def test_whether_a_photo_of_a_list_was_replaced_is_for_prepare_to_see(shop: Shop) -> None:
    shop.start("a", [])
    shop.lists.entries["a"] = [Entry(key="a.jpg")]
    shop.jobs.known["a.jpg"] = JobRecord(job_id="1", status="delivered", etag='"1"', renditions=MADE)
    shop.wake()
    assert shop.intake.keys == ["a.jpg"]


PARTS = ("backfills", "lists", "jobs", "intake", "cut_queue", "events", "rule")


class Dies:
    """Passes calls on, and dies before or after the one that is chosen, counted over all of them."""

    def __init__(self, number: int, *, after: bool) -> None:
        self._left, self._after = number, after
        self.was_reached = False

    def around(self, part: Any) -> Any:
        dies = self

        class Around:
            def __getattr__(self, name: str) -> Any:
                return lambda *arguments, **named: dies._call(getattr(part, name), *arguments, **named)

        return Around()

    def _call(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self._left -= 1
        if self._left == 0 and not self._after:
            self._die()
        result = call(*arguments, **named)
        if self._left == 0:
            self._die()
        return result

    def _die(self) -> None:
        self.was_reached = True
        raise CrashError


CALLS = 11
"""What one turn does that reads a page, sends it, and comes to the end."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(1, CALLS + 2))
def test_a_crash_anywhere_repeats_a_page_and_loses_none(shop: Shop, number: int, after: bool) -> None:
    shop.start("a", keys(300), total=300)
    dies = Dies(number, after=after)
    with suppress(CrashError):
        shop.wake(**{name: dies.around(getattr(shop, name)) for name in PARTS})
    assert dies.was_reached == (number <= CALLS)
    shop.now += MINUTE
    shop.wake_until(lambda: shop.status() == "finished")
    assert sorted(set(shop.intake.keys)) == keys(300)
    assert len(shop.intake.keys) <= 600
    assert len({asked.job_id for asked, _seconds in shop.intake.sent}) == 300
    assert set(shop.events.types) == {BACKFILL_STARTED, BACKFILL_FINISHED}
    assert len(set(shop.events.ids)) == 2
