"""The rate limit: a sliding window per key, and the lock-out of a key that went over it."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class WindowLimits:
    """The published limit is 150 requests in 10 seconds; one more, and the key is locked out for 60."""

    requests: int = 150
    window_seconds: float = 10.0
    lockout_seconds: float = 60.0


class Window:
    """Admits or refuses requests.

    Safe for threads; the clock is any that does not run backwards, in seconds.
    """

    def __init__(self, limits: WindowLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._arrivals: dict[str, deque[float]] = {}
        self._locked_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def admits(self, key: str) -> bool:
        """Whether this request of the key may go on.

        Requests during a lock-out are not counted and do not prolong it.
        """
        with self._lock:
            now = self._clock()
            if now < self._locked_until.get(key, now):
                return False
            arrivals = self._arrivals.setdefault(key, deque())
            while arrivals and arrivals[0] <= now - self._limits.window_seconds:
                arrivals.popleft()
            if len(arrivals) >= self._limits.requests:
                self._lock_out(key, now)
                return False
            arrivals.append(now)
            return True

    def lock_out(self, key: str) -> None:
        """Lock the key out from now on, as if it had gone over the limit."""
        with self._lock:
            self._lock_out(key, self._clock())

    def _lock_out(self, key: str, now: float) -> None:
        self._locked_until[key] = now + self._limits.lockout_seconds
        self._arrivals.pop(key, None)  # after the lock-out the key starts with an empty window


def most_in_one_window(arrivals: list[float], window_seconds: float) -> int:
    """The largest number of arrivals in any window of that length (half open: two just a window apart do
    not share one)."""
    arrivals = sorted(arrivals)
    most = first = 0
    for last, arrival in enumerate(arrivals):
        while arrivals[first] <= arrival - window_seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
