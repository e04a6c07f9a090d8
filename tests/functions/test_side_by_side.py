"""Calls that need nothing of each other are made at the same time, and all of them end."""

from threading import Barrier
from typing import NoReturn

import pytest
from dropcut.side_by_side import side_by_side


def test_calls_are_made_at_once_and_answer_in_order() -> None:
    together = Barrier(3, timeout=5)  # it breaks unless all three are there
    assert side_by_side(*[lambda n=n: (together.wait(), n)[1] for n in range(3)]) == [0, 1, 2]  # type: ignore[misc]


def test_the_first_error_in_order_goes_up_when_all_have_ended() -> None:
    ended, together = [], Barrier(3, timeout=5)

    def fail(error: Exception) -> NoReturn:
        together.wait()
        raise error

    def end() -> None:
        together.wait()
        ended.append("it")

    with pytest.raises(ValueError, match="first"):
        side_by_side(lambda: fail(ValueError("first")), end, lambda: fail(KeyError("second")))
    assert ended == ["it"]
