"""What a receiver's answer means, and when the next try is made: ten in three days."""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

from dropcut.core.backoff import CLOCKS_APART_SECONDS

MINUTE, HOUR = 60.0, 3600.0
TRIES_AT = (0, MINUTE, 30 * MINUTE, 5 * HOUR, 16 * HOUR, 27 * HOUR, 38 * HOUR, 49 * HOUR, 60.5 * HOUR, 72 * HOUR)
"""Seconds after the event. SQS hides a message for 12 hours at most, so no two are further apart."""
LONGEST_BETWEEN_TRIES_SECONDS = 11.5 * HOUR
"""Between two of `TRIES_AT`, and the most that `Retry-After` is given."""
MOST_JITTER_SECONDS = 10 * MINUTE

Meaning = Literal["delivered", "gone", "again"]
MEANINGS: tuple[tuple[range, Meaning], ...] = (
    (range(200, 300), "delivered"),
    (range(410, 411), "gone"),
    (range(1000), "again"),
)
"""The first that has the status holds. A redirect is not followed: it would lead where nobody looked."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The receiver answered. Its body is never read."""

    status: int
    retry_after: str = ""
    """The header, as it was sent."""

    @property
    def meaning(self) -> Meaning:
        return next(meaning for statuses, meaning in MEANINGS if self.status in statuses)

    @property
    def code(self) -> str:
        return f"http_{self.status}"

    def __str__(self) -> str:
        return f"it answered {self.status}"


@dataclass(frozen=True, kw_only=True)
class NotAnswered:
    code: Literal["not_connected", "no_answer", "not_allowed"]
    detail: str
    retry_after: str = ""
    meaning: Meaning = "again"

    def __str__(self) -> str:
        return self.detail


Answer = Answered | NotAnswered


def next_try_seconds(*, age: float, receive_count: int, answer: Answer, now: float, jitter: float) -> float | None:
    """Seconds until the next try; None when this one was the last.

    A try that is a little early, by another clock, counts as the due one.

    The message's age decides, not its receives alone: SQS also counts receives that led to no try. A message that
    waited for days before its first try, such as after a redeployment, has all ten.

    Args:
        age: seconds since the event came.
        jitter: from 0 to 1; spreads what failed together.
    """
    later = [at for at in TRIES_AT if at > age + CLOCKS_APART_SECONDS]
    if not later and receive_count >= len(TRIES_AT):
        return None
    planned = later[0] - age if later else LONGEST_BETWEEN_TRIES_SECONDS
    spread = jitter * min(MOST_JITTER_SECONDS, 0.1 * planned)
    return max(planned + spread, min(LONGEST_BETWEEN_TRIES_SECONDS, retry_after_seconds(answer.retry_after, now=now)))


def retry_after_seconds(text: str, *, now: float) -> float:
    """What the header `Retry-After` asks for: seconds, or a date; 0 when it is neither."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
