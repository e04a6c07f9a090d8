import pytest
from dropcut.core.pace import MOST_LATE_SECONDS, Pace
from hypothesis import given
from hypothesis import strategies as st

MOST_APART_SECONDS = 0.2 + MOST_LATE_SECONDS + 0.05
"""How far from its slot a request may come in beside another's: two clocks, a late worker, a slower connection."""


def booked(pace: Pace, count: int) -> list[float]:
    """When slots open that were booked without a rest, each an interval after the one before."""
    return [1_000 + number * pace.interval_seconds for number in range(count)]


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
    times = booked(pace, min(2 * limit, 450))
    assert sum(times[0] <= time <= times[0] + seconds for time in times) <= limit


def test_a_window_that_is_worked_to_the_full_uses_most_of_the_limit() -> None:
    times = booked(Pace.under(limit_requests=150, limit_seconds=10), 400)
    assert 140 <= busiest_window(times, 10) <= 150


@pytest.mark.parametrize("late_until", range(0, 400, 25))
def test_clocks_apart_late_workers_and_slow_lines_do_not_fill_a_window(late_until: int) -> None:
    slots = booked(Pace.under(limit_requests=150, limit_seconds=10), 400)
    arrivals = [opens + (MOST_APART_SECONDS if number < late_until else 0) for number, opens in enumerate(slots)]
    assert busiest_window(arrivals, 10) <= 150
