"""A back-fill of 3,000 photos on the deployed stacks: some are done, some broken; it is stopped; live photos come."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median, quantiles

from boto3.dynamodb.conditions import Attr
from dropcut.core.backfill import Backfill
from dropcut.core.item_kinds import JOB

from bench.deployed import Arrivals, api, deployed, drop
from bench.report import Report, Table, Target
from dropcut_cli.backfill_photos import find_photos, planned
from dropcut_cli.deployment import Deployment
from local.system import System
from tests.resilience.deployment import photo

PHOTOS = 3_000
DONE_PART, BROKEN_PART = 1 / 6, 1 / 30
RATE = {"rate_limit_requests": "60"}
"""In ten seconds: a pace that this machine's two processors keep, on which all stages run."""
SECONDS_BETWEEN_LIVE = 10.0
MOST_LIVE_SECONDS = 15.0
STOPPED_SECONDS = 30.0
PATIENCE_SECONDS = 300.0
NAME = "bench"


def measure(photos: int = PHOTOS) -> Report:
    done, broken = round(photos * DONE_PART), round(photos * BROKEN_PART)
    new = photos - done - broken
    with deployed(RATE) as system:
        deployment = _operated(system)
        arrivals = Arrivals(system, [system.outputs["OutputBucketName"]])
        _put(system, {f"old/{number:05}-done.png": photo(number) for number in range(done)})
        arrivals.wait_for(_outputs(system, [f"old/{n:05}-done.png" for n in range(done)]), patience_seconds=120)
        with _nobody_hears(system):
            _put(system, {f"old/{number:05}-new.png": photo(done + number) for number in range(new)})
            _put(system, {f"old/{number:05}-broken.png": b"no picture" for number in range(broken)})
        plan = planned(deployment, find_photos(deployment, f"s3://{deployment.input_bucket}/old/", None), None)
        paid_before = _paid(system)
        began = time.monotonic()
        deployment.backfills.start(Backfill(name=NAME, bucket=deployment.input_bucket, prefix="old/", total=photos))
        deployment.client("events").enable_rule(Name=system.outputs["BackfillRuleName"])
        live = _until_it_has_ended(system, deployment, arrivals, first=photos)
        arrivals.wait_for(
            _outputs(system, [f"old/{n:05}-new.png" for n in range(new)]), patience_seconds=PATIENCE_SECONDS
        )
        seconds = time.monotonic() - began
        paid = _paid(system) - paid_before
        ends = _ends(deployment, broken)
    return _report(plan=plan, new=new, done=done, broken=broken, seconds=seconds, live=live, paid=paid, ends=ends)


def _until_it_has_ended(system: System, deployment: Deployment, arrivals: Arrivals, *, first: int) -> Sequence[float]:
    """Drop a live photo now and then; stop the back-fill once. Returns how long each live photo took, in seconds."""
    took: list[float] = []
    was_stopped = False
    while True:
        (backfill,) = deployment.backfills.all()
        if backfill.status == "finished":
            return took
        if backfill.seen > backfill.total / 3 and not was_stopped:
            was_stopped = deployment.backfills.stop(NAME) == "stopped"
            time.sleep(STOPPED_SECONDS)
            deployment.backfills.resume(NAME)
            deployment.client("events").enable_rule(Name=system.outputs["BackfillRuleName"])
        key, dropped = f"live/{len(took):05}.png", time.time()
        drop(system, key, photo(first + len(took)))
        (output,) = _outputs(system, [key])
        arrivals.wait_for([output], patience_seconds=PATIENCE_SECONDS)
        took.append(arrivals.seconds[output] - dropped)
        time.sleep(SECONDS_BETWEEN_LIVE)


def _operated(system: System) -> Deployment:
    account = system.account
    options = {"endpoint_url": account.endpoint_url, "verify": str(account.authority)}
    return Deployment(stage="prod", session=account.session(), known_outputs=system.outputs, client_options=options)


def _put(system: System, photos: dict[str, bytes]) -> None:
    system.client("s3")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: drop(system, key, photos[key]), photos))


def _outputs(system: System, keys: Sequence[str]) -> list[tuple[str, str]]:
    return [(system.outputs["OutputBucketName"], key) for key in keys]


@contextmanager
def _nobody_hears(system: System) -> Iterator[None]:
    """What is uploaded now is there, as before the deployment."""
    events = system.client("events")
    (rule,) = [each["Name"] for each in events.list_rules()["Rules"] if "UploadsRule" in each["Name"]]
    events.disable_rule(Name=rule)
    yield
    events.enable_rule(Name=rule)


def _paid(system: System) -> int:
    return sum(bool(call["charged"]) for call in api(system, "GET", "calls")["calls"])


def _ends(deployment: Deployment, broken: int) -> Counter[str]:
    """By status; the last ones may be a little late."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = Counter(item["status"] for item in deployment.scan(Attr("id").begins_with(JOB), "status"))
        if found["rejected"] >= broken or time.monotonic() > deadline:
            return found
        time.sleep(1)


def _report(
    *, plan: dict[str, float], new: int, done: int, broken: int, seconds: float, live: Sequence[float], paid: int,
    ends: Counter[str],
) -> Report:  # fmt: skip
    p95 = quantiles(live, n=20)[-1] if len(live) > 1 else live[0]
    return Report(
        title=f"backfill: {new + done + broken:,} photos that were there before",
        how=(
            f"{done:,} are done, {broken:,} are no pictures, {new:,} are new. The rule wakes the feeder each minute, "
            f"at {RATE['rate_limit_requests']} calls in 10 s. It is stopped for {STOPPED_SECONDS:g} s after a third. A "
            f"live photo is dropped {SECONDS_BETWEEN_LIVE:g} s after the one before is delivered. The baseline is what "
            "must hold: each photo has its end, none that was done is paid for again."
        ),
        tables=[
            Table(
                ["planned to do", "seconds", "live photos", "median", "95 %", "slowest"],
                [
                    [
                        f"{plan['to_do']:,}",
                        f"{seconds:.0f}",
                        f"{len(live)}",
                        f"{median(live):.1f} s",
                        f"{p95:.1f} s",
                        f"{max(live):.1f} s",
                    ]
                ],
            )
        ],
        targets=[
            Target("slowest live photo", max(live), MOST_LIVE_SECONDS, "s", must_be_under=True),
            Target("paid beside new and live photos", paid - new - len(live), 0, ""),
            Target("not delivered", done + new + len(live) - ends["delivered"], 0, ""),
            Target("broken ones not rejected", broken - ends["rejected"], 0, ""),
        ],
    )
