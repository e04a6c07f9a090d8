"""From upload to output with latencies as AWS may have them, and how many calls of AWS stand one after the other."""

import hashlib
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.baseline.deployment import deploy_baseline
from bench.deployed import Arrivals, EventSource, api, deployed, deployed_from
from bench.photos import marked
from bench.report import Report, Table, Target
from bench.slow_aws import SECONDS, Call, SlowAws, slow_aws
from local.system import System

PHOTOS = 40
WARM_UP_PHOTOS = 5
API_SECONDS = 0.2
SECONDS_FOR_THE_REST = 0.4
"""After the output: what still follows (tags, events, records) is over by then."""
LIMIT_TO_THE_OTHER = 0.65
LIMIT_TO_THE_PLAIN = 4.0
LIMIT_CALLS, LIMIT_IN_A_ROW = 19, 12


@dataclass(frozen=True)
class Seen:
    """One photo's way."""

    seconds: float
    """From the start of its upload until its output is there, less the API's time."""
    calls: Sequence[Call]
    in_a_row: int


@dataclass(frozen=True, kw_only=True)
class Way:
    """A pipeline whose functions call a slow AWS."""

    name: str
    system: System
    input_bucket: str
    output_bucket: str
    arrivals: Arrivals
    proxies: Sequence[SlowAws]
    seen: list[Seen] = field(default_factory=list)

    def send(self, key: str, photo: bytes) -> Seen:
        """Upload a photo, wait for its output and for what comes after."""
        for proxy in self.proxies:
            proxy.calls.clear()
        begun, output = time.time(), (self.output_bucket, key.replace(".jpg", ".png"))
        self.system.client("s3").put_object(Bucket=self.input_bucket, Key=key, Body=photo)
        self.arrivals.wait_for([output], patience_seconds=60)
        time.sleep(SECONDS_FOR_THE_REST)
        picture = hashlib.sha256(photo).hexdigest()
        (call,) = [call for call in api(self.system, "GET", "calls")["calls"] if call["picture_sha256"] == picture]
        calls = [call for proxy in self.proxies for call in proxy.calls]
        return Seen(
            seconds=self.arrivals.seconds[output] - begun - call["latency_seconds"],
            calls=calls,
            in_a_row=len(in_a_row(calls, put_into=self.output_bucket)),
        )


def measure(other: Path | None = None) -> Report:
    """One photo after the other: through the plain pattern, our stages, and those of `other` (a checkout's folder)."""
    with ExitStack() as stack:
        ours = stack.enter_context(deployed({}))
        ways = list(_ways_of(ours, stack))
        if other:
            there = stack.enter_context(deployed_from(other))
            ways.append(_three_stages("three stages, the other", there, Arrivals(there, [_output(there)]), stack))
        for number in range(-WARM_UP_PHOTOS, PHOTOS):
            for turn in range(len(ways)):
                way = ways[(number + turn) % len(ways)]  # each is the first as often as the others
                seen = way.send(f"{number}.jpg", marked(f"{way.name} {number}"))
                if number >= 0:
                    way.seen.append(seen)
    return Report(title=_TITLE, how=_HOW, tables=[_table(ways), _calls_table(ways)], targets=list(_targets(ways)))


_TITLE = "latencies: from upload to output when each call of AWS takes as long as it may there"
_HOW = (
    f"{PHOTOS} photos each, one after the other, the ways by turns, after {WARM_UP_PHOTOS} to warm up; embedded AWS "
    "with IAM enforced and TLS on. Before each function stands a proxy in which a call of AWS waits: "
    + ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in SECONDS.items())
    + ". These latencies are assumptions. What the embedded AWS itself takes comes on top, and the hops between its "
    "services (events, queues, starts of functions) do not wait. The time runs from the start of the upload until S3 "
    f"says that the output is there. The photo's call in the stand-in's log (at least {API_SECONDS:g} s) is "
    'subtracted. "In a row" is the longest way back from the put of the output. From each call it goes to the last '
    "one of its function that was over before it. From a function's first call it goes to the message that woke it. "
    "Calls are medians of all photos."
)


def _ways_of(ours: System, stack: ExitStack) -> Iterator[Way]:
    baseline = deploy_baseline(ours)
    arrivals = Arrivals(ours, [baseline.output_bucket, _output(ours)])
    yield Way(
        name="event, call, put",
        system=ours,
        input_bucket=baseline.input_bucket,
        output_bucket=baseline.output_bucket,
        arrivals=arrivals,
        proxies=_slowed(ours, {baseline.function: baseline.variables}, stack),
    )
    yield _three_stages("three stages", ours, arrivals, stack)


def _three_stages(name: str, system: System, arrivals: Arrivals, stack: ExitStack) -> Way:
    api(system, "PATCH", "config", {"latency_seconds": API_SECONDS})
    queues = [system.outputs[f"{queue}QueueUrl"] for queue in ("Intake", "Cut", "Deliver")]
    sources = [EventSource(system, url) for url in queues]
    return Way(
        name=name,
        system=system,
        input_bucket=system.outputs["InputBucketName"],
        output_bucket=_output(system),
        arrivals=arrivals,
        proxies=_slowed(system, {source.function: source.variables() for source in sources}, stack),
    )


def _slowed(system: System, functions: Mapping[str, Mapping[str, str]], stack: ExitStack) -> list[SlowAws]:
    """Let the functions (with their variables) call AWS by way of a proxy each."""
    proxies = []
    for name, variables in functions.items():
        proxy = stack.enter_context(slow_aws(name, system.account.endpoint_url, system.account.authority.parent))
        changed = {"Variables": {**variables, "AWS_ENDPOINT_URL": proxy.url}}
        system.client("lambda").update_function_configuration(FunctionName=name, Environment=changed)
        proxies.append(proxy)
    return proxies


def _output(system: System) -> str:
    return system.outputs["OutputBucketName"]


def in_a_row(calls: Sequence[Call], *, put_into: str) -> list[Call]:
    """The calls that stand one after the other before an output is there, its put included, the last one first.

    Args:
        calls: all calls of one photo.
        put_into: the bucket of the output; the put that is over first is meant.

    Raises:
        ValueError: there is no such put.
    """
    puts = [call for call in calls if call.operation.startswith(f"PUT /{put_into}/")]
    call: Call | None = min(puts, key=lambda call: call.ended)
    row = []
    while call:
        row.append(call)
        call = _before(call, calls)
    return row


def _before(call: Call, calls: Sequence[Call]) -> Call | None:
    """What a call waited for: the last one of its function that was over, or the message that woke the function."""
    own = [each for each in calls if each.function == call.function and each.ended <= call.began]
    # The answer to a message's sending may still be on its way when the message wakes the next function.
    sent = [
        each
        for each in calls
        if each.function != call.function and each.operation.startswith("SendMessage") and each.began < call.began
    ]
    return max(own, key=lambda each: each.ended, default=None) or max(sent, key=lambda each: each.began, default=None)


def _table(ways: Sequence[Way]) -> Table:
    rows = []
    for way in ways:
        seconds = [seen.seconds for seen in way.seen]
        figures = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1], max(seconds)
        calls, row = _median_calls(way), _median_in_a_row(way)
        rows.append([way.name, *(f"{figure * 1000:.0f} ms" for figure in figures), str(calls), str(row)])
    return Table(["", "median", "95 of 100", "longest", "calls", "in a row"], rows)


def _calls_table(ways: Sequence[Way]) -> Table:
    """Of each service, on average over the photos."""
    counts = {way.name: Counter(call.service for seen in way.seen for call in seen.calls) for way in ways}
    services = sorted({service for count in counts.values() for service in count})
    rows = [[name, *(f"{count[service] / PHOTOS:.1f}" for service in services)] for name, count in counts.items()]
    return Table(["calls on average", *services], rows)


def _targets(ways: Sequence[Way]) -> Iterator[Target]:
    plain, ours, *others = ways
    median = {way.name: statistics.median(seen.seconds for seen in way.seen) for way in ways}
    yield Target("median / the plain pattern's", median[ours.name] / median[plain.name], LIMIT_TO_THE_PLAIN, "x")
    for other in others:
        yield Target("median / the other's", median[ours.name] / median[other.name], LIMIT_TO_THE_OTHER, "x")
    yield Target("calls of one photo", _median_calls(ours), LIMIT_CALLS, "")
    yield Target("calls in a row before its output", _median_in_a_row(ours), LIMIT_IN_A_ROW, "")


def _median_calls(way: Way) -> int:
    return statistics.median_high(len(seen.calls) for seen in way.seen)


def _median_in_a_row(way: Way) -> int:
    return statistics.median_high(seen.in_a_row for seen in way.seen)
