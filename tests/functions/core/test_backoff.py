import pytest
from dropcut.core.backoff import full_jitter_seconds
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 2.0), (2, 4.0), (3, 8.0), (8, 256.0), (9, 300.0), (10_000, 300.0)]
)
def test_the_longest_wait_doubles_with_each_attempt_up_to_the_ceiling(attempt: int, longest: float) -> None:
    assert full_jitter_seconds(attempt=attempt, base_seconds=2, ceiling_seconds=300, chance=1.0) == longest


def test_chance_decides_which_part_of_the_wait_is_taken() -> None:
    waits = [full_jitter_seconds(attempt=2, base_seconds=2, ceiling_seconds=300, chance=c) for c in (0, 0.25, 0.5)]
    assert waits == [0, 1, 2]


@given(st.integers(1, 10**9), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1))
def test_no_wait_is_negative_or_over_the_ceiling(attempt: int, base: float, ceiling: float, chance: float) -> None:
    wait = full_jitter_seconds(attempt=attempt, base_seconds=base, ceiling_seconds=ceiling, chance=chance)
    assert 0 <= wait <= ceiling
