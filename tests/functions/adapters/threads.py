"""Runs the same thing many times at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

Result = TypeVar("Result")


def at_once(times: int, do: Callable[[], Result]) -> list[Result]:
    """What `do` gave each time, after all threads had started."""
    barrier = Barrier(times)

    def start() -> Result:
        barrier.wait()
        return do()

    with ThreadPoolExecutor(max_workers=times) as pool:
        futures = [pool.submit(start) for _ in range(times)]
        return [future.result() for future in futures]
