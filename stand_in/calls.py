"""The log of calls, and the summary that tests and benchmarks ask for."""

import threading
from collections import Counter
from dataclasses import asdict, dataclass

from stand_in.window import most_in_one_window


@dataclass
class Call:
    """One call to the API.

    `status` is None while it is under way, and for good when the connection ended without one.
    """

    number: int
    time: float  # seconds since 1970
    arrival_seconds: float  # on a clock that does not run backwards
    method: str
    path: str
    key_fingerprint: str | None = None
    picture_sha256: str | None = None
    output_format: str | None = None
    accept: str | None = None
    request_bytes: int = 0
    status: int | None = None
    fault: str | None = None
    charged: bool = False
    credits: float = 0.0
    latency_seconds: float | None = None

    def refused_for_rate(self) -> bool:
        """Whether the rate limit or its lock-out refused it."""
        return self.status == 429


class CallLog:
    """Calls in order of arrival. Safe for threads; a call is filled in by the one thread that answers it."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._arrived = 0
        self._lock = threading.Lock()

    def open(self, *, time: float, arrival_seconds: float, method: str, path: str) -> Call:
        """A new entry, made when the call's head has been read."""
        with self._lock:
            self._arrived += 1
            call = Call(self._arrived, time, arrival_seconds, method, path)
            self._calls.append(call)
            return call

    def clear(self) -> None:
        """Forget all calls; calls under way included."""
        with self._lock:
            self._calls.clear()

    def all(self) -> list[Call]:
        """The entries themselves, oldest first."""
        with self._lock:
            return list(self._calls)

    def as_json(self) -> list[dict[str, object]]:
        """The entries as plain data."""
        return [asdict(call) for call in self.all()]


def summarize(calls: list[Call], window_seconds: float) -> dict[str, object]:
    """The figures of a log. A picture is its bytes and its output format, for that is what is paid for."""
    paid = Counter(f"{call.picture_sha256}.{call.output_format}" for call in calls if call.charged)
    paid_calls = paid.total()
    return {
        "calls": len(calls),
        "paid_calls": paid_calls,
        "credits_charged": sum(call.credits for call in calls),
        "distinct_pictures_paid": len(paid),
        "paid_calls_per_distinct_picture": paid_calls / len(paid) if paid else 0.0,
        "pictures_paid_more_than_once": {picture: times for picture, times in paid.items() if times > 1},
        "most_requests_in_one_window": _busiest_windows(calls, window_seconds),
        "window_seconds": window_seconds,
        "too_many_requests": sum(call.refused_for_rate() for call in calls),
        "by_status": dict(Counter(str(call.status or "none") for call in calls)),
        "by_fault": dict(Counter(call.fault for call in calls if call.fault)),
    }


def _busiest_windows(calls: list[Call], window_seconds: float) -> dict[str, int]:
    """By key: the most requests in any window, whatever became of them."""
    arrivals: dict[str, list[float]] = {}
    for call in calls:
        arrivals.setdefault(call.key_fingerprint or "without a key", []).append(call.arrival_seconds)
    return {key: most_in_one_window(times, window_seconds) for key, times in arrivals.items()}
