"""A storm over the deployed stacks: `python -m bench.storm [PHOTOS]`.

The API fails, breaks off, cuts answers short and locks the key out. Events come twice, late and out of order. Some
photos are uploaded twice in a row, and some are the same picture as others. All must end as they should.
"""

import hashlib
import io
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

from PIL import Image

from bench.deployed import EventSource
from bench.report import Report, Table, Target
from dropcut_cli.clone.steps import Steps
from local.system import System, bring_up, temporary_folder
from stand_in.stand_in import StandIn

PHOTOS = 2000
SETTINGS = {
    "rate_limit_requests": "400",  # more than two cores can carry: the rate has a test of its own
    "lockout_seconds": "2",
    "retry_base_seconds": "0.5",
    "api_timeout_seconds": "5",
    "pause_seconds": "2",
    "max_attempts": "5",
    "max_possibly_paid": "3",
    "pause_after_possibly_paid": "10000",  # one call in twenty breaks off, and none of them is to stop the storm
    "max_concurrency": "3",
}
WEATHER = {
    "internal_error": 0.10,
    "reset_before_payment": 0.0125,
    "reset_after_payment": 0.0125,
    "closed_after_payment": 0.0125,
    "cut_short": 0.0125,
    "rate_limit_exceeded": 0.02,
}
"""Part of the calls that meet each fault of the stand-in."""
SAME_PICTURE = 0.05
UPLOADED_TWICE = 0.03
EVENT_TWICE = 0.15
_ENDED = {"delivered", "rejected", "failed", "skipped"}
_QUEUES = ("IntakeQueueUrl", "CutQueueUrl", "DeliverQueueUrl")
_DEAD = ("IntakeDeadLetterQueueUrl", "CutDeadLetterQueueUrl", "DeliverDeadLetterQueueUrl")


@dataclass(frozen=True, kw_only=True)
class Album:
    """What is uploaded: for each key its pictures, in this order; the last one counts."""

    pictures: Mapping[str, list[bytes]]

    @classmethod
    def of(cls, photos: int, *, name: str, rng: random.Random) -> "Album":
        pictures: dict[str, list[bytes]] = {}
        for number in range(photos):
            same = number and rng.random() < SAME_PICTURE
            picture = pictures[f"{name}/{rng.randrange(number):05d}.png"][-1] if same else _picture(name, number)
            earlier = [_picture(name, photos + number)] if rng.random() < UPLOADED_TWICE else []
            pictures[f"{name}/{number:05d}.png"] = [*earlier, picture]
        return cls(pictures=pictures)

    def wanted(self) -> dict[str, str]:
        """For each key the picture (SHA-256) whose cut-out is to be there in the end."""
        return {key: hashlib.sha256(versions[-1]).hexdigest() for key, versions in self.pictures.items()}


def _picture(name: str, number: int, side: int = 96) -> bytes:
    digest = hashlib.sha256(f"{name} {number}".encode()).digest()
    image = Image.new("RGB", (side, side), tuple(digest[:3]))
    image.paste(tuple(digest[3:6]), (side // 4, side // 4, side // 2 + digest[6] % 24, side // 2 + digest[7] % 24))
    encoded = io.BytesIO()
    image.save(encoded, "png")
    return encoded.getvalue()


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """What the storm left behind."""

    wanted: Mapping[str, str]
    jobs: Mapping[str, Mapping[str, str]]
    outputs: Mapping[str, str]
    """For each delivered key the picture (SHA-256) that its output says it is from."""
    dead_letters: list[Mapping[str, str]]
    """Their attributes, and `picture` for those of the cut queue."""
    calls: Sequence[Mapping[str, Any]]
    """Of the API, as the stand-in logged them."""
    counted: Mapping[str, float]
    """The cut function's metrics."""
    events_twice: int
    seconds: float
    max_attempts: int
    max_possibly_paid: int

    @property
    def paid_in_vain(self) -> int:
        """Payments beyond one for each picture."""
        paid = self._paid()
        return paid.total() - len(paid)

    def _paid(self) -> Counter[str]:
        return Counter(str(call["picture_sha256"]) for call in self.calls if call["charged"])

    def wrong(self) -> list[str]:
        """All that is not as it should be, in sentences."""
        return [*self._ended_wrongly(), *self._paid_wrongly(), *self._given_up_too_early()]

    def _ended_wrongly(self) -> Iterator[str]:
        for key, sha256 in self.wanted.items():
            job = self.jobs.get(key, {})
            match job.get("status"):
                case "delivered" if self.outputs[key] != sha256:
                    yield f"{key} has the cut-out of another picture than its newest upload's"
                case "delivered":
                    pass
                case "failed" if self._is_exhausted(sha256):
                    pass
                case status:
                    yield f"{key} is {status} ({job.get('reason')})"

    def _paid_wrongly(self) -> Iterator[str]:
        whole = Counter(str(call["picture_sha256"]) for call in self.calls if call["charged"] and not call["fault"])
        for sha256, times in whole.items():
            if times > 1:
                yield f"the picture {sha256} was answered whole and paid for {times} times"
        if self.paid_in_vain > self.counted["PossiblyPaidCalls"]:
            yield f"{self.paid_in_vain} payments in vain, {self.counted['PossiblyPaidCalls']:g} counted as possible"

    def _given_up_too_early(self) -> Iterator[str]:
        for letter in self.dead_letters:
            if letter["stage"] != "cut" or not self._is_exhausted(letter["picture"]):
                yield f"a message of {letter['stage']} failed after {letter.get('attempts')} attempts: {letter}"

    def _is_exhausted(self, sha256: str) -> bool:
        """By the API's own log: whether a picture got all the calls that it may have."""
        met = [call for call in self.calls if call["picture_sha256"] == sha256 and call["status"] != 429]
        broken_off = [call for call in met if call["status"] is None or call["fault"] == "cut_short"]
        return len(met) >= self.max_attempts or len(broken_off) >= self.max_possibly_paid

    def table(self) -> Table:
        ends = Counter(job.get("status", "lost") for job in self.jobs.values())
        faults = Counter(str(call["fault"]) for call in self.calls if call["fault"])
        paid = self._paid()
        rows = [
            ("photos", len(self.wanted)),
            *((f"  {end}", number) for end, number in sorted(ends.items())),
            ("dead letters", len(self.dead_letters)),
            ("events sent twice, late", self.events_twice),
            ("calls of the API", len(self.calls)),
            *((f"  {fault}", number) for fault, number in sorted(faults.items())),
            ("  429 in all", sum(call["status"] == 429 for call in self.calls)),
            ("different pictures paid for", len(paid)),
            ("payments in vain", self.paid_in_vain),
            ("counted as possibly paid", int(self.counted["PossiblyPaidCalls"])),
            ("answers used again", int(self.counted["AnswersReused"])),
            ("photos per second", round(len(self.wanted) / self.seconds, 1)),
        ]
        return Table(["storm", ""], [(what, f"{number:,}") for what, number in rows])


def unleash(system: System, api: StandIn, photos: int, settings: Mapping[str, str] = SETTINGS) -> Aftermath:
    """Let it rage over a running system and wait until every photo has ended.

    Raises TimeoutError: nothing moved any more, and not all had ended.
    """
    rng = random.Random(photos)
    name = f"storm-{int(time.time())}"
    album = Album.of(photos, name=name, rng=rng)
    for fault, part in WEATHER.items():
        api.fault(fault, times=None, probability=part)
    calls_before, begun = len(api.calls()), time.time()
    with _uploads_heard(system) as heard, _Echo(system, heard, rng) as echo:
        _upload(system, album)
        echo.has_heard(sum(map(len, album.pictures.values())))
        jobs = _wait_for_the_end(system, album)
    seconds = time.time() - begun
    api.clear_faults()
    return Aftermath(
        wanted=album.wanted(),
        jobs=jobs,
        outputs=_outputs(system, jobs),
        dead_letters=list(_dead_letters(system, name)),
        calls=api.calls()[calls_before:],
        counted=_counted(system, since=begun),
        events_twice=echo.repeated,
        seconds=seconds,
        max_attempts=int(settings["max_attempts"]),
        max_possibly_paid=int(settings.get("max_possibly_paid", "3")),
    )


def _upload(system: System, album: Album) -> None:
    s3, bucket = system.client("s3"), system.outputs["InputBucketName"]

    def put(key: str) -> None:
        for picture in album.pictures[key]:
            s3.put_object(Bucket=bucket, Key=key, Body=picture)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, album.pictures))


@contextmanager
def _uploads_heard(system: System) -> Iterator[str]:
    """A queue that gets the same events about uploads as the intake queue; its URL."""
    sqs, events, name = system.client("sqs"), system.client("events"), "storm-uploads"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    bucket = {"bucket": {"name": [system.outputs["InputBucketName"]]}}
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": bucket}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    try:
        yield url
    finally:
        with suppress(Exception):  # after a failure the account may be gone already
            events.remove_targets(Rule=name, Ids=["queue"])
            events.delete_rule(Name=name)
            sqs.delete_queue(QueueUrl=url)


class _Echo:
    """Sends some of the events a second time, later and in another order."""

    def __init__(self, system: System, heard: str, rng: random.Random) -> None:
        self._sqs, self._heard, self._intake = system.client("sqs"), heard, system.outputs["IntakeQueueUrl"]
        self._rng = rng
        self._stopping = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._events = 0
        self.repeated = 0

    def __enter__(self) -> "_Echo":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def has_heard(self, events: int, *, seconds: float = 60) -> None:
        """Wait until it has worked off so many."""
        deadline = time.monotonic() + seconds
        while self._events < events and time.monotonic() < deadline:
            time.sleep(0.2)

    def _run(self) -> None:
        kept: list[str] = []
        while not self._stopping.is_set():
            answer = self._sqs.receive_message(QueueUrl=self._heard, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            messages = answer.get("Messages", [])
            for message in messages:
                self._sqs.delete_message(QueueUrl=self._heard, ReceiptHandle=message["ReceiptHandle"])
                if self._rng.random() < EVENT_TWICE:
                    kept.append(message["Body"])
            if len(kept) >= 20 or not messages:
                self._rng.shuffle(kept)
                while kept:
                    self._sqs.send_message(QueueUrl=self._intake, MessageBody=kept.pop())
                    self.repeated += 1
            self._events += len(messages)


def _wait_for_the_end(system: System, album: Album, *, patience_seconds: float = 120) -> dict[str, Mapping[str, str]]:
    """The record of each key, as soon as all have ended and the queues are empty."""
    seen, deadline = Counter[str](), time.monotonic() + patience_seconds
    while True:
        jobs = _jobs(system, album.pictures)
        now = Counter(job["status"] for job in jobs.values())
        if sum(now[end] for end in _ENDED) == len(album.pictures) and not _waiting(system):
            return jobs
        if now != seen:
            seen, deadline = now, time.monotonic() + patience_seconds
        if time.monotonic() > deadline:
            raise TimeoutError(f"Nothing moves any more: {dict(now)}, {_waiting(system)} messages in the queues.")
        time.sleep(2)


def _jobs(system: System, keys: Iterable[str]) -> dict[str, Mapping[str, str]]:
    pages = system.client("dynamodb").get_paginator("scan").paginate(TableName=system.outputs["StateTableName"])
    prefix = f"object#{system.outputs['InputBucketName']}/"
    items = (
        {name: str(next(iter(value.values()))) for name, value in item.items()}
        for page in pages
        for item in page["Items"]
    )
    found = {item["id"].removeprefix(prefix): item for item in items if item["id"].startswith(prefix)}
    return {key: found[key] for key in keys if key in found}


def _waiting(system: System) -> int:
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    sqs = system.client("sqs")
    answers = [sqs.get_queue_attributes(QueueUrl=system.outputs[each], AttributeNames=names) for each in _QUEUES]
    return sum(int(answer["Attributes"][name]) for answer in answers for name in names)


def _outputs(system: System, jobs: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    s3, bucket = system.client("s3"), system.outputs["OutputBucketName"]

    def source_of(job: Mapping[str, str]) -> str:
        return str(s3.head_object(Bucket=bucket, Key=job["output_key"])["Metadata"]["dropcut-picture-sha256"])

    delivered = {key: job for key, job in jobs.items() if job["status"] == "delivered"}
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(delivered, pool.map(source_of, delivered.values()), strict=True))


def _dead_letters(system: System, name: str) -> Iterator[Mapping[str, str]]:
    """The attributes of each dead letter about this storm's photos."""
    sqs = system.client("sqs")
    for output in _DEAD:
        while messages := sqs.receive_message(
            QueueUrl=system.outputs[output], MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", []):
            for message in messages:
                if name in message["Body"]:
                    said = {each: value["StringValue"] for each, value in message.get("MessageAttributes", {}).items()}
                    picture = json.loads(message["Body"]).get("picture", {}).get("sha256", "")
                    yield {"stage": f"none, from {output}", **said, "picture": picture}


def _counted(system: System, *, since: float) -> Counter[str]:
    """The metrics in the cut function's log."""
    function = EventSource(system, system.outputs["CutQueueUrl"]).function
    settings = system.client("lambda").get_function_configuration(FunctionName=function)
    group = settings["LoggingConfig"]["LogGroup"]
    pages = system.client("logs").get_paginator("filter_log_events")
    totals: Counter[str] = Counter()
    for page in pages.paginate(logGroupName=group, startTime=int(since * 1000)):
        for event in page["events"]:
            if '"_aws"' in event["message"]:
                for metric, values in json.loads(event["message"]).items():
                    if isinstance(values, list):
                        totals[metric] += sum(values)
    return totals


def measure(photos: int = PHOTOS) -> Report:
    """Bring a system up for the storm."""
    with (
        temporary_folder("bench") as folder,
        StandIn(
            "ezlink",
            window_requests=int(SETTINGS["rate_limit_requests"]),
            lockout_seconds=float(SETTINGS["lockout_seconds"]),
        ) as api,
    ):
        settings = {**SETTINGS, "api_base_url": api.base_url}
        system = bring_up(folder, settings, steps=Steps())
        try:
            system.client("secretsmanager").put_secret_value(
                SecretId=system.outputs["ApiKeySecretName"], SecretString=api.key
            )
            aftermath = unleash(system, api, photos)
        finally:
            system.stop()
    wrong = aftermath.wrong()
    return Report(
        title="Storm",
        how=f"{photos:,} photos through the deployed stacks. One call in ten fails, one in twenty breaks off or is "
        "cut short, and one in fifty is locked out. Events come twice, late and out of order."
        + "".join(f"\n  {what}" for what in wrong),
        tables=[aftermath.table()],
        targets=[Target("What went wrong", len(wrong), 0, "")],
    )


if __name__ == "__main__":
    report = measure(int(sys.argv[1]) if len(sys.argv) > 1 else PHOTOS)
    print(report.as_text())
    sys.exit(not report.met)
