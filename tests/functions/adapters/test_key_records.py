"""What all workers of one key share: pace, budget and health."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from dropcut.adapters.key_records import BudgetRecord, HealthRecord, PaceRecord, health_id
from dropcut.adapters.state_table import StateTable
from dropcut.core.blame import Health
from dropcut.core.pace import MOST_LATE_SECONDS, Pace, Slot

from tests.functions.adapters.threads import at_once
from tests.functions.cloud import TABLE

KEY, OTHER_KEY = "f1", "f2"
NOON = 1_722_081_600.0  # 2024-07-27 12:00 UTC
DAY = 86_400.0


@pytest.fixture
def pace(table: StateTable) -> PaceRecord:
    return PaceRecord(table=table, pace=Pace(interval_seconds=0.5), horizon_seconds=3.0)


def reserved(pace: PaceRecord, count: int = 1, *, now: float = NOON, key: str = KEY) -> list[float]:
    """When so many slots open, in seconds after noon."""
    slots = [pace.reserve(key, now=now) for _ in range(count)]
    assert all(isinstance(slot, Slot) for slot in slots), slots
    return [round(slot.opens - NOON, 3) for slot in slots if isinstance(slot, Slot)]


def free_from(pace: PaceRecord, *, now: float = NOON, key: str = KEY) -> float:
    """When the next free slot opens that is too far away to be booked, in seconds after noon."""
    slot = pace.reserve(key, now=now)
    assert isinstance(slot, float), slot
    return round(slot - NOON, 3)


def test_the_first_request_need_not_wait_and_the_others_follow_evenly(pace: PaceRecord) -> None:
    assert reserved(pace, 3) == [0, 0.6, 1.1]


def test_the_next_reservation_follows_without_a_gap(pace: PaceRecord) -> None:
    reserved(pace, 3)
    assert reserved(pace, 2, now=NOON + 1) == [1.6, 2.1]


def test_time_that_nobody_used_is_not_saved_up(pace: PaceRecord) -> None:
    reserved(pace, 3)
    assert reserved(pace, 2, now=NOON + 60) == [60, 60.6]


def test_after_a_short_rest_a_request_keeps_its_distance_to_the_one_before(pace: PaceRecord) -> None:
    reserved(pace)
    assert reserved(pace, 2, now=NOON + 0.55) == [0.6, 1.15]


def test_whoever_comes_after_its_slot_has_closed_is_too_late(pace: PaceRecord) -> None:
    first, second = (pace.reserve(KEY, now=NOON) for _ in range(2))
    assert isinstance(first, Slot) and isinstance(second, Slot)
    assert first.closes - NOON == pytest.approx(0.1 + MOST_LATE_SECONDS)
    assert second.closes - second.opens == pytest.approx(MOST_LATE_SECONDS)


def test_slots_beyond_the_horizon_are_not_held(pace: PaceRecord) -> None:
    assert reserved(pace, 6)[-1] == 2.6
    assert free_from(pace) == 3.1
    assert free_from(pace) == 3.1
    assert reserved(pace, now=NOON + 0.2) == [3.1]


def test_every_key_has_its_own_pace(pace: PaceRecord) -> None:
    reserved(pace, 5)
    assert reserved(pace, key=OTHER_KEY) == [0]


@pytest.mark.parametrize("busy", [False, True])
def test_a_locked_out_key_is_held_for_everyone(pace: PaceRecord, busy: bool) -> None:
    if busy:
        reserved(pace, 4)
    pace.hold(KEY, until=NOON + 60)
    assert free_from(pace, now=NOON + 1) == 60
    assert reserved(pace, now=NOON + 58) == [60]


def test_right_before_a_lock_out_ends_nobody_comes_early(pace: PaceRecord) -> None:
    pace.hold(KEY, until=NOON + 60)
    assert reserved(pace, 2, now=NOON + 59.95) == [60, 60.55]


def test_a_shorter_hold_does_not_end_a_longer_one(pace: PaceRecord) -> None:
    pace.hold(KEY, until=NOON + 60)
    pace.hold(KEY, until=NOON + 5)
    assert free_from(pace) == 60


def test_reservations_at_once_never_share_a_slot(table: StateTable) -> None:
    pace = PaceRecord(table=table, pace=Pace(interval_seconds=0.5), horizon_seconds=1_000)
    slots = at_once(20, lambda: pace.reserve(KEY, now=NOON))
    closing_times = sorted(slot.closes for slot in slots if isinstance(slot, Slot))
    gaps = [round(later - earlier, 3) for earlier, later in pairwise(closing_times)]
    assert gaps == [0.5] * (len(closing_times) - 1)
    assert len(closing_times) >= 3


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


def test_what_is_spent_is_known_by_key_and_day(table: StateTable) -> None:
    limited = budget(table, 0)
    limited.take(KEY, 2, now=NOON)
    limited.take(KEY, 3, now=NOON)
    spent = [limited.spent(KEY, now=NOON), limited.spent(OTHER_KEY, now=NOON), limited.spent(KEY, now=NOON + DAY)]
    assert spent == [5, 0, 0]


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


def test_what_could_be_given_back_twice_is_sent_once(dynamodb: Any, table: StateTable) -> None:
    """botocore would send it again when the answer got lost: then more could be spent than the limit."""
    sent: list[bool] = []

    class Once:
        def update_item(self, **_request: object) -> dict[str, object]:
            sent.append(True)
            return {}

    lonely = StateTable(dynamodb, TABLE, once=Once())  # type: ignore[arg-type]
    budget(lonely, 2).give_back(KEY, 2, taken_at=NOON)
    assert sent == [True]
    assert table.get(f"budget#{KEY}#2024-07-27") is None


def test_twenty_threads_never_overspend(table: StateTable) -> None:
    limited = budget(table, 14)
    assert sum(at_once(20, lambda: limited.take(KEY, 2, now=NOON))) == 7
    assert (table.get(f"budget#{KEY}#2024-07-27") or {})["spent"] == 14


# Health.

HEALTH = health_id(KEY)


@pytest.fixture
def health(table: StateTable) -> HealthRecord:
    return HealthRecord(table=table)


def known(table: StateTable) -> Health:
    return HealthRecord(table=table).get(KEY)


def test_a_key_that_nobody_met_trouble_with_is_well(table: StateTable) -> None:
    assert known(table) == Health()


def test_troubled_and_refused_pictures_are_counted_once_each(health: HealthRecord, table: StateTable) -> None:
    for picture in ("a", "b", "a"):
        health.trouble(KEY, picture, now=NOON)
        health.refusal(KEY, picture + "2", now=NOON)
    assert known(table) == Health(troubled=frozenset({"a", "b"}), refused=frozenset({"a2", "b2"}))
    assert known(table) != Health()


def test_each_trouble_tells_who_was_in_trouble_before(health: HealthRecord) -> None:
    assert health.trouble(KEY, "a", now=NOON) == Health()
    assert health.trouble(KEY, "b", now=NOON).troubled == {"a"}
    assert health.refusal(KEY, "c", now=NOON) == Health(troubled=frozenset({"a", "b"}))
    assert health.trouble(KEY, "a", now=NOON).troubled == {"a", "b"}


def test_of_twenty_in_trouble_at_once_each_gets_another_number(health: HealthRecord) -> None:
    pictures = iter([f"{number}.png" for number in range(20)])
    before = at_once(20, lambda: health.trouble(KEY, next(pictures), now=NOON))
    assert sorted(len(each.troubled) for each in before) == list(range(20))


def test_every_key_has_its_own_health(health: HealthRecord, table: StateTable) -> None:
    health.trouble(OTHER_KEY, "a", now=NOON)
    health.lockout(OTHER_KEY, called_at=NOON, until=NOON + 60)
    assert health.possibly_paid(OTHER_KEY, now=NOON) == 1
    assert health.possibly_paid(KEY, now=NOON) == 1
    assert known(table) == Health()


def test_answers_to_calls_made_during_a_lock_out_belong_to_it(health: HealthRecord, table: StateTable) -> None:
    calls = [(0, 60), (1, 61), (59.9, 119.9), (60, 120), (100, 160), (121, 181)]
    in_a_row = [health.lockout(KEY, called_at=NOON + made, until=NOON + until) for made, until in calls]
    assert in_a_row == [1, 1, 1, 2, 2, 3]
    assert known(table).lockouts == 3


def test_of_twenty_calls_that_are_locked_out_at_once_one_is_counted(health: HealthRecord) -> None:
    assert at_once(20, lambda: health.lockout(KEY, called_at=NOON, until=NOON + 60)) == [1] * 20


def test_calls_that_may_have_been_charged_are_counted_by_the_hour(health: HealthRecord) -> None:
    times = [0, 1, 3599.9, 3600, 3601, 2 * 3600, 10 * 3600]
    assert [health.possibly_paid(KEY, now=NOON + seconds) for seconds in times] == [1, 2, 3, 1, 2, 1, 1]


def test_of_twenty_calls_that_may_have_been_charged_at_once_none_is_lost(health: HealthRecord) -> None:
    assert sorted(at_once(20, lambda: health.possibly_paid(KEY, now=NOON))) == list(range(1, 21))


def in_trouble(health: HealthRecord) -> None:
    health.trouble(KEY, "a", now=NOON)
    health.refusal(KEY, "b", now=NOON)
    health.lockout(KEY, called_at=NOON, until=NOON + 60)
    health.possibly_paid(KEY, now=NOON)


def test_a_call_that_went_well_clears_the_trouble(health: HealthRecord, table: StateTable) -> None:
    in_trouble(health)
    health.went_well(KEY)
    assert known(table) == Health()
    assert health.lockout(KEY, called_at=NOON, until=NOON + 60) == 1


def test_a_call_that_went_well_excuses_none_of_those_that_were_paid_in_vain(health: HealthRecord) -> None:
    in_trouble(health)
    health.went_well(KEY)
    assert health.possibly_paid(KEY, now=NOON + 1) == 2


@pytest.mark.parametrize(
    "met",
    [
        lambda health, now: health.trouble(KEY, "a", now=now),
        lambda health, now: health.refusal(KEY, "a", now=now),
        lambda health, now: health.lockout(KEY, called_at=now, until=now),
    ],
    ids=["trouble", "refusal", "lock-out"],
)
def test_the_health_of_a_key_that_is_used_no_more_is_forgotten(
    health: HealthRecord, table: StateTable, met: Callable[[HealthRecord, float], object]
) -> None:
    for now in (NOON, NOON + DAY):
        met(health, now)
        assert (table.get(HEALTH) or {})["expires_at"] == now + 30 * DAY
