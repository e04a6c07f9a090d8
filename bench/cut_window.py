"""What a batching window of the cut stage saves at moderate load, and how long a photo waits for it: simulated."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.report import Report, Table

PHOTOS = 20_000
RATES = (0.2, 1.0, 5.0)
"""Photos a second, which come at random (Poisson)."""
WINDOWS = (0.0, 1.0)
POLLERS = (1, 5)
"""Lambda begins with five that poll a queue, each of which makes batches of its own; one is the best case."""
API_SECONDS, API_SPREAD = 3.0, 0.15
"""Median of a call's time, and the standard deviation of its logarithm."""
AROUND_SECONDS = 0.15
"""Of an invocation, before its first call and after its last."""
BATCH_SIZE = 10
DOLLARS_PER_GB_SECOND = 0.0000133334
"""arm64; cut has 1 GB."""


@dataclass
class Batch:
    """Photos that one invocation works on at the same time."""

    begins_at: float
    arrived: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    photos_to_a_batch: float
    billed_seconds: float
    """For each photo."""
    wait_seconds: float
    """Median time from a photo's arrival in the queue to the begin of its call's invocation."""

    @property
    def dollars_per_1000(self) -> float:
        return 1000 * self.billed_seconds * DOLLARS_PER_GB_SECOND


def simulate(
    rate: float, window_seconds: float, pollers: int, *, photos: int = PHOTOS, jitter: random.Random
) -> Outcome:
    """Each photo goes to one of the pollers, whose batch is complete when it is full or its window is over."""
    made = list(_batches(rate, window_seconds, pollers, photos, jitter))
    billed = sum(AROUND_SECONDS + max(_calls(len(batch.arrived), jitter)) for batch in made)
    waits = [batch.begins_at - arrived for batch in made for arrived in batch.arrived]
    return Outcome(photos / len(made), billed / photos, median(waits))


def _batches(rate: float, window_seconds: float, pollers: int, photos: int, jitter: random.Random) -> Iterator[Batch]:
    now, open_batches = 0.0, dict[int, Batch]()
    for _ in range(photos):
        now += jitter.expovariate(rate)
        poller = jitter.randrange(pollers)
        batch = open_batches.get(poller)
        if batch is None or now > batch.begins_at:
            if batch:
                yield batch
            batch = open_batches[poller] = Batch(begins_at=now + window_seconds)
        batch.arrived.append(now)
        if len(batch.arrived) == BATCH_SIZE:
            batch.begins_at = now
            yield open_batches.pop(poller)
    yield from open_batches.values()


def _calls(photos: int, jitter: random.Random) -> Sequence[float]:
    return [API_SECONDS * jitter.lognormvariate(0.0, API_SPREAD) for _ in range(photos)]


def measure() -> Report:
    """Simulate each rate with and without the window."""
    rows = []
    for pollers in POLLERS:
        for rate in RATES:
            for window in WINDOWS:
                outcome = simulate(rate, window, pollers, jitter=random.Random(f"{pollers} {rate}"))
                rows.append(
                    [
                        f"{rate:g} photos a second, {pollers} poller{'s' * (pollers > 1)}, window {window:g} s",
                        f"{outcome.photos_to_a_batch:.2f}",
                        f"{outcome.billed_seconds:.2f} s",
                        f"{outcome.dollars_per_1000:.3f} $",
                        f"{outcome.wait_seconds:.2f} s",
                    ]
                )
    return Report(
        title="cut_window: cut's batching window",
        how=(
            f"A simulation of {PHOTOS:,} photos, since the embedded AWS keeps no window. They come at random; a call "
            f"takes {API_SECONDS:g} s in the median, an invocation {AROUND_SECONDS:g} s more than its longest call. "
            "Without a window, a batch has one photo at these rates. AWS documents that five pollers begin on a "
            "queue, and each fills a batch of its own. One poller is the best case for a window. Dollars are those of "
            "Lambda's time for 1,000 photos. A queue that is full makes full batches by itself, with no window."
        ),
        tables=[Table(["", "photos each", "billed per photo", "per 1,000", "median wait"], rows)],
    )
