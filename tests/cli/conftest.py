"""A deployment in moto's memory, and the command run on it in this process."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from dropcut.core.photo_source import PhotoSource, sources_to_json
from moto import mock_aws

from dropcut_cli import failed_photos
from dropcut_cli.deployment import STAGE_FUNCTIONS, Deployment
from dropcut_cli.program import run
from tests.functions.cloud import INPUT, OUTPUT, REGION, SECRET, TABLE, WORK
from tests.model.state_table import STATE_TABLE

RULE = "feeder-rule"
ALARMS = "arn:aws:sns:eu-central-1:123456789012:alarms"


@pytest.fixture(scope="session")
def aws_session() -> boto3.Session:
    """One for all tests: each new one reads the descriptions of the services anew, for a third of a second."""
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)


@pytest.fixture
def deployment(aws_session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Its buckets, queues, table and secret; there are no functions."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_REGION", "DROPCUT_STAGE", "SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(failed_photos, "PATIENCE_SECONDS", 0)
    with mock_aws():
        sqs, s3 = aws_session.client("sqs"), aws_session.client("s3")
        outputs = {
            f"{queue}{kind}QueueUrl": sqs.create_queue(QueueName=f"{queue}{kind}")["QueueUrl"]
            for queue in STAGE_FUNCTIONS
            for kind in ("", "DeadLetter")
        }
        for bucket in (INPUT, OUTPUT, WORK):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        # boto3 types each argument, and this is a dict of them.
        aws_session.client("dynamodb").create_table(TableName=TABLE, **STATE_TABLE)  # type: ignore[arg-type]
        aws_session.client("secretsmanager").create_secret(Name=SECRET)
        aws_session.client("events").put_rule(Name=RULE, ScheduleExpression="rate(1 minute)", State="DISABLED")
        outputs |= {
            "InputBucketName": INPUT,
            "OutputBucketName": OUTPUT,
            "WorkBucketName": WORK,
            "StateTableName": TABLE,
            "ApiKeySecretName": SECRET,
            "AlarmTopicArn": ALARMS,
            "BackfillRuleName": RULE,
        }
        yield Deployment(stage="prod", session=aws_session, known_outputs=outputs)


@dataclass(frozen=True)
class Ran:
    """What the command did."""

    exit_code: int
    out: str
    err: str


Dropcut = Callable[..., Ran]


@pytest.fixture
def dropcut(deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Dropcut:
    """Run the command with these arguments on the deployment."""
    monkeypatch.setattr(Deployment, "find", lambda **_asked: deployment)
    monkeypatch.setattr(Deployment, "setting", lambda _self, _queue, name: SETTINGS.get(name, ""))

    def run_it(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run(arguments)
        said = capsys.readouterr()
        return Ran(int(code), said.out, said.err)

    return run_it


class Paged(dict[str, Any]):
    """A client whose paginators give one page."""

    def get_paginator(self, name: str) -> Any:
        page = self[name]
        return type("Pages", (), {"paginate": staticmethod(lambda **_asked: [page])})()

    def set_alarm_state(self, **state: str) -> None:
        self["set"] = state


SETTINGS = {
    "RENDITIONS": '["full"]',
    "RENDITION_NAMES": '[["full"]]',
    "CREDITS_PER_IMAGE": "2",
    "RATE_LIMIT_REQUESTS": "150",
    "RATE_LIMIT_SECONDS": "10",
    "DAILY_CREDIT_LIMIT": "100",
    "MAX_PHOTO_MIB": "50",
    "PROVIDER": "stability",
    "POWERTOOLS_SERVICE_NAME": "dropcut-prod",
    "INPUTS": sources_to_json([PhotoSource(bucket=INPUT, prefix="")]),
}
"""As they are deployed."""


def bodies(deployment: Deployment, queue: str, *, dead: bool = False) -> list[str]:
    """What lies in a queue; it stays there."""
    url = deployment.queue_url(queue, dead_letters=dead)
    answer: Any = deployment.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return sorted(message["Body"] for message in answer.get("Messages", []))
