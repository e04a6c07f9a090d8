"""What is refused, and that botocore reads a refusal as it reads AWS's."""

from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from tests.resilience.refusals import Refusal, where

CALLS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "S3 GetObject": ("get_object", {"Bucket": "b", "Key": "k"}),
    "S3 PutObject": ("put_object", {"Bucket": "b", "Key": "k", "Body": b""}),
    "SQS SendMessage": ("send_message", {"QueueUrl": "http://127.0.0.1/0/q", "MessageBody": "m"}),
    "DynamoDB GetItem": ("get_item", {"TableName": "t", "Key": {"id": {"S": "gate"}}}),
    "EventBridge PutEvents": ("put_events", {"Entries": [{"Source": "s"}]}),
    "Secrets Manager GetSecretValue": ("get_secret_value", {"SecretId": "s"}),
}
CLIENTS = {"EventBridge": "events", "Secrets Manager": "secretsmanager"}
CODES = {
    ("denied", "S3"): "AccessDenied",
    ("throttled", "S3"): "SlowDown",
    ("throttled", "SQS"): "RequestThrottled",
    "denied": "AccessDeniedException",
    "throttled": "ThrottlingException",
}
_ITEM = {"TableName": "t", "Key": {"id": {"S": "payment#1"}}}
PLACES: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "an object in a folder": ({"Bucket": "work", "Key": "paid/a/b"}, "work/paid"),
    "an object in no folder": ({"Bucket": "in", "Key": "a.png"}, "in/"),
    "a queue": ({"QueueUrl": "http://127.0.0.1/0/cut", "MessageBody": "m"}, "cut"),
    "an item": (_ITEM, "payment"),
    "items of two kinds": (
        {
            "RequestItems": {
                "t": {"Keys": [{"id": {"S": "object#b"}}, {"id": {"S": "gate"}}, {"id": {"S": "object#a"}}]}
            }
        },
        "gate+object",
    ),
    "a transaction": ({"TransactItems": [{"Update": {**_ITEM, "UpdateExpression": "SET a = :a"}}]}, "payment"),
    "a secret": ({"SecretId": "key"}, "key"),
    "events": ({"Entries": [{"Source": "dropcut"}]}, ""),
}


@pytest.mark.parametrize("way", ["denied", "throttled"])
@pytest.mark.parametrize("name", CALLS)
def test_a_refused_call_fails_with_the_code_of_its_service(
    name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, (method, parameters) = name.rpartition(" ")[0], CALLS[name]
    refusal = Refusal(name=name, where="", way=way, until=0)
    monkeypatch.setattr(URLLib3Session, "send", lambda _session, request: refusal.answer(request.url))
    client: Any = boto3.client(
        CLIENTS.get(service, service.lower()),
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError) as refused:
        getattr(client, method)(**parameters)
    assert refused.value.response["Error"]["Code"] == CODES.get((way, service), CODES[way])


@pytest.mark.parametrize(("parameters", "place"), PLACES.values(), ids=PLACES)
def test_the_place_of_a_call_is(parameters: Mapping[str, Any], place: str) -> None:
    assert where(parameters) == place
