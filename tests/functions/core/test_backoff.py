import pytest
from dropcut.core.backoff import (
    LONGEST_WAIT_SECONDS,
    MOST_RECEIVES,
    OLDEST_SECONDS,
    full_jitter_seconds,
    least_wait_seconds,
    waited_too_long,
)
from hypothesis import given
from hypothesis import strategies as st

DAY = 86_400.0
SENT = 1_722_000_000.0


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 2.0), (2, 4.0), (3, 8.0), (8, 256.0), (9, 300.0), (10_000, 300.0)]
)
def test_the_longest_wait_doubles_with_each_attempt_up_to_the_ceiling(attempt: int, longest: float) -> None:
    assert full_jitter_seconds(attempt=attempt, base_seconds=2, ceiling_seconds=300, jitter=1.0) == longest


def test_jitter_decides_which_part_of_the_wait_is_taken() -> None:
    waits = [full_jitter_seconds(attempt=2, base_seconds=2, ceiling_seconds=300, jitter=j) for j in (0, 0.25, 0.5)]
    assert waits == [0, 1, 2]


@given(st.integers(1, 10**9), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1))
def test_no_wait_is_negative_or_over_the_ceiling(attempt: int, base: float, ceiling: float, jitter: float) -> None:
    wait = full_jitter_seconds(attempt=attempt, base_seconds=base, ceiling_seconds=ceiling, jitter=jitter)
    assert 0 <= wait <= ceiling


# How rarely a message may be received.


def receives_within(seconds: float) -> int:
    """Of a message that waits from its first second on, each time as shortly as it may."""
    now, receives = 0.0, 0
    while now < seconds:
        receives += 1
        now += max(1.0, least_wait_seconds(receives))  # SQS counts whole seconds; none is received twice in one
    return receives


def test_a_message_that_always_waits_stays_below_what_the_queue_allows() -> None:
    assert receives_within(OLDEST_SECONDS) < 950
    assert receives_within(14 * DAY) < MOST_RECEIVES


@pytest.mark.parametrize(
    ("receives", "seconds"), [(1, 0), (20, 0), (21, 10), (22, 20), (380, 3600), (381, 3600), (900, 3600)]
)
def test_the_first_waits_are_free_and_the_later_ones_grow_to_an_hour(receives: int, seconds: float) -> None:
    assert least_wait_seconds(receives) == seconds
    assert seconds <= LONGEST_WAIT_SECONDS == 3600


def test_a_message_is_ended_a_day_before_sqs_deletes_it_and_before_its_last_receives() -> None:
    assert OLDEST_SECONDS == 13 * DAY < 14 * DAY
    assert MOST_RECEIVES < 1_000


@pytest.mark.parametrize(
    ("waited", "receives", "ends"),
    [
        (0.0, 1, False),
        (13 * DAY - 1, 949, False),
        (13 * DAY, 1, True),
        (13 * DAY + 1, 1, True),
        (60.0, 949, False),
        (60.0, 950, True),
        (60.0, 999, True),
    ],
)
def test_a_message_that_is_too_old_or_was_received_too_often_is_ended(waited: float, receives: int, ends: bool) -> None:
    assert bool(waited_too_long(SENT, receives, now=SENT + waited)) is ends


def test_the_reason_says_how_long_it_waited_and_what_to_do() -> None:
    reason = waited_too_long(SENT, 321, now=SENT + 13.5 * DAY)
    assert all(part in reason for part in ("13.5 days", "321 times", "redrive"))
