"""How fast one API key may be used: requests spaced evenly, a little under the limit.

The pace is a generic cell rate algorithm (GCRA) without burst: one time, `next_free`, that each reservation moves
forward. Requests that far apart never fill a window beyond its limit, however quickly the API answers.
"""

from dataclasses import dataclass
from typing import NamedTuple

PART_USED = 0.973
AHEAD_SECONDS = 0.1
"""After a rest the first slot lies this far ahead. So clocks that differ by it still share one order."""
MOST_LATE_SECONDS = 0.02
HORIZON_SECONDS = 10.0
"""Slots further ahead are not booked. Two stacks of seven workers book 140, which are 9.6 s."""


class Slot(NamedTuple):
    """When one request may be made (epoch seconds)."""

    opens: float
    closes: float
    """Whoever comes later takes another slot: the request would crowd the window of those that are in time."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    interval_seconds: float
    """Between two requests of one key."""

    @classmethod
    def under(cls, *, limit_requests: int, limit_seconds: float) -> "Pace":
        """The pace that keeps a limit such as 150 requests in 10 seconds.

        2.7 % of the limit are kept free, which leaves 145.95 of 150. A window then holds at most 150 requests even in
        the worst case: two workers' clocks are 200 ms apart. One of them is 20 ms late, and its connection is 50 ms
        slower.
        """
        return cls(interval_seconds=limit_seconds / (limit_requests * PART_USED))
