"""From upload to output, less the API's time: our three stages against the plain one-function pattern."""

import hashlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.baseline.deployment import deploy_baseline
from bench.deployed import Arrivals, api, deployed
from bench.photos import marked
from bench.report import Report, Table, Target
from local.system import System

PHOTOS = 60
WARM_UP_PHOTOS = 5
API_SECONDS = 0.2
SECONDS_BETWEEN_PHOTOS = 1.0
LIMIT_SECONDS = 0.4
LIMIT_RATIO = 3.0


@dataclass(frozen=True)
class Way:
    """A pipeline: where its photos go in, and where its cut-outs come out."""

    input_bucket: str
    output_bucket: str

    def result(self, key: str) -> tuple[str, str]:
        return self.output_bucket, key.replace(".jpg", ".png")


def measure() -> Report:
    """Give both one photo per second, by turns, half a second apart."""
    with deployed({}) as system:
        api(system, "PATCH", "config", {"latency_seconds": API_SECONDS})
        baseline = deploy_baseline(system)
        ways = (
            Way(baseline.input_bucket, baseline.output_bucket),
            Way(system.outputs["InputBucketName"], system.outputs["OutputBucketName"]),
        )
        arrivals = Arrivals(system, [way.output_bucket for way in ways])
        _drop(system, ways, arrivals, "warm-up", WARM_UP_PHOTOS)
        plain, ours = _drop(system, ways, arrivals, "measured", PHOTOS)
    median, plain_median = statistics.median(ours), statistics.median(plain)
    return Report(
        title="overhead: from upload to output, less the API's time",
        how=(
            f"{PHOTOS} photos each, one per second, the two by turns half a second apart, after {WARM_UP_PHOTOS} to "
            "warm up. The embedded AWS enforces IAM and uses TLS. The time runs from the start of the upload until S3 "
            f"says that the output is there. The photo's call in the stand-in's own log (at least {API_SECONDS:g} s) "
            "is subtracted. S3 invokes the plain pattern (`bench/baseline/function.py`) directly, which is the route "
            "with the fewest hops: one asynchronous invocation. Ours has an EventBridge rule, three queues and three "
            "functions."
        ),
        tables=[
            Table(
                ["", "photos", "median", "95 of 100", "longest"],
                [_row("event, call, put", plain), _row("three stages", ours)],
            )
        ],
        targets=[
            Target("median", median, LIMIT_SECONDS, "s", must_be_under=True),
            Target("median / the plain pattern's", median / plain_median, LIMIT_RATIO, "x"),
        ],
    )


def _drop(system: System, ways: Sequence[Way], arrivals: Arrivals, folder: str, photos: int) -> tuple[list[float], ...]:
    """Upload by turns; return the overhead of each photo in seconds, for each way."""
    started: dict[tuple[Way, str], float] = {}
    pictures: dict[tuple[Way, str], str] = {}
    s3, turn_seconds = system.client("s3"), SECONDS_BETWEEN_PHOTOS / len(ways)
    begin = time.monotonic()
    for turn, (number, way) in enumerate((number, way) for number in range(photos) for way in ways):
        photo, key = marked(f"{folder} {turn}"), f"{folder}/{number}.jpg"
        time.sleep(max(0.0, begin + turn * turn_seconds - time.monotonic()))
        pictures[way, key] = hashlib.sha256(photo).hexdigest()
        started[way, key] = time.time()
        s3.put_object(Bucket=way.input_bucket, Key=key, Body=photo)
    arrivals.wait_for((way.result(key) for way, key in started), patience_seconds=60)
    calls = {call["picture_sha256"]: call["latency_seconds"] for call in api(system, "GET", "calls")["calls"]}
    seconds: dict[Way, list[float]] = {way: [] for way in ways}
    for (way, key), start in started.items():
        seconds[way].append(arrivals.seconds[way.result(key)] - start - calls[pictures[way, key]])
    return tuple(seconds.values())


def _row(name: str, seconds: list[float]) -> list[str]:
    late = statistics.quantiles(seconds, n=20)[-1]
    figures = statistics.median(seconds), late, max(seconds)
    return [name, str(len(seconds)), *(f"{figure * 1000:.0f} ms" for figure in figures)]
