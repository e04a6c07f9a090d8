from itertools import pairwise

import pytest
from dropcut.adapters.spending_records import BudgetRecord, PaceRecord
from dropcut.adapters.state_table import StateTable
from dropcut.core.pace import Pace, Slot

from tests.functions.adapters.threads import at_once

KEY, OTHER_KEY = "f1", "f2"
NOON = 1_722_081_600.0  # 2024-07-27 12:00 UTC
DAY = 86_400.0


@pytest.fixture
def pace(table: StateTable) -> PaceRecord:
    return PaceRecord(table=table, pace=Pace(interval_seconds=0.5), horizon_seconds=3.0)


def opening_times(reserved: list[Slot] | float) -> list[float]:
    """In seconds after noon."""
    assert isinstance(reserved, list)
    return [round(slot.opens - NOON, 3) for slot in reserved]


def free_from(reserved: list[Slot] | float) -> float:
    """In seconds after noon."""
    assert isinstance(reserved, float)
    return round(reserved - NOON, 3)


def test_the_first_request_need_not_wait_and_the_others_follow_from_a_little_ahead(pace: PaceRecord) -> None:
    assert opening_times(pace.reserve(KEY, 3, now=NOON)) == [0, 0.6, 1.1]


def test_the_next_reservation_follows_without_a_gap(pace: PaceRecord) -> None:
    pace.reserve(KEY, 3, now=NOON)
    assert opening_times(pace.reserve(KEY, 2, now=NOON + 1)) == [1.6, 2.1]


def test_time_that_nobody_used_is_not_saved_up(pace: PaceRecord) -> None:
    pace.reserve(KEY, 3, now=NOON)
    assert opening_times(pace.reserve(KEY, 2, now=NOON + 60)) == [60, 60.6]


def test_after_a_short_rest_the_first_request_still_keeps_its_distance_to_the_one_before(pace: PaceRecord) -> None:
    pace.reserve(KEY, 1, now=NOON)
    assert opening_times(pace.reserve(KEY, 2, now=NOON + 0.55)) == [0.6, 1.15]


def test_slots_beyond_the_horizon_are_not_held(pace: PaceRecord) -> None:
    pace.reserve(KEY, 5, now=NOON)
    assert opening_times(pace.reserve(KEY, 2, now=NOON)) == [2.6, 3.1]
    assert free_from(pace.reserve(KEY, 1, now=NOON)) == 3.6
    assert free_from(pace.reserve(KEY, 1, now=NOON)) == 3.6
    assert opening_times(pace.reserve(KEY, 1, now=NOON + 1)) == [3.6]


def test_every_key_has_its_own_pace(pace: PaceRecord) -> None:
    pace.reserve(KEY, 10, now=NOON)
    assert opening_times(pace.reserve(OTHER_KEY, 1, now=NOON)) == [0]


@pytest.mark.parametrize("busy", [False, True])
def test_a_locked_out_key_is_held_for_everyone(pace: PaceRecord, busy: bool) -> None:
    if busy:
        pace.reserve(KEY, 4, now=NOON)
    pace.hold(KEY, until=NOON + 60)
    assert free_from(pace.reserve(KEY, 1, now=NOON + 1)) == 60
    assert opening_times(pace.reserve(KEY, 1, now=NOON + 58)) == [60]


def test_right_before_a_lock_out_ends_nobody_comes_early(pace: PaceRecord) -> None:
    pace.hold(KEY, until=NOON + 60)
    assert opening_times(pace.reserve(KEY, 2, now=NOON + 59.95)) == [60, 60.55]


def test_a_shorter_hold_does_not_end_a_longer_one(pace: PaceRecord) -> None:
    pace.hold(KEY, until=NOON + 60)
    pace.hold(KEY, until=NOON + 5)
    assert free_from(pace.reserve(KEY, 1, now=NOON)) == 60


def test_reservations_at_once_never_share_a_slot(table: StateTable) -> None:
    pace = PaceRecord(table=table, pace=Pace(interval_seconds=0.5), horizon_seconds=1_000)
    reserved = at_once(20, lambda: pace.reserve(KEY, 3, now=NOON))
    closing_times = sorted(slot.closes for slots in reserved if isinstance(slots, list) for slot in slots)
    assert len(closing_times) >= 3
    gaps = [round(later - earlier, 3) for earlier, later in pairwise(closing_times)]
    assert gaps == [0.5] * (len(closing_times) - 1)


def budget(table: StateTable, limit: float) -> BudgetRecord:
    return BudgetRecord(table=table, daily_credit_limit=limit)


@pytest.mark.parametrize(
    ("limit", "credits", "times"), [(10, 2, 5), (11, 2, 5), (9.9, 2, 4), (2, 2, 1), (1, 2, 0), (1, 0.1, 10)]
)
def test_the_budget_lasts_exactly_as_long_as_its_limit(
    table: StateTable, limit: float, credits: float, times: int
) -> None:
    taken = [budget(table, limit).take(KEY, credits, now=NOON) for _ in range(12)]
    assert taken == [True] * times + [False] * (12 - times)


def test_without_a_limit_spending_is_counted_all_the_same(table: StateTable) -> None:
    assert all(budget(table, 0).take(KEY, 2, now=NOON) for _ in range(50))
    assert (table.get(f"budget#{KEY}#2024-07-27") or {})["spent"] == 100


def test_the_day_ends_at_midnight_utc(table: StateTable) -> None:
    limited = budget(table, 2)
    assert limited.take(KEY, 2, now=NOON)
    assert not limited.take(KEY, 2, now=NOON + DAY / 2 - 1)
    assert limited.take(KEY, 2, now=NOON + DAY / 2)


def test_every_key_has_its_own_budget(table: StateTable) -> None:
    limited = budget(table, 2)
    assert limited.take(KEY, 2, now=NOON)
    assert limited.take(OTHER_KEY, 2, now=NOON)


def test_what_is_given_back_goes_to_the_day_it_was_taken_from(table: StateTable) -> None:
    limited = budget(table, 2)
    assert limited.take(KEY, 2, now=NOON)
    assert limited.take(KEY, 2, now=NOON + DAY)
    limited.give_back(KEY, 2, taken_at=NOON)
    assert not limited.take(KEY, 2, now=NOON + DAY)
    assert limited.take(KEY, 2, now=NOON)


def test_twenty_threads_never_overspend(table: StateTable) -> None:
    limited = budget(table, 14)
    assert sum(at_once(20, lambda: limited.take(KEY, 2, now=NOON))) == 7
    assert (table.get(f"budget#{KEY}#2024-07-27") or {})["spent"] == 14


def test_what_was_charged_is_counted_in_all_over_the_days(table: StateTable) -> None:
    limited = budget(table, 4)
    for day in range(3):
        assert limited.take(KEY, 2, now=NOON + day * DAY)
        limited.add_to_total(KEY, 2)
    limited.add_to_total(OTHER_KEY, 5)
    totals = [(table.get(f"budget#{key}#total") or {})["spent"] for key in (KEY, OTHER_KEY)]
    assert totals == [6, 5]


def test_the_count_in_all_is_kept_and_limits_nothing(table: StateTable) -> None:
    limited = budget(table, 4)
    limited.add_to_total(KEY, 1_000)
    assert limited.take(KEY, 4, now=NOON)
    assert "expires_at" not in (table.get(f"budget#{KEY}#total") or {})
