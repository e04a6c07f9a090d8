"""What the verbs know of a deployment: its outputs, functions, queues, table and clients, found in one place."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.utils import parse_timestamp
from dropcut.adapters.backfill_records import BackfillRecords
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.state_table import StateTable
from dropcut.core.api_key_text import fingerprint, key_in
from dropcut.core.photo_source import read_sources

from dropcut_cli.exits import NO_REGION, CommandError, Exit

STACK_FILE = Path(".local") / "stack.json"
STACKS = ("Storage", "Pipeline", "Monitoring")
STAGE_FUNCTIONS = {"Intake": "prepare", "Cut": "cut", "Deliver": "deliver", "Notify": "notify"}
"""By the queue that each reads, as outputs name it. A deployment without `webhook_url` has no queue of webhooks."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One of our own three stacks each by its stage, or one that a `Dropcut` in somebody's app belongs to."""

    stage: str
    stack: str = ""
    """Instead of a stage: `STACK`, or `STACK/CONSTRUCT` where a stack holds several."""
    session: boto3.Session
    local: bool = False
    known_outputs: Mapping[str, str] | None = None
    """Where they need not be asked for."""
    client_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def find(cls, *, stage: str, stack: str = "", region: str | None, profile: str | None, local: bool) -> Self:
        """Nothing is asked of AWS yet.

        Raises:
            CommandError: no region is set, or nothing runs on this machine.
        """
        if local:
            return cls._on_this_machine()
        session = new_session(botocore.session.Session(), profile_name=profile, region_name=region)
        if not session.region_name:
            raise CommandError(NO_REGION, Exit.USAGE)
        return cls(stage=stage, stack=stack, session=session)

    @classmethod
    def _on_this_machine(cls) -> Self:
        """Nothing in the environment or in `~/.aws` changes where this leads."""
        try:
            stack = json.loads(_stack_file().read_text())
        except FileNotFoundError:
            raise CommandError("Nothing runs on this machine: start it with `make up`.") from None
        no_file = (None, None, os.devnull, None)
        files = {"profile": (None, None, None, None), "config_file": no_file, "credentials_file": no_file}
        core = botocore.session.Session(session_vars=files)
        core.set_default_client_config(Config(proxies={}, retries={"mode": "standard", "max_attempts": 3}))
        session = new_session(
            core,
            aws_access_key_id=stack["access_key_id"],
            aws_secret_access_key=stack["secret_access_key"],
            region_name=stack["region"],
        )
        options = {"endpoint_url": stack["endpoint_url"], "verify": stack["ca_bundle"]}
        dashboard = stack["outputs"].get("DashboardName", "dropcut-prod")
        stage = dashboard.removeprefix("dropcut-").removesuffix(f"-{stack['region']}")
        return cls(stage=stage, session=session, local=True, known_outputs=stack["outputs"], client_options=options)

    @property
    def name(self) -> str:
        where = "this machine" if self.local else self.session.region_name
        return f"`{self.stack or self.stage}` ({where})"

    def client(self, service: str) -> Any:
        """The boto3 client for a service; made once, as that takes longer than using it."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service, **self.client_options)  # type: ignore[call-overload]
        return self._clients[service]

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """Of its stacks. Raises CommandError: there is no such deployment."""
        found = dict(self.known_outputs or {})
        stack, _, construct = self.stack.partition("/")
        if stack:
            found = self._of_construct(self._outputs_of(stack), construct)
        elif not found:
            for part in STACKS:
                found |= self._outputs_of(f"Dropcut-{self.stage}-{part}")
        if "InputBucketName" not in found or "IntakeQueueUrl" not in found:
            raise CommandError(
                f"There is no deployment `{self.stack or self.stage}` in region {self.session.region_name}. Name the "
                "one you mean with --stage or --stack, --region and --profile, or deploy it with `dropcut deploy`."
            )
        return found

    def _of_construct(self, outputs: Mapping[str, str], construct: str) -> dict[str, str]:
        """A `Dropcut` puts the path of its construct before the names of its outputs."""
        there = [name.removesuffix("InputBucketName") for name in outputs if name.endswith("InputBucketName")]
        if len(there) > 1 and not construct:
            raise CommandError(
                f"The stack {self.stack} holds several deployments. Name one of them: "
                + ", ".join(f"--stack {self.stack}/{each}" for each in there),
                Exit.USAGE,
            )
        path = construct or "".join(there)
        return {name.removeprefix(path): value for name, value in outputs.items() if name.startswith(path)}

    @property
    def options(self) -> list[str]:
        """What a command has to be given to find this deployment again."""
        if self.local:
            return ["--local"]
        profile = self.session.profile_name
        named = ["--profile", profile] if profile != os.environ.get("AWS_PROFILE", "default") else []
        which = ["--stack", self.stack] if self.stack else ["--stage", self.stage]
        return [*which, "--region", self.session.region_name, *named]

    def _outputs_of(self, stack: str) -> dict[str, str]:
        try:
            (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return {}
            raise
        return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}

    @property
    def input_bucket(self) -> str:
        return self.outputs["InputBucketName"]

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """Its input buckets, and what the keys of the photos in each begin with."""
        found = {source.bucket: source.prefix for source in read_sources(self.setting("Intake", "INPUTS") or "[]")}
        return found or {self.input_bucket: ""}

    @property
    def input_prefix(self) -> str:
        return self.sources.get(self.input_bucket, "")

    @cached_property
    def table(self) -> StateTable:
        return StateTable(self.client("dynamodb"), self.outputs["StateTableName"])

    @property
    def queues(self) -> list[str]:
        """Those that this deployment has."""
        return [queue for queue in STAGE_FUNCTIONS if f"{queue}QueueUrl" in self.outputs]

    @property
    def gate(self) -> GateRecord:
        return GateRecord(table=self.table)

    @property
    def backfills(self) -> BackfillRecords:
        return BackfillRecords(table=self.table)

    def pages(self, service: str, call: str, results: str, **asked: Any) -> Iterator[Any]:
        """Every one of the results of a call that answers page by page."""
        for page in self.client(service).get_paginator(call).paginate(**asked):
            yield from page.get(results, [])

    def objects(self, bucket: str, prefix: str) -> Iterator[Any]:
        return self.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix)

    def scan(self, condition: str, values: Mapping[str, Any], **more: Any) -> Iterator[dict[str, Any]]:
        """Items in DynamoDB's form. The whole table is read, at half a read request unit for each 4 KiB."""
        asked = {"FilterExpression": condition, "ExpressionAttributeValues": values, **more}
        return self.pages("dynamodb", "scan", "Items", TableName=self.outputs["StateTableName"], **asked)

    def alarms(self, **asked: str) -> list[Mapping[str, Any]]:
        """Those that notify its topic; none where the app has alarms of its own instead."""
        if not (topic := self.outputs.get("AlarmTopicArn")):
            return []
        found = self.pages("cloudwatch", "describe_alarms", "MetricAlarms", **asked)
        return [alarm for alarm in found if topic in alarm["AlarmActions"]]

    def subscriptions(self) -> list[Mapping[str, Any]]:
        """Of its alarm topic; the ARN of one that is not confirmed is another word."""
        if not (topic := self.outputs.get("AlarmTopicArn")):
            return []
        return list(self.pages("sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic))

    def queue_url(self, queue: str, *, dead_letters: bool = False) -> str:
        """`queue` is one of `queues`."""
        return self.outputs[f"{queue}{'DeadLetter' if dead_letters else ''}QueueUrl"]

    def send(self, queue: str, body: str, reason: str = "") -> None:
        """Into a stage's queue; by a reason, the functions know that somebody wants the photo to be tried again."""
        attributes = {"reason": {"DataType": "String", "StringValue": reason}} if reason else {}
        self.client("sqs").send_message(QueueUrl=self.queue_url(queue), MessageBody=body, MessageAttributes=attributes)

    def function(self, queue: str) -> Mapping[str, Any]:
        """The configuration of the function that reads a queue.

        It is found by its event source: a deployment from before this command has no output for it.
        """
        if queue not in self._functions:
            sources = self.event_source(queue)
            lambda_ = self.client("lambda")
            self._functions[queue] = lambda_.get_function_configuration(FunctionName=sources["FunctionArn"])
        return self._functions[queue]

    @cached_property
    def _functions(self) -> dict[str, Mapping[str, Any]]:
        return {}

    def event_source(self, queue: str) -> Mapping[str, Any]:
        """What feeds the queue's messages to its function. Raises CommandError: there is none."""
        arn = self.queue_arn(queue)
        found = self.client("lambda").list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
        if not found:
            raise CommandError(
                f"No function reads the queue of {STAGE_FUNCTIONS[queue]} in {self.name}. Run `dropcut deploy`."
            )
        source: Mapping[str, Any] = found[0]
        return source

    def queue_arn(self, queue: str) -> str:
        answer = self.client("sqs").get_queue_attributes(QueueUrl=self.queue_url(queue), AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def setting(self, queue: str, name: str) -> str:
        """A setting as it is deployed, from the environment of the function that reads a queue."""
        return str(self.function(queue)["Environment"]["Variables"].get(name, ""))

    @property
    def max_photo_mib(self) -> float:
        return float(self.setting("Intake", "MAX_PHOTO_MIB"))

    @property
    def limits(self) -> dict[str, float]:
        """What holds the spending back."""
        names = ("daily_credit_limit", "credits_per_image", "rate_limit_requests", "rate_limit_seconds")
        return {name: float(self.setting("Cut", name.upper()) or 0) for name in names}

    @cached_property
    def fingerprint(self) -> str:
        """Names the API key in the state table; empty where the secret holds none."""
        secrets = self.client("secretsmanager")
        try:
            text = secrets.get_secret_value(SecretId=self.outputs["ApiKeySecretName"])["SecretString"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return ""
            raise
        key = key_in(text)
        return fingerprint(key) if key else ""


def new_session(core: botocore.session.Session, **given: Any) -> boto3.Session:
    """With times read by the standard library: botocore's own way takes two thirds of what listing a bucket takes."""
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_time)
    return boto3.Session(botocore_session=core, **given)


def _time(text: Any) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):  # epoch seconds, or the words of an HTTP header
        return parse_timestamp(text)


def _stack_file() -> Path:
    """Of the clone that this command is run in, or whose code it is."""
    here = [folder / STACK_FILE for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).parents[3])]
    return next((file for file in here if file.exists()), here[0])
