"""A deployment on the embedded AWS without Lambda: the harness itself plays the event sources that poll the queues.

So a function can be stopped anywhere, and the clock be moved on, as no real deployment allows.
"""

import io
import json
import random
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from dropcut.adapters.key_records import health_id
from dropcut.core.api_key_text import fingerprint
from dropcut.core.item_kinds import GATE
from dropcut.core.photo_source import PhotoSource, sources_to_json
from dropcut.environment import (
    CutEnvironment,
    DeliverEnvironment,
    Environment,
    FeederEnvironment,
    PrepareEnvironment,
)
from PIL import Image

from dropcut_cdk.feeder import FEEDER_SECONDS
from dropcut_cdk.queues import SQS_MOST_RECEIVES
from dropcut_cdk.sizes import decoder_mib, size_of_cut, size_of_deliver, size_of_prepare
from dropcut_cli.clone.surroundings import clean
from infra.settings import Settings
from local.ports import LOOPBACK, any_free_port
from stand_in.stand_in import StandIn
from tests.model.state_table import STATE_TABLE
from tests.resilience.refusals import Refusal
from tests.resilience.sandbox import Function, Invocation, Stop
from tests.resilience.virtual_clock import VirtualClock

REGION = "us-east-1"
INPUT, WORK, OUTPUT, TABLE, SECRET = "photos-in", "photos-work", "photos-out", "state", "api-key"
STAGES = ("prepare", "cut", "deliver")
FEEDER = "feeder"
"""No stage: no queue feeds it, and its rule has the same name."""
CREDITS = 2.0
_SETTINGS = Settings(
    api_timeout_seconds=5.0,
    rate_limit_requests=100_000,  # what is tested here is what happens to a picture, not the pace
    rate_limit_seconds=1.0,
    lockout_seconds=3.0,
    credits_per_image=CREDITS,
    daily_credit_limit=1_000_000.0,  # never reached; the feeder asks what is spent of it
    pause_after_failures=50,
    keep_results_days=3650,
)
FUNCTION_SECONDS = {
    "prepare": size_of_prepare(_SETTINGS).timeout_seconds,
    "cut": size_of_cut(_SETTINGS).timeout_seconds,
    "deliver": size_of_deliver(_SETTINGS, _SETTINGS.renditions_made).timeout_seconds,
    FEEDER: FEEDER_SECONDS,
}
"""Time-outs of the functions; a queue's visibility timeout is six of them, as in the stacks."""
_ENVIRONMENTS: Mapping[str, type[Environment]] = {
    "prepare": PrepareEnvironment,
    "cut": CutEnvironment,
    "deliver": DeliverEnvironment,
    FEEDER: FeederEnvironment,
}
BATCH_SIZE = 10
RENDITIONS = ["full", "preview"]
"""Two, so that a set can be written in part."""
_STEP_SECONDS = 5
_FOURTEEN_DAYS = str(14 * 86_400)


@dataclass
class Deployment:
    """Buckets, queues, table, three functions, a stand-in for the API, and the clock they all go by."""

    clock: VirtualClock
    api: StandIn
    log: Path
    clients: Mapping[str, Any]
    queues: Mapping[str, str]
    """URLs: `prepare`, `cut`, `deliver` (each stage's own), `prepare-dead` and so on, and `events`."""
    functions: Mapping[str, Function]
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often an event of a detail type came for a key."""
    strays: list[str] = field(default_factory=list)
    """Addresses to which a function connected where the harness saw no side effect."""
    dropped: list[str] = field(default_factory=list)
    """Keys of all photos so far."""
    refusals: dict[str, Refusal] = field(default_factory=dict)
    """What AWS refuses, by stage; over when the clock says so."""
    _in_flight: set[str] = field(default_factory=set)
    _log_read: int = 0

    def drop(self, key: str, picture: bytes) -> None:
        """Upload a photo; its event is in the intake queue."""
        self.dropped.append(key)
        self.clients["s3"].put_object(Bucket=INPUT, Key=key, Body=picture)
        stored = {"key": key, "size": len(picture), "etag": "e", "sequencer": f"{len(self.dropped):016X}"}
        event = {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {"bucket": {"name": INPUT}, "object": stored},
        }
        self.clients["sqs"].send_message(QueueUrl=self.queues["prepare"], MessageBody=json.dumps(event))

    def feed(self, stop: Stop | None = None) -> Invocation:
        """Let the feeder have one turn; with `stop`, in a sandbox that has no other."""
        function = self.functions[FEEDER]
        sandbox = function.cold_sandbox() if stop else function.warm_sandbox()
        turn = sandbox.invoke({}, stop)
        if stop:
            sandbox.end()
        self.strays += turn.strays
        return turn

    def receive(self, stage: str) -> list[dict[str, Any]]:
        """Up to ten messages that can be seen, as Lambda hands them over."""
        answer = self.clients["sqs"].receive_message(
            QueueUrl=self.queues[stage], MaxNumberOfMessages=BATCH_SIZE, MessageSystemAttributeNames=["All"]
        )
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:000000000000:{stage}",
                "awsRegion": REGION,
            }
            for message in answer.get("Messages", [])
        ]

    def work_off(self, stage: str, records: Sequence[Mapping[str, Any]], stop: Stop | None = None) -> Invocation:
        """One invocation; what the function is done with is deleted, all else comes back by itself.

        With `stop`, in a cold sandbox; that one handles nothing else afterwards when it was stopped.
        """
        function = self.functions[stage]
        sandbox = function.cold_sandbox() if stop else function.warm_sandbox()
        ending = sandbox.invoke({"Records": records}, stop, self.refusals.get(stage))
        if stop:
            sandbox.end()
        if ending.died and stop and stop.way == "hangs":
            self.clock.move_on(FUNCTION_SECONDS[stage])
        if ending.refusal:
            self.refusals[stage] = ending.refusal
        self.strays += ending.strays
        self._delete(stage, records, ending)
        return ending

    def _delete(self, stage: str, records: Sequence[Mapping[str, Any]], ending: Invocation) -> None:
        self._in_flight |= {record["messageId"] for record in records}
        if ending.answer is None:
            return
        kept = {failure["itemIdentifier"] for failure in ending.answer["batchItemFailures"]}
        done = [record for record in records if record["messageId"] not in kept]
        if done:
            entries = [{"Id": str(n), "ReceiptHandle": each["receiptHandle"]} for n, each in enumerate(done)]
            self.clients["sqs"].delete_message_batch(QueueUrl=self.queues[stage], Entries=entries)
        self._in_flight -= {record["messageId"] for record in done}

    def run(self, stages: Iterable[str] = STAGES) -> None:
        """Let the stages work, one after the other (messages go forward only), until none sees a message any more."""
        for stage in stages:
            while records := self.receive(stage):
                self.work_off(stage, records)
                if len(records) < BATCH_SIZE:
                    break

    def run_to_the_end(self) -> bool:
        """Let time pass and the queues bring work back until none holds a message; whether that came about."""
        for _ in range(12):
            self.run()
            if not self._in_flight:
                return True
            self.clock.move_on(6 * max(FUNCTION_SECONDS.values()))
        return False

    def wait_until_nothing_is_refused(self) -> None:
        """Let time pass in small steps, so that what is tried again meets the refusal as often as it would."""
        for refusal in self.refusals.values():
            while self.clock() < refusal.until:
                self.run()
                self.clock.move_on(_STEP_SECONDS)
        self.refusals.clear()

    def left_over(self) -> dict[str, int]:
        """Messages in any queue, dead-letter queues included, visible or not."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        counts = {}
        for name, url in self.queues.items():
            if name != "events":
                found = self.clients["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
                counts[name] = sum(int(number) for number in found.values())
        return {name: number for name, number in counts.items() if number}

    def start_anew(self) -> None:
        """Forget every message of the stages, after a run that failed."""
        for name, url in self.queues.items():
            if name != "events":
                self.clients["sqs"].purge_queue(QueueUrl=url)
        self._in_flight.clear()

    def open_gate(self) -> None:
        """Forget all trouble with the API, as the gatekeeper and a call that goes well do: it does not run here."""
        for item_id in (GATE, health_id(fingerprint(self.api.key))):
            self.clients["dynamodb"].delete_item(TableName=TABLE, Key={"id": {"S": item_id}})

    def job(self, key: str) -> dict[str, Any]:
        """The record of a key; empty when there is none."""
        item = self.clients["dynamodb"].get_item(
            TableName=TABLE, Key={"id": {"S": f"object#{INPUT}/{key}"}}, ConsistentRead=True
        )
        return {name: next(iter(value.values())) for name, value in item.get("Item", {}).items()}

    def output_of(self, job: Mapping[str, Any]) -> Mapping[str, str]:
        """The metadata of the cut-out that a job's record names. Raises ClientError: it is not there."""
        return self._metadata(job["output_key"])

    def renditions_of(self, key: str, job_id: str) -> set[str]:
        """The names of a photo's renditions that lie in the output bucket and are this job's."""
        listed = self.clients["s3"].list_objects_v2(Bucket=OUTPUT, Prefix=key.rpartition(".")[0])
        found = [self._metadata(each["Key"]) for each in listed.get("Contents", [])]
        return {metadata["dropcut-rendition"] for metadata in found if metadata["dropcut-job-id"] == job_id}

    def _metadata(self, output_key: str) -> Mapping[str, str]:
        metadata: dict[str, str] = self.clients["s3"].head_object(Bucket=OUTPUT, Key=output_key)["Metadata"]
        return metadata

    def tag(self, key: str) -> str | None:
        tags = self.clients["s3"].get_object_tagging(Bucket=INPUT, Key=key)["TagSet"]
        return next((tag["Value"] for tag in tags if tag["Key"] == "dropcut"), None)

    def credits_booked(self) -> dict[str, float]:
        """The budget's records: by key and day."""
        found = self.clients["dynamodb"].scan(TableName=TABLE, ConsistentRead=True)["Items"]
        return {
            item["id"]["S"]: float(item["spent"]["N"])
            for item in found
            if item["id"]["S"].startswith("budget#") and "spent" in item
        }

    def hear_events(self) -> Counter[tuple[str, str]]:
        """Take in the published events that have come; all so far by detail type and key."""
        sqs, url = self.clients["sqs"], self.queues["events"]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                event = json.loads(message["Body"])
                self.events[event["detail-type"], event["detail"].get("key", "")] += 1
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return self.events

    def metrics(self) -> Counter[str]:
        """What the functions counted since this was last asked, from the log lines that carry metrics."""
        totals: Counter[str] = Counter()
        with self.log.open("rb") as log:
            log.seek(self._log_read)
            for line in log:
                if b'"_aws"' in line:
                    for name, value in json.loads(line).items():
                        if isinstance(value, list):
                            totals[name] += sum(value)
            self._log_read = log.tell()
        return totals


def photo(number: int) -> bytes:
    """A small picture; each number has its own."""
    color = (number % 251, number // 251 % 251, number // 63_001 % 251)
    return _png(Image.new("RGB", (64, 64), color))


def larger_photo(number: int) -> bytes:
    """One that is too large to travel inside a message: noise, of 90 KiB."""
    return _png(Image.frombytes("RGB", (176, 176), random.Random(number).randbytes(3 * 176 * 176)))


def _png(image: Image.Image) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, "png")
    return encoded.getvalue()


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """Bring one up; all of it ends with the body. `folder` holds its clock and its log."""
    clock_file, log = folder / "clock", folder / "log"
    clock = VirtualClock(clock_file)
    port = any_free_port()
    endpoint = f"http://{LOOPBACK}:{port}"
    with ExitStack() as undo:
        _start_aws(port, clock_file, folder, undo)
        api = undo.enter_context(StandIn("ezlink", window_requests=1_000_000, credits_per_image=CREDITS))
        clients = {
            name: boto3.client(
                name,
                endpoint_url=endpoint,
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(proxies={}, parameter_validation=False),
            )
            for name in ("s3", "sqs", "dynamodb", "secretsmanager", "events")
        }
        queues = _create(clients, api.key)
        functions = {}
        for stage in (*STAGES, FEEDER):
            environment = _environment(stage, endpoint, queues, api.base_url)
            functions[stage] = Function(stage, clock_file=clock_file, environment=environment, log=log)
            undo.callback(functions[stage].stop)
        for function in functions.values():
            function.wait_until_ready()
        yield Deployment(clock=clock, api=api, log=log, clients=clients, queues=queues, functions=functions)


def _start_aws(port: int, clock_file: Path, folder: Path, undo: ExitStack) -> None:
    temporary = folder / "tmp"
    temporary.mkdir()
    environment = clean() | {
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(temporary),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder}/no-docker",
    }
    with (folder / "aws.log").open("wb") as output:
        aws = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).parent / "aws_process.py"), str(clock_file)],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    undo.callback(aws.wait)
    undo.callback(aws.kill)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 30
    while True:
        try:
            with opener.open(f"http://{LOOPBACK}:{port}/_ministack/ready", timeout=5) as answer:
                if json.load(answer).get("status") == "completed":
                    return
        except OSError:
            if aws.poll() is not None or time.monotonic() > deadline:
                said = (folder / "aws.log").read_text()
                raise RuntimeError(f"The embedded AWS did not start:\n{said}") from None
        time.sleep(0.05)


def _create(clients: Mapping[str, Any], api_key: str) -> dict[str, str]:
    """What the stacks would create; returns the queues' URLs."""
    for bucket in (INPUT, WORK, OUTPUT):
        clients["s3"].create_bucket(Bucket=bucket)
    clients["dynamodb"].create_table(TableName=TABLE, **STATE_TABLE)
    clients["secretsmanager"].create_secret(Name=SECRET, SecretString=api_key)
    queues = {"events": _queue(clients["sqs"], "events", {})}
    for stage in STAGES:
        queues[f"{stage}-dead"] = _queue(clients["sqs"], f"{stage}-dead", {})
        redrive = {
            "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:000000000000:{stage}-dead",
            "maxReceiveCount": SQS_MOST_RECEIVES,
        }
        visibility = {"VisibilityTimeout": str(6 * FUNCTION_SECONDS[stage]), "RedrivePolicy": json.dumps(redrive)}
        queues[stage] = _queue(clients["sqs"], stage, visibility)
    clients["events"].put_rule(Name="listen", EventPattern=json.dumps({"source": ["dropcut"]}))
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:000000000000:events"}
    clients["events"].put_targets(Rule="listen", Targets=[target])
    clients["events"].put_rule(Name=FEEDER, ScheduleExpression="rate(1 minute)", State="DISABLED")
    return queues


def _queue(sqs: Any, name: str, attributes: Mapping[str, str]) -> str:
    all_attributes = {"MessageRetentionPeriod": _FOURTEEN_DAYS, **attributes}
    url: str = sqs.create_queue(QueueName=name, Attributes=all_attributes)["QueueUrl"]
    return url


def _environment(stage: str, endpoint: str, queues: Mapping[str, str], api_base_url: str) -> dict[str, str]:
    """What Lambda and the stack give a function, by the value that its entry reads."""
    return {
        **clean(),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "dropcut-test",
        "POWERTOOLS_METRICS_NAMESPACE": "Dropcut",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "PYTHONDONTWRITEBYTECODE": "1",
        **_settings_of(stage, queues, api_base_url).to_variables(),
    }


def _settings_of(stage: str, queues: Mapping[str, str], api_base_url: str) -> Environment:
    environment = _ENVIRONMENTS[stage]
    ours = [field.name for field in fields(environment) if hasattr(_SETTINGS, field.name)]
    every = {name: getattr(_SETTINGS, name) for name in ours} | {
        "state_table": TABLE,
        "function_seconds": FUNCTION_SECONDS[stage],
        "account_id": "000000000000",
        "work_bucket": WORK,
        "queue_url": queues.get(stage),
        "dead_letter_queue_url": queues.get(f"{stage}-dead"),
        "intake_queue_url": queues["prepare"],
        "rule_name": FEEDER,
        "stage_roles": "-",  # the embedded AWS says of no message whose it is
        "cut_queue_url": queues["cut"],
        "deliver_queue_url": queues["deliver"],
        "inputs": sources_to_json([PhotoSource(bucket=INPUT)]),
        "rendition_names": '[["full"]]',
        "output_bucket": OUTPUT,
        "pace_table": TABLE,
        "api_key_secret": SECRET,
        "provider": _SETTINGS.provider,
        "credits_per_image": CREDITS,
        "api_base_url": api_base_url,
        "imaging_memory_mib": decoder_mib(_SETTINGS),
        "renditions": json.dumps(RENDITIONS),
        "input_renditions": "[]",
    }
    return environment(**{field.name: every[field.name] for field in fields(environment)})
