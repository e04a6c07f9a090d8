"""How long to wait before the next attempt, and how rarely a message may be received."""

from dropcut.core.units import DAY_SECONDS

LONGEST_WAIT_SECONDS = 3600.0
CLOCKS_APART_SECONDS = 5.0
"""How far our clocks, and that of SQS, may differ."""
_QUICK_RECEIVES = 20
_SECONDS_PER_RECEIVE = 10.0


def full_jitter_seconds(*, attempt: int, base_seconds: float, ceiling_seconds: float, jitter: float) -> float:
    """A random part of an exponentially growing wait, so that callers who failed together do not return together.

    Args:
        attempt: how many attempts have failed so far, from 1.
        base_seconds: the longest wait after the first failure; it doubles with each one more.
        ceiling_seconds: no wait is longer.
        jitter: from 0 to 1; which part of the wait to take.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog.
    """
    return jitter * min(ceiling_seconds, base_seconds * 2.0 ** min(attempt - 1, 60))


def least_wait_seconds(receive_count: int) -> float:
    """The shortest wait of a message that was received so often: the later ones are rarer, up to one an hour.

    A message that waits from its first second on is received about 530 times in 14 days then; SQS allows 1,000.
    """
    return min(LONGEST_WAIT_SECONDS, max(0.0, (receive_count - _QUICK_RECEIVES) * _SECONDS_PER_RECEIVE))


OLDEST_SECONDS = 13.0 * DAY_SECONDS
"""SQS deletes a message after 14 days; a day before that we end it, with its event."""
WEBHOOK_RECEIVES = 50
"""After so many, notify dead-letters a message: ten tries, and receives of which none came."""
MOST_RECEIVES = 950
"""SQS dead-letters a message of the cut queue after 1,000 receives, without an event."""


def waited_too_long(sent_at: float, receive_count: int, *, now: float) -> str:
    """Why a message has to be ended before SQS does it, in a sentence; empty when it need not be.

    Args:
        sent_at, now: epoch seconds.
    """
    if now - sent_at < OLDEST_SECONDS and receive_count < MOST_RECEIVES:
        return ""
    return (
        f"It waited for {(now - sent_at) / DAY_SECONDS:.1f} days and was received {receive_count} times, which is near "
        "what the queue keeps. Look at what held it up, then redrive it."
    )
