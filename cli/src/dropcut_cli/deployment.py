"""What the verbs know of a deployment: its outputs, functions, queues, table and clients, found in one place.

boto3 and the records come only when they are used: this module is imported for `--help`, too.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dropcut.core.api_key_text import fingerprint, key_in
from dropcut.core.item_kinds import JOB

from dropcut_cli.exits import NO_REGION, CommandError, Exit

if TYPE_CHECKING:
    import boto3
    from botocore.session import Session
    from dropcut.adapters.backfill_records import BackfillRecords
    from dropcut.adapters.gate_record import GateRecord
    from dropcut.adapters.state_table import StateTable

STACKS = ("Storage", "Pipeline", "Monitoring")
STAGE_FUNCTIONS = {"Intake": "prepare", "Cut": "cut", "Deliver": "deliver", "Notify": "notify"}
"""By the queue that each reads, as outputs name it. A deployment without `webhook_url` has no queue of webhooks."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One of our own three stacks each by its stage, or one that a `Dropcut` in somebody's app belongs to."""

    stage: str
    stack: str = ""
    """Instead of a stage: `STACK`, or `STACK/CONSTRUCT` where a stack holds several."""
    session: "boto3.Session"
    local: bool = False
    known_outputs: Mapping[str, str] = field(default_factory=dict)
    """Where they need not be asked for."""
    client_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _functions: dict[str, Mapping[str, Any]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def find(cls, *, stage: str, stack: str = "", region: str | None, profile: str | None, local: bool) -> Self:
        """Nothing is asked of AWS yet.

        Raises:
            CommandError: no region is set, or nothing runs on this machine.
        """
        if local:
            return cls._on_this_machine()
        import botocore.session

        session = new_session(botocore.session.Session(), profile_name=profile, region_name=region)
        if not session.region_name:
            raise CommandError(NO_REGION, Exit.USAGE)
        return cls(stage=stage, stack=stack, session=session)

    @classmethod
    def _on_this_machine(cls) -> Self:
        """Nothing in the environment or in `~/.aws` changes where this leads."""
        import botocore.session
        from botocore.config import Config

        try:
            stack = json.loads(_stack_file().read_text())
        except FileNotFoundError:
            raise CommandError("Nothing runs on this machine: start it with `make up`.") from None
        no_file = (None, None, os.devnull, None)
        files = {"profile": (None, None, None, None), "config_file": no_file, "credentials_file": no_file}
        core = botocore.session.Session(session_vars=files)
        core.set_default_client_config(Config(proxies={}, retries={"mode": "standard", "max_attempts": 3}))
        keys = {f"aws_{name}": stack[name] for name in ("access_key_id", "secret_access_key")}
        session = new_session(core, region_name=stack["region"], **keys)
        options = {"endpoint_url": stack["endpoint_url"], "verify": stack["ca_bundle"]}
        dashboard = stack["outputs"].get("DashboardName", "dropcut-prod")
        stage = dashboard.removeprefix("dropcut-").removesuffix(f"-{stack['region']}")
        return cls(stage=stage, session=session, local=True, known_outputs=stack["outputs"], client_options=options)

    @property
    def name(self) -> str:
        where = "this machine" if self.local else self.session.region_name
        return f"`{self.stack or self.stage}` ({where})"

    @property
    def options(self) -> list[str]:
        """What a command has to be given to find this deployment again."""
        if self.local:
            return ["--local"]
        profile = self.session.profile_name
        named = ["--profile", profile] if profile != os.environ.get("AWS_PROFILE", "default") else []
        which = ["--stack", self.stack] if self.stack else ["--stage", self.stage]
        return [*which, "--region", self.session.region_name, *named]

    @property
    def deploy_again(self) -> str:
        """What puts right whatever was changed by hand."""
        return "Deploy your app again (`cdk deploy`)." if self.stack else "Run `dropcut deploy`."

    def client(self, service: str) -> Any:
        """The boto3 client for a service; made once, as that takes longer than using it."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service, **self.client_options)  # type: ignore[call-overload]
        return self._clients[service]

    def resource(self, service: str) -> Any:
        """What boto3 makes of a service's things: tables of plain values, messages that delete themselves."""
        if (name := f"resource {service}") not in self._clients:
            self._clients[name] = self.session.resource(service, **self.client_options)  # type: ignore[call-overload]
        return self._clients[name]

    def pages(self, service: str, call: str, results: str, **asked: Any) -> Iterator[Any]:
        """Every one of the results of a call that answers page by page."""
        for page in self.client(service).get_paginator(call).paginate(**asked):
            yield from page.get(results, [])

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """Of its stacks. Raises CommandError: there is no such deployment."""
        stack, _, construct = self.stack.partition("/")
        found = dict(self.known_outputs)
        if stack:
            found = self._of_construct(self._outputs_of(stack), construct)
        elif not found:
            for part in STACKS:
                found |= self._outputs_of(f"Dropcut-{self.stage}-{part}")
        if "InputBucketName" not in found or "IntakeQueueUrl" not in found:
            deploy = "`cdk deploy`" if self.stack else "`dropcut deploy`"
            raise CommandError(
                f"There is no deployment `{self.stack or self.stage}` in region {self.session.region_name}. Name the "
                f"one you mean with --stage or --stack, --region and --profile, or deploy it with {deploy}."
            )
        return found

    def _outputs_of(self, stack: str) -> dict[str, str]:
        cloudformation = self.client("cloudformation")
        try:
            (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        except cloudformation.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return {}
            raise
        return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}

    def _of_construct(self, outputs: Mapping[str, str], construct: str) -> dict[str, str]:
        """A `Dropcut` puts the path of its construct before the names of its outputs."""
        there = [name.removesuffix("InputBucketName") for name in outputs if name.endswith("InputBucketName")]
        if len(there) > 1 and not construct:
            known = ", ".join(f"--stack {self.stack}/{each}" for each in there)
            raise CommandError(f"The stack {self.stack} holds several deployments. Name one: {known}", Exit.USAGE)
        path = construct or "".join(there)
        return {name.removeprefix(path): value for name, value in outputs.items() if name.startswith(path)}

    @property
    def input_bucket(self) -> str:
        return self.outputs["InputBucketName"]

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """Its input buckets, and what the keys of the photos in each begin with."""
        from dropcut.core.photo_source import read_sources

        found = {source.bucket: source.prefix for source in read_sources(self.setting("Intake", "INPUTS") or "[]")}
        return found or {self.input_bucket: ""}

    def photo_id(self, key: str, bucket: str = "") -> str:
        """The id of a photo's record; without a bucket, of one in the first."""
        return f"{JOB}{bucket or self.input_bucket}/{key}"

    @cached_property
    def table(self) -> "StateTable":
        from dropcut.adapters.state_table import StateTable

        return StateTable(self.client("dynamodb"), self.outputs["StateTableName"])

    @property
    def plain_table(self) -> Any:
        """boto3's table, which takes conditions such as `Attr("status").eq("held")` and gives plain values."""
        return self.resource("dynamodb").Table(self.outputs["StateTableName"])

    def scan(self, condition: Any, *names: str, consistent: bool = False) -> Iterator[dict[str, Any]]:
        """These attributes of the items that meet a condition of `boto3.dynamodb.conditions`.

        The whole table is read, at half a read request unit for each 4 KiB; a whole one where it is consistent.
        """
        table, wanted = self.plain_table, {f"#{name}": name for name in names}
        asked = {"ProjectionExpression": ", ".join(wanted), "ExpressionAttributeNames": wanted}
        pages = table.meta.client.get_paginator("scan").paginate(
            TableName=table.name, FilterExpression=condition, ConsistentRead=consistent, **asked
        )
        for page in pages:
            yield from page["Items"]

    @property
    def gate(self) -> "GateRecord":
        from dropcut.adapters.gate_record import GateRecord

        return GateRecord(table=self.table)

    @property
    def backfills(self) -> "BackfillRecords":
        from dropcut.adapters.backfill_records import BackfillRecords

        return BackfillRecords(table=self.table)

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

    @property
    def queues(self) -> list[str]:
        """Those that this deployment has."""
        return [queue for queue in STAGE_FUNCTIONS if f"{queue}QueueUrl" in self.outputs]

    def queue_url(self, queue: str, *, dead_letters: bool = False) -> str:
        return self.outputs[f"{queue}{'DeadLetter' if dead_letters else ''}QueueUrl"]

    def queue_attributes(self, queue: str, *names: str, dead_letters: bool = False) -> Mapping[str, str]:
        """Those of the names that the queue has, as SQS knows them."""
        url = self.queue_url(queue, dead_letters=dead_letters)
        answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        found: Mapping[str, str] = answer.get("Attributes", {})
        return found

    def queue_arn(self, queue: str) -> str:
        return self.queue_attributes(queue, "QueueArn")["QueueArn"]

    def send(self, queue: str, body: str, reason: str = "") -> None:
        """Into a stage's queue; by a reason, the functions know that somebody wants the photo to be tried again."""
        attributes = {"reason": {"DataType": "String", "StringValue": reason}} if reason else {}
        self.client("sqs").send_message(QueueUrl=self.queue_url(queue), MessageBody=body, MessageAttributes=attributes)

    def event_source(self, queue: str) -> Mapping[str, Any]:
        """What feeds the queue's messages to its function. Raises CommandError: there is none."""
        found = self.client("lambda").list_event_source_mappings(EventSourceArn=self.queue_arn(queue))
        if not found["EventSourceMappings"]:
            missing = f"No function reads the queue of {STAGE_FUNCTIONS[queue]} in {self.name}."
            raise CommandError(f"{missing} {self.deploy_again}")
        source: Mapping[str, Any] = found["EventSourceMappings"][0]
        return source

    def function(self, queue: str) -> Mapping[str, Any]:
        """The configuration of the function that reads a queue.

        It is found by its event source: a deployment from before this command has no output for it.
        """
        if queue not in self._functions:
            name = self.event_source(queue)["FunctionArn"]
            self._functions[queue] = self.client("lambda").get_function_configuration(FunctionName=name)
        return self._functions[queue]

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
            key = key_in(secrets.get_secret_value(SecretId=self.outputs["ApiKeySecretName"])["SecretString"])
        except secrets.exceptions.ResourceNotFoundException:
            return ""
        return fingerprint(key) if key else ""


def new_session(core: "Session", **given: Any) -> "boto3.Session":
    """With times read by the standard library: botocore's own way takes two thirds of what listing a bucket takes."""
    import boto3

    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_time)
    return boto3.Session(botocore_session=core, **given)


def _time(text: Any) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):  # epoch seconds, or the words of an HTTP header
        from botocore.utils import parse_timestamp

        return parse_timestamp(text)


def _stack_file() -> Path:
    """Of the clone that this command is run in, or whose code it is."""
    clones = (Path.cwd(), *Path.cwd().parents, Path(__file__).parents[3])
    here = [clone / ".local" / "stack.json" for clone in clones]
    return next((file for file in here if file.exists()), here[0])
