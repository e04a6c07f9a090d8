"""What Lambda bills for each photo's call while the API takes 3 seconds, against the plain one-function pattern."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.baseline.deployment import Baseline, deploy_baseline
from bench.deployed import Arrivals, Where, api, billed_milliseconds, deployed
from bench.full_queue import FullQueue
from bench.photos import marked
from bench.report import Report, Table, Target
from local.system import System

PHOTOS = 200
BASELINE_PHOTOS = 40
WARM_UP_PHOTOS = 50
API_SECONDS = 3.0
INVOCATIONS_AT_ONCE = 2
"""This is the least there is. The two cores that run this also run all of AWS, and must not be the limit."""
FAST_LIMIT = 1500
"""Requests in 10 s, for API and pace alike, at which the calls of a batch start at nearly the same time."""
USUAL_LIMIT = 150
BASELINE_SECONDS_BETWEEN_PHOTOS = 0.5
LIMIT_RATIO = 1 / 8
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Bill:
    """Of one way of making the calls."""

    photos: int
    milliseconds: list[int]
    """For each invocation."""

    @property
    def per_photo(self) -> float:
        return sum(self.milliseconds) / self.photos

    def row(self, name: str) -> list[str]:
        figures = str(self.photos), str(len(self.milliseconds)), f"{self.photos / len(self.milliseconds):.1f}"
        return [name, *figures, f"{self.per_photo:.0f} ms"]


def measure() -> Report:
    """Bill the baseline photo by photo, then our cut function with a full queue."""
    settings = {"rate_limit_requests": str(FAST_LIMIT), "max_concurrency": str(INVOCATIONS_AT_ONCE)}
    with deployed(settings) as system:
        api(system, "PATCH", "config", {"latency_seconds": API_SECONDS})
        baseline = deploy_baseline(system)
        arrivals = Arrivals(system, [baseline.output_bucket])
        queue = FullQueue(system)
        _drop_singly(system, baseline, arrivals, "warm-up", 8)
        plain = _bill(
            system,
            baseline.function,
            BASELINE_PHOTOS,
            lambda: _drop_singly(system, baseline, arrivals, "measured", BASELINE_PHOTOS),
        )
        queue.work_off("warm-up", WARM_UP_PHOTOS)
        ours = _bill(system, queue.function, PHOTOS, lambda: queue.work_off("measured", PHOTOS))
        _limit_pace(system, queue.function, USUAL_LIMIT)
        queue.work_off("warm-up-usual", WARM_UP_PHOTOS)
        paced = _bill(system, queue.function, PHOTOS, lambda: queue.work_off("usual", PHOTOS))
    return Report(
        title="billed: what a photo's call costs while the API takes 3 s",
        how=(
            "Billed milliseconds in the REPORT lines of the embedded AWS, warm, with the stand-in answering after "
            f"{API_SECONDS:g} s. Ours: {PHOTOS} prepared pictures lie in the cut queue before its event source is "
            f"opened. The plain pattern: one photo every {BASELINE_SECONDS_BETWEEN_PHOTOS:g} s, each an invocation of "
            f"its own. The target is for a pace that does not limit (`rate_limit_requests={FAST_LIMIT}`). The last "
            f"row is with the usual {USUAL_LIMIT} in 10 s, where a batch's calls also wait for their slots. Both run "
            f"with `max_concurrency={INVOCATIONS_AT_ONCE}`, because the same processors run the functions and the "
            "embedded AWS. Deliver's event source is closed meanwhile for the same reason. Only the function that "
            "makes the call is counted. Prepare and deliver never wait for the API, and have bills of their own."
        ),
        tables=[
            Table(
                ["", "photos", "invocations", "photos each", "billed per photo"],
                [
                    plain.row("event, call, put"),
                    ours.row("cut, pace not limiting"),
                    paced.row(f"cut, {USUAL_LIMIT} in 10 s"),
                ],
            )
        ],
        targets=[Target("cut / the plain pattern", ours.per_photo / plain.per_photo, LIMIT_RATIO, "x")],
    )


def _drop_singly(system: System, baseline: Baseline, arrivals: Arrivals, folder: str, photos: int) -> None:
    begin = time.monotonic()
    for number in range(photos):
        time.sleep(max(0.0, begin + number * BASELINE_SECONDS_BETWEEN_PHOTOS - time.monotonic()))
        photo = marked(f"singly {folder} {number}")
        system.client("s3").put_object(Bucket=baseline.input_bucket, Key=f"{folder}/{number}.jpg", Body=photo)
    arrivals.wait_for(_results(baseline.output_bucket, folder, photos), patience_seconds=_PATIENCE_SECONDS)


def _results(bucket: str, folder: str, photos: int) -> Iterable[Where]:
    return [(bucket, f"{folder}/{number}.png") for number in range(photos)]


def _bill(system: System, function: str, photos: int, work: Callable[[], None]) -> Bill:
    """What the function's invocations during `work` were billed."""
    before = _settled_bill(system, function)
    work()
    after = _settled_bill(system, function)
    return Bill(photos, [after[invocation] for invocation in after.keys() - before.keys()])


def _settled_bill(system: System, function: str) -> dict[str, int]:
    """An output is there a little before its invocation ends and is reported: read until nothing is added."""
    bill = billed_milliseconds(system, function)
    while True:
        time.sleep(2)
        more = billed_milliseconds(system, function)
        if len(more) == len(bill):
            return bill
        bill = more


def _limit_pace(system: System, function: str, requests: int) -> None:
    """Give both sides, the stand-in and the function's environment, another limit."""
    api(system, "PATCH", "config", {"window_requests": requests})
    lambda_ = system.client("lambda")
    variables = lambda_.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    changed = {"Variables": variables | {"RATE_LIMIT_REQUESTS": str(requests)}}
    lambda_.update_function_configuration(FunctionName=function, Environment=changed)
