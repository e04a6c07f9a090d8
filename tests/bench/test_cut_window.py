"""The simulation of cut's batching window: what it must say whatever its random numbers are."""

import random

import pytest

from bench.cut_window import API_SECONDS, AROUND_SECONDS, BATCH_SIZE, Outcome, simulate


def outcome(rate: float, window_seconds: float, pollers: int) -> Outcome:
    return simulate(rate, window_seconds, pollers, photos=4000, jitter=random.Random(1))


@pytest.mark.parametrize("rate", [0.2, 5.0])
def test_without_a_window_each_photo_is_billed_alone_and_waits_for_nothing(rate: float) -> None:
    alone = outcome(rate, 0.0, 5)
    assert (alone.photos_to_a_batch, alone.wait_seconds) == (1.0, 0.0)
    assert alone.billed_seconds == pytest.approx(API_SECONDS + AROUND_SECONDS, rel=0.05)


@pytest.mark.parametrize(("rate", "pollers"), [(1.0, 1), (5.0, 1), (5.0, 5)])
def test_a_window_collects_what_comes_to_one_poller_meanwhile(rate: float, pollers: int) -> None:
    """The first photo of a batch waits for the whole window, those that come meanwhile for what is left of it."""
    collected = outcome(rate, 1.0, pollers)
    assert collected.photos_to_a_batch == pytest.approx(1 + rate / pollers, rel=0.1)
    assert 0.3 < collected.wait_seconds <= 1.0
    assert collected.billed_seconds < outcome(rate, 0.0, pollers).billed_seconds


def test_a_batch_that_is_full_does_not_wait_for_its_window() -> None:
    busy = outcome(100.0, 1.0, 1)
    assert busy.photos_to_a_batch == BATCH_SIZE
    assert busy.wait_seconds < 0.1
