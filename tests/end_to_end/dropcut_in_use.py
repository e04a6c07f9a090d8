"""A deployed Dropcut in use: dropping photos, waiting for what becomes of them, looking into what it left behind."""

import hashlib
import io
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import quote_plus, urlencode

from dropcut.core.event_names import PAUSED, REQUESTED, RESUMED
from PIL import Image

from dropcut_cli.deployment import Deployment
from local.outcomes import Outcome, SpendingChange, Subscription
from local.system import System
from stand_in.stand_in import StandIn
from tests.published import check_published

Stage = Literal["Intake", "Cut", "Deliver", "Notify"]
Function = Literal["prepare", "cut", "deliver", "gatekeeper", "feeder", "notify"]
STAGES: tuple[Function, ...] = ("prepare", "cut", "deliver")
FUNCTIONS: Mapping[Stage, Function] = {
    "Intake": "prepare",
    "Cut": "cut",
    "Deliver": "deliver",
    "Notify": "notify",
}
Found = TypeVar("Found")

LATER = "F" * 18
"""A sequencer later than any that S3 has given out so far: an event with it is a new upload."""


class NothingCameError(AssertionError):
    """What a test waits for did not happen in time."""


@dataclass(frozen=True)
class DeadLetter:
    """A message of a dead-letter queue."""

    body: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class Cutout:
    """An object of the output bucket."""

    image: Image.Image
    metadata: Mapping[str, str]
    content_type: str

    @property
    def alpha_varies(self) -> bool:
        """Whether some of it is transparent and some is not."""
        least, most = self.image.getchannel("A").getextrema()
        return (least, most) == (0, 255)


@dataclass
class DropcutInUse:
    """A running system with what the tests of this folder do to it."""

    system: System
    api: StandIn
    subscription: Subscription
    events: list[Outcome | SpendingChange] = field(default_factory=list)
    """Every event so far, in the order of arrival."""
    known_keys: list[str] = field(default_factory=list)
    """Every API key that was ever valid: the functions may remember any of them."""
    _dead_letters: dict[Stage, list[DeadLetter]] = field(default_factory=dict)

    @property
    def outputs(self) -> Mapping[str, str]:
        """Of the stacks, by key."""
        return self.system.outputs

    @property
    def input_bucket(self) -> str:
        return self.outputs["InputBucketName"]

    @property
    def output_bucket(self) -> str:
        return self.outputs["OutputBucketName"]

    def as_operated(self) -> Deployment:
        """What the operator's command knows of it."""
        account = self.system.account
        options = {"endpoint_url": account.endpoint_url, "verify": str(account.authority)}
        return Deployment(stage="prod", session=account.session(), known_outputs=self.outputs, client_options=options)

    def client(self, service: str) -> Any:
        """The boto3 client of the root user."""
        return self.system.client(service)

    def unused(self, name: str) -> str:
        """A key that no test used before and that ends in `name`."""
        return f"{uuid.uuid4().hex[:12]}/{name}"

    def drop(
        self,
        photo: bytes,
        key: str,
        *,
        tags: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Upload a photo, as a customer does; returns its key."""
        tagging, given = urlencode(tags or {}), dict(metadata or {})
        self.client("s3").put_object(Bucket=self.input_bucket, Key=key, Body=photo, Tagging=tagging, Metadata=given)
        return key

    def send(self, stage: Stage, body: str | Mapping[str, Any]) -> None:
        """Put a message into a stage's queue by hand."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.client("sqs").send_message(QueueUrl=self.outputs[f"{stage}QueueUrl"], MessageBody=text)

    def redrive(self, stage: Stage, letter: DeadLetter) -> None:
        """Send a dead letter back, as `dropcut redrive` does."""
        self.client("sqs").send_message(
            QueueUrl=self.outputs[f"{stage}QueueUrl"],
            MessageBody=letter.body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": letter.attributes["reason"]}},
        )

    def request(self, key: str, **asked: Any) -> None:
        """Ask for a cut-out of an object by a message to the intake queue."""
        detail = {"bucket": self.input_bucket, "key": key, **asked}
        self.send("Intake", {"id": uuid.uuid4().hex, "detail-type": REQUESTED, "detail": detail})

    def publish_request(self, key: str, **asked: Any) -> None:
        """The same by an event on the default bus."""
        detail = json.dumps({"bucket": self.input_bucket, "key": key, **asked})
        entry = {"Source": "shop", "DetailType": REQUESTED, "Detail": detail}
        assert self.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0

    def announce(self, key: str, *, sequencer: str = LATER) -> None:
        """Announce an object as a bucket does that sends its notifications to the queue itself."""
        self.send("Intake", notification(self.input_bucket, key, sequencer=sequencer))

    def outcomes(self, key: str) -> list[Outcome]:
        """All outcomes of a key so far, oldest first."""
        return [event for event in self.events if isinstance(event, Outcome) and event.key == key]

    def outcome(self, key: str, *, number: int = 1, seconds: float = 40) -> Outcome:
        """What became of a photo: waits for its first outcome, or its second, ..."""
        deadline = time.monotonic() + seconds
        while len(found := self.outcomes(key)) < number:
            if time.monotonic() > deadline:
                log = self.system.folder / "functions.log"
                raise NothingCameError(
                    f"{len(found)} of {number} outcomes of {key!r} came within {seconds:g} s: {found}. "
                    f"The functions' log is {log}; the state table says {self.record(key)}."
                )
            self._receive()
        return found[number - 1]

    def _receive(self) -> None:
        """Each event has to be as docs/events promises."""
        for event in self.subscription.receive():
            if isinstance(event, Outcome):
                name = f"Cutout {event.kind.capitalize()}"
            else:
                name = PAUSED if event.paused else RESUMED
            check_published(name, event.detail)
            self.events.append(event)

    def cutout(self, key: str) -> Cutout:
        """An object of the output bucket, decoded."""
        answer = self.client("s3").get_object(Bucket=self.output_bucket, Key=key)
        image = Image.open(io.BytesIO(answer["Body"].read()))
        image.load()
        return Cutout(image, answer["Metadata"], answer["ContentType"])

    def outputs_under(self, prefix: str) -> list[str]:
        """Keys in the output bucket."""
        answer = self.client("s3").list_objects_v2(Bucket=self.output_bucket, Prefix=prefix)
        return [each["Key"] for each in answer.get("Contents", [])]

    def tags(self, key: str) -> dict[str, str]:
        """The tags of a photo."""
        answer = self.client("s3").get_object_tagging(Bucket=self.input_bucket, Key=key)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def wait_for_tags(self, key: str, tags: dict[str, str]) -> None:
        """Until a photo has exactly these tags: its end is tagged while the event of it is sent.

        Raises:
            NothingCameError: it did not have them in time.
        """
        until(lambda: self.tags(key) == tags, f"exactly {tags} as the tags of {key!r}")

    def record(self, key: str) -> dict[str, str]:
        """The state table's item about a photo."""
        return self.item(f"object#{self.input_bucket}/{key}")

    def ended_record(self, key: str) -> dict[str, str]:
        """The same, once it says how the photo ended: it is written after the event is sent."""
        return until(
            lambda: {} if (item := self.record(key)).get("status") in ("preparing", "waiting", None) else item,
            f"an end in the record of {key!r}",
        )

    def item(self, item_id: str) -> dict[str, str]:
        """An item of the state table, with numbers as text; empty when there is none."""
        answer = self.client("dynamodb").get_item(
            TableName=self.outputs["StateTableName"], Key={"id": {"S": item_id}}, ConsistentRead=True
        )
        return {name: next(iter(typed.values())) for name, typed in answer.get("Item", {}).items()}

    def closed_gate(self) -> Mapping[str, str]:
        """Code and reason of the pause while spending is paused; empty while it is not."""
        gate = self.item("gate")
        return gate if gate.get("standing") == "closed" else {}

    def takes_messages(self) -> bool:
        """Whether the cut function's event source is enabled."""
        name = self.function("cut")["FunctionName"]
        (source,) = self.client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        return bool(source["State"] in ("Enabled", "Enabling"))

    def look_at_gate(self) -> None:
        """Let the gatekeeper look once, as it does every minute."""
        name = self.function("gatekeeper")["FunctionName"]
        answer = self.client("lambda").invoke(FunctionName=name, Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()

    def feed(self) -> None:
        """Let the feeder have a turn, as it has every minute while a back-fill runs."""
        answer = self.client("lambda").invoke(FunctionName=self.function("feeder")["FunctionName"], Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()

    @contextmanager
    def no_events_of_uploads(self) -> Iterator[None]:
        """As before the deployment: what is uploaded now is there, and nobody has heard of it."""
        events = self.client("events")
        rules = [each for each in events.list_rules()["Rules"] if "UploadsRule" in each["Name"]]
        (rule,) = [each["Name"] for each in rules if f'"{self.input_bucket}"' in each["EventPattern"]]
        events.disable_rule(Name=rule)
        try:
            yield
        finally:
            events.enable_rule(Name=rule)

    def resumes(self) -> bool:
        """Let the gatekeeper look once; returns whether spending goes on."""
        self.look_at_gate()
        return "standing" not in self.item("gate")

    def open_gate(self) -> None:
        """Wait until spending goes on, without the pauses that double; what the API does has to be in order."""
        dynamodb = self.client("dynamodb")
        while self.closed_gate():
            with suppress(dynamodb.exceptions.ConditionalCheckFailedException):  # the gatekeeper's minute came before
                dynamodb.update_item(
                    TableName=self.outputs["StateTableName"],
                    Key={"id": {"S": "gate"}},
                    UpdateExpression="SET closed_until = :now",
                    ConditionExpression="attribute_exists(closed_until)",
                    ExpressionAttributeValues={":now": {"N": "0"}},
                )
            self.look_at_gate()

    def spending_changes(self) -> list[SpendingChange]:
        """All events about spending so far, oldest first."""
        self._receive()
        return [event for event in self.events if isinstance(event, SpendingChange)]

    def fault(self, name: str, photo: bytes, *, times: int | None, seconds: float | None = None) -> None:
        """Let calls for exactly these bytes run into a fault of the API, so many times or (None) always."""
        self.api.fault(name, picture_sha256=sha256(photo), times=times, seconds=seconds)

    def calls(self, photo: bytes) -> list[dict[str, Any]]:
        """The calls of the API for exactly these bytes, those left out that the rate limit refused."""
        wanted = sha256(photo)
        calls = [call for call in self.api.calls() if call["picture_sha256"] == wanted]
        return [call for call in calls if call["status"] != 429 or call["fault"]]

    def paid_calls(self, photo: bytes) -> int:
        """How many of them were charged."""
        return sum(call["charged"] for call in self.calls(photo))

    def dead_letters(self, stage: Stage) -> list[DeadLetter]:
        """All messages that ever were in a stage's dead-letter queue; they are taken out of it."""
        known = self._dead_letters.setdefault(stage, [])
        sqs, url = self.client("sqs"), self.outputs[f"{stage}DeadLetterQueueUrl"]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get(
            "Messages"
        ):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                attributes = message.get("MessageAttributes", {})
                known.append(
                    DeadLetter(message["Body"], {name: each["StringValue"] for name, each in attributes.items()})
                )
        return known

    def dead_letter(self, stage: Stage, containing: str, *, seconds: float = 20) -> DeadLetter:
        """The one dead letter whose body contains a text: waits for it."""
        letters = until(
            lambda: [letter for letter in self.dead_letters(stage) if containing in letter.body],
            f"a message with {containing!r} in the dead-letter queue of {stage}",
            seconds=seconds,
        )
        assert len(letters) == 1, letters
        return letters[0]

    def is_empty(self, stage: Stage) -> bool:
        """Whether a stage's queue holds no message, those included that are being worked on or wait."""
        names = ["", "NotVisible", "Delayed"]
        answer = self.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs[f"{stage}QueueUrl"],
            AttributeNames=[f"ApproximateNumberOfMessages{name}" for name in names],
        )
        return not any(int(number) for number in answer["Attributes"].values())

    def function(self, function: Function) -> dict[str, Any]:
        """The configuration of one of the three functions."""
        functions = self.client("lambda").list_functions()["Functions"]
        return next(each for each in functions if each["Handler"] == f"dropcut.entries.{function}.handler")

    @contextmanager
    def configured(self, stage: Stage, variables: Mapping[str, str]) -> Iterator[None]:
        """A stage's function has other environment variables, as after a deployment with other settings."""
        before = self.function(FUNCTIONS[stage])["Environment"]["Variables"]
        self._configure(stage, before | variables)
        try:
            yield
        finally:
            self._configure(stage, before)

    def _configure(self, stage: Stage, variables: Mapping[str, str]) -> None:
        function, lambda_ = FUNCTIONS[stage], self.client("lambda")
        # The event comes before the batch is reported. A change in between would end the worker with its message in
        # hand, and the queue would hide that message for long.
        until(lambda: self.is_empty(stage), f"a {function} function with nothing to do")
        name = self.function(function)["FunctionName"]
        lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        until(
            lambda: self.function(function).get("LastUpdateStatus", "Successful") == "Successful", "an updated function"
        )

    def log(self, function: Function, containing: str) -> list[str]:
        """The lines of a function's log that contain a text."""
        group = self.function(function)["LoggingConfig"]["LogGroup"]
        pages = (
            self.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=group, filterPattern=f'"{containing}"')
        )
        return [event["message"] for page in pages for event in page["events"] if containing in event["message"]]

    def put_key(self, text: str) -> None:
        """Put a text into the secret of the API key."""
        secret = self.outputs["ApiKeySecretName"]
        self.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=text)


def until(look: Callable[[], Found], what: str, *, seconds: float = 20) -> Found:
    """Look again and again until there is something.

    Raises:
        NothingCameError: there was nothing in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise NothingCameError(f"There was not {what} within {seconds:g} s.")
        time.sleep(0.05)
    return found


def notification(bucket: str, key: str, *, sequencer: str, event_name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """What S3 itself sends to a queue: the key is form-encoded."""
    stored = {"key": quote_plus(key, safe="/"), "size": 1, "eTag": "e", "sequencer": sequencer}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventName": event_name,
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": bucket}, "object": stored},
    }
    return {"Records": [record]}


def sha256(content: bytes) -> str:
    """In hexadecimal, as the stand-in and Dropcut name pictures."""
    return hashlib.sha256(content).hexdigest()
