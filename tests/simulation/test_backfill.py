"""The feeder in virtual time, on a model of the queues: ten million photos, live ones, pauses, late visits."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from dropcut.core.backfill import Backfill, Waiting, next_share, paid_for_today
from dropcut.core.pace import Pace

INTERVAL = Pace.under(limit_requests=150, limit_seconds=10).interval_seconds
A_SECOND = 1 / INTERVAL
"""Photos a second at the pace."""
IN_WORK = 80
"""Messages that prepare and cut hold at full pace: some seconds' work."""
DAY = 86_400
Live = Callable[[int], float]
"""Photos that are uploaded in a second."""


@dataclass
class Course:
    """What happens while a back-fill runs."""

    photos: int
    live: Live = lambda _second: 0.0
    late: float = 10.0
    """Up to so many seconds the feeder comes late."""
    missed: float = 0.01
    """Part of its visits that do not take place."""
    pauses: Callable[[int], bool] = lambda _second: False
    works: Callable[[int], float] = lambda _second: 1.0
    """The API's speed, as a part of the pace."""
    daily_limit: int = 0
    """In photos; 0 for none."""
    seed: int = 0


@dataclass
class Seen:
    seconds: int = 0
    most_waiting_seconds: float = 0.0
    """The most work that waited at once, sent ahead included."""
    waits: list[int] = field(default_factory=list)
    """By whole seconds: how many live photos waited so long."""
    idle: float = 0.0
    """Calls that could have been made and were not, while the back-fill ran and nothing was paused."""
    calls: float = 0.0
    by_day: list[float] = field(default_factory=lambda: [0.0] * 100)
    """Photos that were paid for."""
    spent_seconds: int = 0
    """In which no more could be paid for until midnight."""

    @property
    def part_of_pace(self) -> float:
        return self.calls / (self.calls + self.idle)

    def live_wait(self, part: float) -> int:
        rest = sum(self.waits) * part
        for seconds, number in enumerate(self.waits):
            rest -= number
            if rest <= 0:
                return seconds
        return 0


def ran(course: Course) -> Seen:
    """One step a second: what was sent ahead becomes visible, live photos come, the API takes what it takes."""
    lot = random.Random(course.seed)
    seen, backfill = Seen(waits=[0] * 7200), Backfill(name="a", bucket="photos", total=course.photos)
    ahead: deque[int] = deque([0] * 901)
    sent_ahead, visible, second, next_visit = 0, 0.0, 0, 0.0
    while backfill.seen < course.photos or sent_ahead + visible >= 1:
        today = second // DAY
        spent = bool(course.daily_limit) and seen.by_day[today] + 1 > course.daily_limit
        seen.spent_seconds += spent
        paused = course.pauses(second) or spent
        if second >= next_visit:
            next_visit = 60 * (second // 60 + 1) + lot.random() * course.late
            if lot.random() >= course.missed and not paused:
                waiting = Waiting(visible=int(visible), in_work=IN_WORK)
                share = next_share(
                    now=float(second), fed_until=backfill.fed_until, waiting=waiting, interval_seconds=INTERVAL
                )
                if course.daily_limit:
                    waiting = Waiting(visible=int(visible), in_work=0, delayed=int(sent_ahead))
                    limit = {"daily_credit_limit": 2.0 * course.daily_limit, "credits_per_image": 2.0}
                    share = share.at_most(paid_for_today(spent=2 * seen.by_day[today], waiting=waiting, **limit))
                count = min(share.count, course.photos - backfill.seen)
                for delay in share.delays(count, now=float(second)):
                    ahead[delay] += 1
                sent_ahead += count
                backfill = replace(backfill, seen=backfill.seen + count, fed_until=share.after(count).begins)
        due, live = ahead.popleft(), course.live(second)
        ahead.append(0)
        sent_ahead -= due
        if live:
            seen.waits[min(7199, int(visible * INTERVAL))] += round(live * 10)
        visible += due + live
        able = 0.0 if paused else A_SECOND * course.works(second)
        done = min(able, visible)
        visible -= done
        seen.by_day[today] += done
        if backfill.seen < course.photos:
            seen.calls += done
            seen.idle += able - done
        seen.most_waiting_seconds = max(seen.most_waiting_seconds, (visible + sent_ahead) * INTERVAL)
        second += 1
    seen.seconds = second
    return seen


def in_bursts(second: int) -> float:
    """A photo every five seconds, and for ten minutes of each hour half of what the API takes."""
    return A_SECOND / 2 if second % 3600 < 600 else 0.2


def by_day(second: int) -> float:
    """A third of the pace on average, most at noon."""
    return A_SECOND * (2 / 3) * (1 - abs(second % DAY - DAY / 2) / (DAY / 2))


def test_ten_million_photos_keep_the_pace_and_live_ones_do_not_wait() -> None:
    seen = ran(Course(photos=10_000_000, live=in_bursts))
    assert seen.most_waiting_seconds < 600
    assert seen.part_of_pace >= 0.95
    assert seen.live_wait(0.95) < 60
    assert seen.seconds / DAY == pytest.approx(8.7, abs=0.3)  # eight days alone; the bursts take a twelfth


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="alone"),
        pytest.param({"live": by_day}, id="a third is live"),
        pytest.param({"live": lambda second: 0.75 * A_SECOND if second > 3600 else 0.0}, id="most is live"),
        pytest.param({"late": 25.0}, id="visits are late"),
        pytest.param({"live": in_bursts, "missed": 0.03}, id="visits do not take place"),
        pytest.param({"live": in_bursts, "pauses": lambda second: second % 7200 < 1800}, id="pauses"),
        pytest.param({"live": lambda _second: 0.2, "works": lambda second: 0.5 + second % 600 / 1200}, id="a slow API"),
    ],
)
def test_whatever_comes_in_between_no_flood_arises(given: dict[str, object], seed: int) -> None:
    seen = ran(Course(photos=200_000, seed=seed, **given))  # type: ignore[arg-type]
    assert seen.most_waiting_seconds < 600
    assert seen.part_of_pace >= 0.95
    if "pauses" not in given:  # while spending is paused, live photos wait like all others
        assert seen.live_wait(0.95) < 60


@pytest.mark.parametrize("daily_limit", [500, 5_000, 100_000])
def test_of_a_daily_limit_live_photos_find_a_tenth_each_day(daily_limit: int) -> None:
    """Also where 100 s of work, which are sent ahead, are three times the limit."""
    most_live = daily_limit / 10 - 2
    seen = ran(Course(photos=3 * daily_limit, live=lambda _second: most_live / DAY, daily_limit=daily_limit))
    whole_days = seen.by_day[: seen.seconds // DAY]
    assert len(whole_days) == 3
    assert seen.spent_seconds == 0
    assert min(whole_days) >= 0.9 * daily_limit - 2
