"""One deployment in memory, and readers for what a test wants to see afterwards."""

import json
import threading
from dataclasses import dataclass
from typing import Any, Self

import boto3
from dropcut.adapters.object_store import ObjectStore
from dropcut.adapters.queue import Queue
from dropcut.adapters.state_table import Item, StateTable

from tests.model.dynamodb import DynamoDb
from tests.model.state_table import STATE_TABLE

REGION = "eu-central-1"
ACCOUNT = "123456789012"
"""As moto has it."""
INPUT, WORK, OUTPUT = "photos-in", "photos-work", "photos-out"
TABLE = "state"
SECRET = "api-key"


class OneWriteAtATime:
    """A DynamoDB client whose updates are atomic, as DynamoDB's are; moto's memory is not made for threads."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()

    def update_item(self, **request: Any) -> Any:
        with self._lock:
            return self._client.update_item(**request)

    def get_item(self, **request: Any) -> Any:
        with self._lock:
            return self._client.get_item(**request)

    def query(self, **request: Any) -> Any:
        with self._lock:
            return self._client.query(**request)

    def batch_get_item(self, **request: Any) -> Any:
        with self._lock:
            return self._client.batch_get_item(**request)


@dataclass(frozen=True)
class Clients:
    s3: Any
    sqs: Any
    dynamodb: Any
    events: Any
    secrets: Any

    @classmethod
    def in_memory(cls) -> Self:
        names = ("s3", "sqs", "dynamodb", "events", "secretsmanager")
        return cls(*(boto3.client(name, region_name=REGION) for name in names))


class Queues(dict[str, Queue]):
    """`intake`, `cut`, `deliver`, and the dead-letter queue of each, such as `cut-dead`: made when first asked for."""

    def __init__(self, sqs: Any) -> None:
        super().__init__()
        self._sqs = sqs

    def __missing__(self, name: str) -> Queue:
        self[name] = Queue(self._sqs, self._sqs.create_queue(QueueName=name)["QueueUrl"])
        return self[name]


def new_table(clients: Clients) -> StateTable:
    clients.dynamodb.create_table(TableName=TABLE, **STATE_TABLE)
    return StateTable(OneWriteAtATime(clients.dynamodb), TABLE)  # type: ignore[arg-type]


def table_in_memory() -> StateTable:
    """A state table over the model's DynamoDB, which answers at once."""
    return StateTable(OneWriteAtATime(DynamoDb()), TABLE)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Cloud:
    clients: Clients
    table: StateTable
    objects: ObjectStore
    queues: "Queues"

    @classmethod
    def deployed(cls, clients: Clients, table: StateTable) -> Self:
        for bucket in (INPUT, WORK, OUTPUT):
            clients.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        return cls(
            clients=clients,
            table=table,
            objects=ObjectStore(clients.s3),
            queues=Queues(clients.sqs),
        )

    def put(self, key: str, body: bytes, *, bucket: str = INPUT, tags: str = "", **more: Any) -> None:
        self.clients.s3.put_object(Bucket=bucket, Key=key, Body=body, Tagging=tags, **more)

    def read(self, bucket: str, key: str) -> bytes:
        return self.clients.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def metadata(self, key: str, bucket: str = OUTPUT) -> dict[str, str]:
        return self.clients.s3.head_object(Bucket=bucket, Key=key)["Metadata"]

    def keys(self, bucket: str) -> list[str]:
        return [entry["Key"] for entry in self.clients.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def tags(self, key: str) -> dict[str, str]:
        tag_set = self.clients.s3.get_object_tagging(Bucket=INPUT, Key=key)["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in tag_set}

    def item(self, item_id: str) -> Item | None:
        return self.table.get(item_id)

    def put_key(self, text: str) -> None:
        """Put an API key into the secret."""
        try:
            self.clients.secrets.put_secret_value(SecretId=SECRET, SecretString=text)
        except self.clients.secrets.exceptions.ResourceNotFoundException:
            self.clients.secrets.create_secret(Name=SECRET, SecretString=text)

    def take(self, queue: str) -> list[dict[str, Any]]:
        """All messages that can be seen, as `receive_message` gives them; they are not seen again."""
        taken: list[dict[str, Any]] = []
        while more := self.clients.sqs.receive_message(
            QueueUrl=self.queues[queue].url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", []):
            taken += more
        return taken

    def bodies(self, queue: str) -> list[Any]:
        """What the messages that can be seen say."""
        return [json.loads(message["Body"]) for message in self.take(queue)]
