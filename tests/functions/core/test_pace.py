import pytest
from dropcut.core.pace import MOST_LATE_SECONDS, Pace, Slot
from hypothesis import given
from hypothesis import strategies as st

MOST_APART_SECONDS = 0.2 + MOST_LATE_SECONDS + 0.05
"""How far from its slot a request may come in beside another's: two clocks, a late worker, a slower connection."""


def opening_times(slots: list[Slot]) -> list[float]:
    return [slot.opens for slot in slots]


def busiest_window(times: list[float], seconds: float) -> int:
    """The most requests in any window of this length (both ends counted)."""
    return max(sum(start <= time <= start + seconds for time in times) for start in times)


@pytest.mark.parametrize(
    ("limit", "seconds", "used"),
    [(150, 10, 145.95), (50, 10, 48.65), (10, 1, 9.73), (2, 1, 1.946), (1, 1, 0.973), (1000, 60, 973)],
)
def test_a_small_part_of_the_limit_is_kept_free(limit: int, seconds: float, used: float) -> None:
    assert Pace.under(limit_requests=limit, limit_seconds=seconds).interval_seconds == pytest.approx(seconds / used)


@given(st.integers(1, 400), st.floats(0.5, 60))
def test_no_window_holds_more_than_the_limit(limit: int, seconds: float) -> None:
    pace = Pace.under(limit_requests=limit, limit_seconds=seconds)
    times = opening_times(pace.slots(start=1_000.0, count=min(2 * limit, 450)))
    assert sum(times[0] <= time <= times[0] + seconds for time in times) <= limit


def test_reservations_that_follow_each_other_keep_the_limit_as_well() -> None:
    pace = Pace.under(limit_requests=150, limit_seconds=10)
    times: list[float] = []
    for _ in range(40):
        start = times[-1] + pace.interval_seconds if times else 0.0
        times += opening_times(pace.slots(start=start, count=10))
    assert 140 <= busiest_window(times, 10) <= 150


@pytest.mark.parametrize("late_until", range(0, 400, 25))
def test_clocks_apart_late_workers_and_slow_connections_do_not_fill_a_window(late_until: int) -> None:
    slots = Pace.under(limit_requests=150, limit_seconds=10).slots(start=0, count=400)
    arrivals = [slot.opens + (MOST_APART_SECONDS if number < late_until else 0) for number, slot in enumerate(slots)]
    assert busiest_window(arrivals, 10) <= 150


def test_slots_are_evenly_spaced_from_the_start() -> None:
    assert opening_times(Pace(interval_seconds=0.5).slots(start=7, count=3)) == [7, 7.5, 8]
    assert Pace(interval_seconds=0.5).slots(start=7, count=0) == []


def test_a_slot_closes_soon_after_it_opens() -> None:
    for slot in Pace(interval_seconds=0.5).slots(start=7, count=3):
        assert slot.closes == slot.opens + MOST_LATE_SECONDS


def test_after_a_rest_the_first_request_may_come_early_and_the_others_keep_their_times() -> None:
    pace = Pace(interval_seconds=0.5)
    first, *others = pace.slots_after_rest(start=7, count=3, idle_since=6.9)
    assert first == Slot(opens=6.9, closes=7 + MOST_LATE_SECONDS)
    assert others == pace.slots(start=7, count=3)[1:]
