"""Roles have what their function needs and no more, shown with those roles: so the check is known to be real.

Only a function can use a function's role. So for these tests each role is given to a small function. It makes the call
that it is sent and reports the answer.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from dropcut.core.event_names import BACKFILL_STARTED, DELIVERED, REQUESTED
from dropcut.core.item_kinds import BACKFILL, BACKFILLS, GATE, HEALTH, HELD_INDEX, JOB, PACE, PAYMENT, WEBHOOK

from tests.end_to_end.dropcut_in_use import DropcutInUse, Function
from tests.end_to_end.photos import photo

Attempt = tuple[str, str, dict[str, Any]]
"""Service, operation, and its arguments."""

MAKES_THE_CALLS = """
import boto3
from botocore.exceptions import ClientError

def attempt(service, operation, arguments):
    try:
        getattr(boto3.client(service), operation)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"

def handler(attempts, context):
    return [attempt(*each) for each in attempts]
"""


@contextmanager
def _given_the_role_of(function: Function, dropcut: DropcutInUse) -> Iterator[str]:
    """A function with the role of one of ours; yields its name."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as contents:
        contents.writestr("caller.py", MAKES_THE_CALLS)
    lambda_, name = dropcut.client("lambda"), f"calls-with-the-role-of-{function}"
    lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=dropcut.function(function)["Role"],
        Handler="caller.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=30,
    )
    try:
        yield name
    finally:
        lambda_.delete_function(FunctionName=name)


PHOTOS, CUTOUTS, WORK, TABLE = "$InputBucketName", "$OutputBucketName", "$WorkBucketName", "$StateTableName"
"""A text that begins with `$` stands for an output of the deployment, which `_filled` puts in its place."""
PHOTO = "$photo"
"""Stands for the key of a photo that was dropped."""
TAGS = {"TagSet": [{"Key": "tagged-by", "Value": "a test"}]}
JOB_ITEM, PAYMENT_ITEM, PACE_ITEM, HEALTH_ITEM = (f"{kind}test" for kind in (JOB, PAYMENT, PACE, HEALTH))


def _s3(operation: str, bucket: str, key: str, **more: Any) -> Attempt:
    return "s3", operation, {"Bucket": bucket, "Key": key, **more}


def _receive(queue: str) -> Attempt:
    return "sqs", "receive_message", {"QueueUrl": f"${queue}"}


def _send(queue: str) -> Attempt:
    return "sqs", "send_message", {"QueueUrl": f"${queue}", "MessageBody": "not to be sent"}


def _item(item_id: str) -> dict[str, Any]:
    return {"TableName": TABLE, "Key": {"id": {"S": item_id}}}


def _look_up(item_id: str) -> Attempt:
    return "dynamodb", "get_item", _item(item_id)


def _look_up_many(*item_ids: str) -> Attempt:
    keys = [{"id": {"S": item_id}} for item_id in item_ids]
    return "dynamodb", "batch_get_item", {"RequestItems": {TABLE: {"Keys": keys}}}


def _remember(item_id: str) -> Attempt:
    update = {"UpdateExpression": "SET a = :b", "ExpressionAttributeValues": {":b": {"S": "test"}}}
    return "dynamodb", "update_item", _item(item_id) | update


def _publish(*sources: str, kind: str = "Test") -> Attempt:
    entries = [{"Source": source, "DetailType": kind, "Detail": "{}"} for source in sources]
    return "events", "put_events", {"Entries": entries}


API_KEY: Attempt = ("secretsmanager", "get_secret_value", {"SecretId": "$ApiKeySecretName"})
WEBHOOK_KEYS: Attempt = ("secretsmanager", "get_secret_value", {"SecretId": "$WebhookSecretArn"})
FORGET: Attempt = ("dynamodb", "delete_item", _item(JOB_ITEM))
HELD: Attempt = (
    "dynamodb",
    "query",
    {
        "TableName": TABLE,
        "IndexName": HELD_INDEX,
        "KeyConditionExpression": "held_index = :held",
        "ExpressionAttributeValues": {":held": {"S": "held"}},
    },
)

GRANTED: Mapping[Function, Sequence[Attempt]] = {
    "prepare": [
        _s3("get_object", PHOTOS, PHOTO),
        _s3("get_object_tagging", PHOTOS, PHOTO),
        _s3("put_object", WORK, "prepared/test"),
        _look_up(JOB_ITEM),
        _remember(JOB_ITEM),
    ],
    "cut": [
        API_KEY,
        _look_up_many(JOB_ITEM, GATE, HEALTH_ITEM),
        _look_up(JOB_ITEM),
        *(_remember(each) for each in (JOB_ITEM, PAYMENT_ITEM, PACE_ITEM, HEALTH_ITEM)),
        _s3("put_object", WORK, "paid/test"),
        _s3("get_object", WORK, "paid/test"),
        _s3("delete_object", WORK, "prepared/test"),
        ("s3", "list_objects_v2", {"Bucket": PHOTOS, "Prefix": PHOTO, "MaxKeys": 1}),
    ],
    "deliver": [
        _publish("dropcut", kind=DELIVERED),
        _look_up(JOB_ITEM),
        _s3("get_object", PHOTOS, PHOTO),
        _s3("put_object", CUTOUTS, "test/permissions"),
        _s3("delete_object", CUTOUTS, "held/test/permissions"),
        HELD,
        _s3("put_object_tagging", PHOTOS, PHOTO, Tagging=TAGS),
    ],
    "notify": [
        WEBHOOK_KEYS,
        _look_up(WEBHOOK),
        _remember(WEBHOOK),
        _publish("dropcut", kind="Webhook Disabled"),
    ],
    "feeder": [
        _look_up(BACKFILLS),
        _look_up(GATE),
        _look_up_many(f"{BACKFILL}test"),
        _remember(f"{BACKFILL}test"),
        _publish("dropcut", kind=BACKFILL_STARTED),
        ("s3", "list_objects_v2", {"Bucket": PHOTOS, "MaxKeys": 1}),
    ],
    "gatekeeper": [API_KEY, _look_up(GATE), _look_up(HEALTH_ITEM), _remember(HEALTH_ITEM)],
}
DENIED: Mapping[Function, Sequence[Attempt]] = {
    "prepare": [
        WEBHOOK_KEYS,
        _look_up_many(JOB_ITEM),
        *(_look_up(each) for each in (PAYMENT_ITEM, GATE)),
        *(_remember(each) for each in (PAYMENT_ITEM, PACE_ITEM, HEALTH_ITEM, GATE)),
        API_KEY,
        _publish("dropcut"),
        FORGET,
        _receive("CutQueueUrl"),
        _s3("put_object", PHOTOS, PHOTO),
        _s3("delete_object", PHOTOS, PHOTO),
        _s3("put_object_tagging", PHOTOS, PHOTO, Tagging=TAGS),
        _s3("put_object", WORK, "paid/test"),
        _s3("put_object", CUTOUTS, "test"),
    ],
    "cut": [
        WEBHOOK_KEYS,
        _look_up_many(JOB_ITEM, PAYMENT_ITEM),
        _s3("get_object", PHOTOS, PHOTO),
        _publish("dropcut"),
        FORGET,
        _send("IntakeQueueUrl"),
        _s3("put_object", PHOTOS, PHOTO),
        _s3("put_object_tagging", PHOTOS, PHOTO, Tagging=TAGS),
        _s3("put_object", WORK, "prepared/test"),
        _s3("put_object", CUTOUTS, "test"),
        _s3("delete_object", WORK, "paid/test"),
    ],
    "deliver": [
        WEBHOOK_KEYS,
        _publish("dropcut", kind=REQUESTED),  # it would spend
        _publish("dropcut", "another", kind=DELIVERED),
        _publish("another", kind=DELIVERED),
        *(_look_up(each) for each in (PAYMENT_ITEM, GATE)),
        *(_remember(each) for each in (PAYMENT_ITEM, GATE)),
        API_KEY,
        FORGET,
        _send("CutQueueUrl"),
        _s3("put_object", PHOTOS, PHOTO),
        _s3("put_object", WORK, "paid/test"),
        _s3("delete_object", CUTOUTS, "test/permissions"),
    ],
    "notify": [
        API_KEY,
        _publish("another"),
        _publish("dropcut"),
        _look_up(JOB_ITEM),
        *(_remember(each) for each in (JOB_ITEM, PAYMENT_ITEM, GATE)),
        _look_up_many(WEBHOOK),
        FORGET,
        _send("IntakeQueueUrl"),
        _send("NotifyQueueUrl"),
        _receive("DeliverQueueUrl"),
        _s3("get_object", PHOTOS, PHOTO),
        _s3("get_object", CUTOUTS, "test/permissions"),
    ],
    "feeder": [
        API_KEY,
        WEBHOOK_KEYS,
        _publish("dropcut"),
        *(_look_up(each) for each in (JOB_ITEM, PAYMENT_ITEM)),
        *(_remember(each) for each in (JOB_ITEM, PAYMENT_ITEM, GATE, BACKFILLS)),
        FORGET,
        _send("CutQueueUrl"),
        _receive("IntakeQueueUrl"),
        _s3("get_object", PHOTOS, PHOTO),
        _s3("get_object", WORK, "paid/test"),
        _s3("put_object", WORK, "backfills/test"),
    ],
    "gatekeeper": [
        _look_up(JOB_ITEM),
        *(_remember(each) for each in (JOB_ITEM, PAYMENT_ITEM, PACE_ITEM)),
        _publish("dropcut"),
        FORGET,
        _look_up_many(GATE),
        HELD,
        _send("CutQueueUrl"),
        _receive("DeliverQueueUrl"),
        _s3("get_object", PHOTOS, PHOTO),
        _s3("get_object", WORK, "paid/test"),
    ],
}


@pytest.mark.parametrize("function", GRANTED)
def test_a_role_may_do_what_its_function_does_and_is_denied_what_it_was_not_granted(
    function: Function, dropcut: DropcutInUse
) -> None:
    attempts = _filled([*GRANTED[function], *DENIED[function]], dropcut)
    with _given_the_role_of(function, dropcut) as name:
        answer = dropcut.client("lambda").invoke(FunctionName=name, Payload=json.dumps(attempts))
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    asked = [f"{service} {operation} {arguments}" for service, operation, arguments in attempts]
    answers = dict(zip(asked, ("denied" if "AccessDenied" in code else code for code in said), strict=True))
    codes = ["allowed"] * len(GRANTED[function]) + ["denied"] * len(DENIED[function])
    assert answers == dict(zip(asked, codes, strict=True))


def _filled(attempts: Sequence[Attempt], dropcut: DropcutInUse) -> list[Attempt]:
    names = {**dropcut.outputs, "photo": dropcut.drop(photo(), dropcut.unused("photo.jpg"))}
    text = json.dumps(attempts)
    for name, value in names.items():
        text = text.replace(f'"${name}"', json.dumps(value))
    assert '"$' not in text
    filled: list[Attempt] = json.loads(text)
    return filled


@pytest.mark.parametrize("bucket", ["InputBucketName", "OutputBucketName", "WorkBucketName"])
def test_a_bucket_refuses_everybody_who_comes_without_tls(bucket: str, dropcut: DropcutInUse) -> None:
    """By its policy; the embedded AWS has no plain http to try it with."""
    name = dropcut.outputs[bucket]
    policy = json.loads(dropcut.client("s3").get_bucket_policy(Bucket=name)["Policy"])
    refusal = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    assert refusal in policy["Statement"]
