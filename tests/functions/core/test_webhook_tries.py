"""What a receiver's answer means, and when the next try is made."""

from itertools import pairwise

import pytest
from dropcut.adapters.queue import LONGEST_INVISIBLE_SECONDS
from dropcut.core.webhook_tries import (
    LONGEST_BETWEEN_TRIES_SECONDS,
    MOST_JITTER_SECONDS,
    TRIES_AT,
    Answered,
    NotAnswered,
    next_try_seconds,
    retry_after_seconds,
)

DAY, HOUR = 86_400, 3600.0
NOW = 1_800_000_000.0
UNWELL = Answered(status=500)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (200, "delivered"),
        (202, "delivered"),
        (204, "delivered"),
        (299, "delivered"),
        (100, "again"),
        (301, "again"),
        (302, "again"),
        (307, "again"),
        (400, "again"),
        (401, "again"),
        (404, "again"),
        (409, "again"),
        (410, "gone"),
        (411, "again"),
        (429, "again"),
        (500, "again"),
        (503, "again"),
        (999, "again"),
    ],
)
def test_each_status_means_one_thing(status: int, meaning: str) -> None:
    assert Answered(status=status).meaning == meaning


def test_no_answer_means_another_try() -> None:
    assert NotAnswered(code="no_answer", detail="it did not answer").meaning == "again"


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_a_receiver_that_stays_unwell_has_ten_tries_in_three_days(jitter: float) -> None:
    age, tries = 1.0, [1.0]
    while (
        wait := next_try_seconds(age=age, receive_count=len(tries), answer=UNWELL, now=NOW, jitter=jitter)
    ) is not None:
        age += wait
        tries.append(age)
    assert len(tries) == 10
    assert 3 * DAY - HOUR < age < 3 * DAY + HOUR
    assert all(later - earlier <= LONGEST_INVISIBLE_SECONDS for earlier, later in pairwise(tries))


def test_sqs_can_hide_a_message_from_each_try_to_the_next() -> None:
    assert max(later - earlier for earlier, later in pairwise(TRIES_AT)) <= LONGEST_BETWEEN_TRIES_SECONDS
    assert LONGEST_BETWEEN_TRIES_SECONDS + MOST_JITTER_SECONDS <= LONGEST_INVISIBLE_SECONDS


def test_receives_without_a_try_use_up_none() -> None:
    assert next_try_seconds(age=90, receive_count=40, answer=UNWELL, now=NOW, jitter=0) == 30 * 60 - 90


def test_what_waited_for_days_before_its_first_try_has_all_ten() -> None:
    waits = [
        next_try_seconds(age=4 * DAY, receive_count=receives, answer=UNWELL, now=NOW, jitter=0)
        for receives in range(1, 11)
    ]
    assert waits == [LONGEST_BETWEEN_TRIES_SECONDS] * 9 + [None]


def test_a_try_that_comes_a_little_early_is_not_made_twice() -> None:
    assert next_try_seconds(age=59.5, receive_count=2, answer=UNWELL, now=NOW, jitter=0) == 30 * 60 - 59.5


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7200", 7200),
        ("10", 60 - 1),  # no sooner than planned: an eager receiver gets no more tries
        ("0", 60 - 1),
        ("999999999999999999999", LONGEST_BETWEEN_TRIES_SECONDS),
        ("Fri, 15 Jan 2027 10:00:00 GMT", 2 * HOUR),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 60 - 1),
        ("Fri, 15 Jan 2100 08:00:00 GMT", LONGEST_BETWEEN_TRIES_SECONDS),
        ("soon", 60 - 1),
        ("-5", 60 - 1),
        ("²", 60 - 1),
        ("", 60 - 1),
    ],
)
def test_the_next_try_is_not_before_retry_after_within_bounds(asked: str, seconds: float) -> None:
    answer = Answered(status=503, retry_after=asked)
    assert next_try_seconds(age=1, receive_count=1, answer=answer, now=NOW, jitter=0) == seconds


def test_a_date_without_a_zone_is_no_error() -> None:
    assert retry_after_seconds("Fri, 15 Jan 2027 10:00:00 -0000", now=NOW) >= 0
