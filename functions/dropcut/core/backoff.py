"""How long to wait before the next attempt."""


def full_jitter_seconds(*, attempt: int, base_seconds: float, ceiling_seconds: float, chance: float) -> float:
    """A random part of an exponentially growing wait, so that callers who failed together do not return together.

    Args:
        attempt: how many attempts have failed so far, from 1.
        base_seconds: the longest wait after the first failure; it doubles with each one more.
        ceiling_seconds: no wait is longer.
        chance: from 0 to 1; which part of the wait to take.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog.
    """
    return chance * min(ceiling_seconds, base_seconds * 2.0 ** min(attempt - 1, 60))
