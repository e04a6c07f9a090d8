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
    """It is what the default concurrency is chosen for: with six workers it would be 91 %.

    While all of them begin at once, their slots lie between each other's, and all are done at about the same time. That
    costs the first seconds a part of the limit, and evens out by itself.
    """
    seen = ran(Course(seed=seed, photos=3_000, stacks=1, deaths=0, latency=lambda _seconds: 3.0))
    assert seen.busiest_window() <= LIMIT_REQUESTS
    assert seen.part_of_limit_used() >= 0.96
    assert seen.part_of_limit_used(after=20) >= 0.97


@pytest.mark.parametrize("seed", range(3))
def test_workers_that_keep_dying_lose_their_slots_and_nothing_else(seed: int) -> None:
    seen = ran(Course(seed=seed, photos=5_000, deaths=40))
    assert len(seen.arrivals) == 5_000
    assert seen.slots_lost > 100
    assert seen.busiest_window() <= LIMIT_REQUESTS


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("workers_per_stack", [1, 2])
def test_slots_that_have_passed_when_the_table_answers_do_not_crowd_a_window(seed: int, workers_per_stack: int) -> None:
    """With few workers the next slot is close ahead; then the table is silent for four seconds."""
    course = Course(
        seed=seed,
        photos=900,
        deaths=0,
        workers_per_stack=workers_per_stack,
        silence=(15, 19),
        latency=lambda _seconds: 0.3,
    )
    seen = ran(course)
    assert seen.busiest_window() <= LIMIT_REQUESTS
    assert seen.late > 10


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("write", [(0.003, 0.02), (0.01, 0.05)])
def test_a_slot_is_still_to_come_when_a_table_as_quick_as_ever_answers(seed: int, write: tuple[float, float]) -> None:
    """Else a photo that comes alone would book one slot after the other and miss each."""
    alone = Course(
        seed=seed, photos=450, stacks=1, deaths=0, workers_per_stack=1, write=write, latency=lambda _seconds: 0.3
    )
    assert ran(alone).late <= 0.02 * alone.photos


def test_the_surplus_of_thirty_workers_does_not_wear_out_the_messages_receipts() -> None:
    """A message may be received 1,000 times; each receive while the pace is fully booked uses one of them."""
    seen = ran(Course(seed=1, photos=3_000, deaths=0, workers_per_stack=30))
    assert seen.busiest_window() <= LIMIT_REQUESTS
    assert seen.deferrals / 3_000 < 20
