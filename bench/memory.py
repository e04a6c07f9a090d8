"""The most memory that cut uses for ten of the largest pictures at once, against the plain pattern's code."""

import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.artifacts import synthesize
from bench.baseline.deployment import deploy_baseline
from bench.deployed import EventSource, deployed, drop
from bench.imports import function_surroundings
from bench.largest_answers import SIDE_PIXELS
from bench.photos import largest_jpeg, marked
from bench.report import Report, Table, Target
from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.programs import start_program
from dropcut_cli.clone.surroundings import clean
from local.ports import LOOPBACK, any_free_port
from local.system import System

PICTURES = 10
PICTURE_BYTES = 10 * 1024 * 1024 - 2048
"""The API takes 10 MiB with the form around the picture; this is the most that prepare lets through."""
LIMIT_MIB = 512.0


@dataclass(frozen=True)
class Memory:
    """In MiB: after the imports, and the most."""

    before: float
    most: float

    def row(self, name: str) -> list[str]:
        return [name, *(f"{figure:.0f} MiB" for figure in (self.before, self.most, self.most - self.before))]


def measure() -> Report:
    """Run one full batch through each handler, in an interpreter of its own."""
    with deployed({}) as system:
        baseline = deploy_baseline(system)
        cut = EventSource(system, system.outputs["CutQueueUrl"])
        pictures = _pictures()
        sizes = {len(picture) for picture in pictures}
        unpacked = synthesize(system.folder, "this_machine")["cut"].unpack(system.folder / "cut")
        plain = _run(system, "function", baseline.variables, _plain_events(system, baseline.input_bucket, pictures),
                     Path(__file__).parent / "baseline")  # fmt: skip
        ours = _run(system, "dropcut.entries.cut", cut.variables(), [_batch(system, cut, pictures)], unpacked)
    return Report(
        title="memory: ten of the largest pictures at once in the cut function",
        how=(
            "The most resident memory (VmHWM) of an interpreter of its own that runs the handler once. It has the "
            f"deployed function's variables and artifact, and {PICTURES} pictures of {max(sizes):,} bytes each. All "
            f"ten calls are answered at the same moment, each with {SIDE_PIXELS} x {SIDE_PIXELS} of noise with alpha "
            "as JSON. That has 22 MB and is the largest answer there is. Embedded AWS and API run in other processes. "
            "The plain pattern handles one picture in an invocation; here its code runs in ten threads."
        ),
        tables=[
            Table(
                ["", "after the imports", "the most", "for the pictures"],
                [plain.row("event, call, put in ten threads"), ours.row("cut, one batch of ten")],
            )
        ],
        targets=[Target("the most", ours.most, LIMIT_MIB, "MiB", must_be_under=True)],
    )


def _pictures() -> list[bytes]:
    """As many as a batch holds, each as large as prepare lets through."""
    smaller = largest_jpeg(SIDE_PIXELS, PICTURE_BYTES - 100)
    return [marked(f"{number:02}", smaller) for number in range(PICTURES)]


def _run(
    system: System, module: str, variables: dict[str, str], events: Sequence[dict[str, Any]], code: Path
) -> Memory:
    """Run a handler as it is deployed, against an API that answers with the largest pictures."""
    port = any_free_port()
    api = start_program(
        f"largest answers for {module}",
        [sys.executable, "-m", "bench.largest_answers", str(port), str(PICTURES)],
        environment=clean(),
        folder=system.folder,
        cwd=REPOSITORY,
        leashed=True,
    )
    try:
        api.wait_until(lambda: _listens(port), seconds=60)
        done = subprocess.run(
            [sys.executable, "-s", "-P", Path(__file__).with_name("memory_probe.py")],
            env={
                **clean(),
                **function_surroundings(code),
                **system.account.variables(),
                **variables,
                "API_BASE_URL": f"http://{LOOPBACK}:{port}",
            },
            input=json.dumps({"module": module, "events": events}),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        api.stop()
    if done.returncode:
        raise RuntimeError(f"The measured interpreter failed:\n{done.stderr[-2000:]}")
    measured = json.loads(done.stdout.splitlines()[-1])
    if any(result and result["batchItemFailures"] for result in measured["results"]):
        raise RuntimeError(f"The batch was not worked off:\n{done.stdout[-4000:]}")
    return Memory(measured["before_kib"] / 1024, measured["most_kib"] / 1024)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def _batch(system: System, cut: EventSource, pictures: Sequence[bytes]) -> dict[str, Any]:
    """The event of one batch: what prepare has put into the cut queue for these pictures."""
    cut.switch(on=False)
    # What the measured handler sends on is not to be worked on beside it.
    EventSource(system, system.outputs["DeliverQueueUrl"]).switch(on=False)
    for number, picture in enumerate(pictures):
        drop(system, f"{number}.jpg", picture)
    cut.wait_until_full(len(pictures))
    messages: list[dict[str, Any]] = []
    while len(messages) < len(pictures):
        answer = system.client("sqs").receive_message(
            QueueUrl=cut.queue_url, MaxNumberOfMessages=10, AttributeNames=["All"]
        )
        messages += answer["Messages"]
    return {"Records": [_as_record(message) for message in messages]}


def _as_record(message: dict[str, Any]) -> dict[str, Any]:
    """A message as Lambda hands it to a function."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:bench",
        "awsRegion": "us-east-1",
    }


def _plain_events(system: System, bucket: str, pictures: Sequence[bytes]) -> list[dict[str, Any]]:
    """An S3 event for each picture; the deployed baseline is not invoked by them."""
    s3 = system.client("s3")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    for number, picture in enumerate(pictures):
        s3.put_object(Bucket=bucket, Key=f"{number}.jpg", Body=picture)
    return [
        {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": f"{number}.jpg"}}}]}
        for number in range(len(pictures))
    ]
