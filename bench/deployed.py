"""A deployed system to measure: when outputs arrive, how long calls took, and what was billed."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.steps import Steps
from dropcut_cli.clone.surroundings import clean
from local.embedded_aws import Account
from local.system import System, bring_up, temporary_folder

Where = tuple[str, str]
"""Bucket and key."""
_PATIENCE_SECONDS = 120.0


@contextmanager
def deployed(settings: Mapping[str, str], *, code: Path = REPOSITORY) -> Iterator[System]:
    """The stacks of a checkout on an embedded AWS of their own, IAM enforced and TLS on; gone afterwards.

    The stand-in API makes its cut-outs the fast way, so that it leaves the processors to what is measured.
    """
    with temporary_folder("bench") as folder:
        system = bring_up(folder, settings, steps=Steps(), code=code)
        try:
            api(system, "PATCH", "config", {"segmentation": False})
            yield system
        finally:
            system.stop()


@contextmanager
def deployed_from(code: Path) -> Iterator[System]:
    """The stacks of another checkout, deployed by its own code; gone afterwards.

    Raises:
        RuntimeError: it did not come up; with the end of what it said.
    """
    with subprocess.Popen(
        [sys.executable, "-s", "-P", Path(__file__).with_name("deployed_there.py")],
        cwd=code,
        env=clean(keep_proxies=True) | {"PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as there:  # the end of its standard input ends it
        assert there.stdout
        said = list(_until_described(there.stdout))
        if not said or not said[-1].startswith("{"):
            raise RuntimeError(f"{code} could not be deployed:\n{''.join(said)[-2000:]}")
        described = json.loads(said[-1])
        yield System(
            folder=Path(described["folder"]),
            account=Account.described(described),
            api_base_url=described["api_base_url"],
            api_key="",
            outputs=described["outputs"],
            programs=(),
        )


def _until_described(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if line.startswith("{"):
            return


def api(system: System, method: str, path: str, body: object = None) -> Any:
    """Ask the stand-in's control plane."""
    request = urllib.request.Request(  # noqa: S310 - the stand-in is on loopback
        f"{system.api_base_url}/_stand_in/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return json.load(answer)


class Arrivals:
    """When objects appeared in some buckets: S3 tells a queue, and the message holds the millisecond of its sending."""

    def __init__(self, system: System, buckets: Iterable[str]) -> None:
        self._sqs = system.client("sqs")
        self._url = self._sqs.create_queue(QueueName="bench-arrivals")["QueueUrl"]
        self.seconds: dict[Where, float] = {}
        """When each object arrived (epoch seconds)."""
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        tell = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": _s3_may_send(arn)})
        for bucket in buckets:
            system.client("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=tell)

    def wait_for(self, expected: Iterable[Where], *, patience_seconds: float) -> None:
        """Return when all of them have arrived. Raises TimeoutError: nothing came for so long."""
        missing = set(expected) - self.seconds.keys()
        deadline = time.monotonic() + patience_seconds
        while missing:
            if self._receive():
                deadline = time.monotonic() + patience_seconds
            missing -= self.seconds.keys()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(missing)} outputs did not arrive, such as {min(missing)}")

    def _receive(self) -> int:
        messages = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1, AttributeNames=["SentTimestamp"]
        ).get("Messages", [])
        for message in messages:
            for record in json.loads(message["Body"]).get("Records", []):  # a test event has none
                where = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
                self.seconds[where] = int(message["Attributes"]["SentTimestamp"]) / 1000
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return len(messages)


class EventSource:
    """What feeds a function from its queue; closed, the queue fills."""

    def __init__(self, system: System, queue_url: str) -> None:
        self._lambda, self._sqs, self.queue_url = system.client("lambda"), system.client("sqs"), queue_url
        name = queue_url.rpartition("/")[2]
        sources = self._lambda.list_event_source_mappings()["EventSourceMappings"]
        (source,) = [source for source in sources if source["EventSourceArn"].endswith(f":{name}")]
        self._id = source["UUID"]
        self.function = source["FunctionArn"].rpartition(":")[2]

    def switch(self, *, on: bool) -> None:
        """Open or close it; return when it is so."""
        wanted = "Enabled" if on else "Disabled"
        self._lambda.update_event_source_mapping(UUID=self._id, Enabled=on)
        _until(
            lambda: self._lambda.get_event_source_mapping(UUID=self._id)["State"] == wanted,
            f"an event source is {wanted.lower()}",
        )

    def wait_until_full(self, messages: int) -> None:
        """Return when so many messages wait in the queue."""
        _until(lambda: self._waiting() >= messages, f"{messages} messages wait in {self.queue_url}")

    def variables(self) -> dict[str, str]:
        """The function's environment variables."""
        settings = self._lambda.get_function_configuration(FunctionName=self.function)
        return dict(settings["Environment"]["Variables"])

    def wait_until_empty(self, *, patience_seconds: float) -> None:
        """Return when no message is left, seen or unseen. Raises TimeoutError: for so long none went."""
        fewest, deadline = self._waiting(unseen=True), time.monotonic() + patience_seconds
        while fewest:
            time.sleep(0.2)
            now = self._waiting(unseen=True)
            if now < fewest:
                fewest, deadline = now, time.monotonic() + patience_seconds
            if time.monotonic() > deadline:
                raise TimeoutError(f"{fewest} messages stay in {self.queue_url}")

    def _waiting(self, *, unseen: bool = False) -> int:
        names = [f"ApproximateNumberOfMessages{kind}" for kind in (["", "NotVisible"] if unseen else [""])]
        answer = self._sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)


def drop(system: System, key: str, photo: bytes) -> None:
    """Put a photo into our input bucket."""
    system.client("s3").put_object(Bucket=system.outputs["InputBucketName"], Key=key, Body=photo)


def billed_milliseconds(system: System, function: str) -> dict[str, int]:
    """What each invocation so far was billed, by request id: from the REPORT lines of the function's log."""
    settings = system.client("lambda").get_function_configuration(FunctionName=function)
    group = settings.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{settings['FunctionName']}"
    pages = system.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    reports = [_REPORT.search(event["message"]) for page in pages for event in page["events"]]
    return {report["id"]: int(report["billed"]) for report in reports if report}


_REPORT = re.compile(r"^REPORT RequestId: (?P<id>\S+).*Billed Duration: (?P<billed>\d+) ms")


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {_PATIENCE_SECONDS:g} s in vain until {what}")
        time.sleep(0.1)


def _s3_may_send(queue_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
