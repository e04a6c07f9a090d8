"""The pace of two stacks on one key, in virtual time: never over the limit, and hardly under it."""

import pytest

from tests.simulation.fleet import LIMIT_REQUESTS, Course, Fleet, Seen


def ran(course: Course) -> Seen:
    seen = Fleet(course).run()
    print(  # noqa: T201 - the figures, for `pytest -s`
        f"{course.photos} photos, {course.stacks} x {course.workers_per_stack} workers, {course.deaths} deaths, "
        f"seed {course.seed}: busiest window {seen.busiest_window()} of {LIMIT_REQUESTS}, "
        f"{seen.part_of_limit_used():.2%} of the limit used, {seen.slots_lost} slots lost with their workers, "
        f"{seen.late} taken anew, {seen.deferrals / course.photos:.2f} deferrals per photo"
    )
    return seen


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("workers_per_stack", [7, 10])
def test_10000_photos_of_two_stacks_use_the_limit_and_never_cross_it(seed: int, workers_per_stack: int) -> None:
    """At the default concurrency (7) and above it: in both cases it is the limit that binds, not the workers."""
    seen = ran(Course(seed=seed, workers_per_stack=workers_per_stack, deaths=2))
    assert len(seen.arrivals) == 10_000
    assert seen.slots_lost > 0
    assert seen.busiest_window() <= LIMIT_REQUESTS
    assert seen.part_of_limit_used() >= 0.97


@pytest.mark.parametrize("seed", range(3))
def test_one_stack_alone_uses_the_limit_while_the_api_takes_3_seconds(seed: int) -> None:
    """It is what the default concurrency is chosen for: with five workers it would be 79 %."""
    seen = ran(Course(seed=seed, photos=2_000, stacks=1, deaths=0, latency=lambda _seconds: 3.0))
    assert seen.busiest_window() <= LIMIT_REQUESTS
    assert seen.part_of_limit_used() >= 0.97


@pytest.mark.parametrize("seed", range(3))
def test_workers_that_keep_dying_lose_their_slots_and_nothing_else(seed: int) -> None:
    seen = ran(Course(seed=seed, photos=5_000, deaths=40))
    assert len(seen.arrivals) == 5_000
    assert seen.slots_lost > 100
    assert seen.busiest_window() <= LIMIT_REQUESTS


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("workers_per_stack", [1, 2, 5])
def test_pictures_that_are_ready_too_late_for_their_slots_do_not_crowd_a_window(
    seed: int, workers_per_stack: int
) -> None:
    """The first slots after a rest lie close ahead; up to 800 ms go by until a picture is fetched."""
    course = Course(
        seed=seed,
        photos=450,
        deaths=0,
        workers_per_stack=workers_per_stack,
        preparation=(0.1, 0.8),
        latency=lambda _seconds: 0.3,
    )
    assert ran(course).busiest_window() <= LIMIT_REQUESTS


def test_the_surplus_of_thirty_workers_does_not_wear_out_the_messages_receipts() -> None:
    """A message may be received 1,000 times; to be told in vain that all slots are taken costs one of them."""
    seen = ran(Course(seed=1, photos=3_000, deaths=0, workers_per_stack=30))
    assert seen.busiest_window() <= LIMIT_REQUESTS
    assert seen.deferrals / 3_000 < 20
