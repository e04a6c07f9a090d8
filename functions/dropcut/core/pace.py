"""How fast one API key may be used: requests spaced evenly, a little under the limit.

The pace is a generic cell rate algorithm (GCRA) without burst: one time, `next_free`, that each reservation moves
forward. Requests that far apart never fill a window beyond its limit, however quickly the API answers.
"""

from dataclasses import dataclass
from typing import NamedTuple

PART_USED = 0.973
AHEAD_SECONDS = 0.1
"""The first slot lies this far ahead: meanwhile its picture is claimed and fetched."""
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

        2.7 % of the limit are kept free. Of 150 that leaves 145.95: a window then holds at most 150 requests even when
        two workers' clocks are 200 ms apart, one is 20 ms late, and its connection 50 ms slower than another's.
        """
        return cls(interval_seconds=limit_seconds / (limit_requests * PART_USED))

    def slots(self, *, start: float, count: int) -> list[Slot]:
        """Slots for `count` requests from `start` (epoch seconds) on."""
        opening_times = [start + index * self.interval_seconds for index in range(count)]
        return [Slot(opens=opens, closes=opens + MOST_LATE_SECONDS) for opens in opening_times]

    def slots_after_rest(self, *, start: float, count: int, idle_since: float) -> list[Slot]:
        """The same where nobody has a slot between `idle_since` and `start`: the first request need not wait."""
        first, *others = self.slots(start=start, count=count)
        return [first._replace(opens=idle_since), *others]
