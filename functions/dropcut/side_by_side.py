"""Calls that need nothing of each other, made at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def side_by_side(*calls: Callable[[], Any]) -> list[Any]:
    """Make all calls at once, and return what they return, in order.

    When one raises, the others end first; of several errors the first in order goes up.
    """
    with ThreadPoolExecutor(max_workers=len(calls)) as threads:
        made = [threads.submit(call) for call in calls]
    return [each.result() for each in made]
