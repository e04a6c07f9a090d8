"""Roles have what their function needs and no more, shown with those roles: so the check is known to be real.

Only a function can use a function's role. So for these tests each role is given to a small function. It makes the call
that it is sent and reports the answer.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

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


def _attempts(dropcut: DropcutInUse) -> dict[tuple[Function, Literal["may", "may not"]], list[Attempt]]:
    out = dropcut.outputs
    photos, cutouts, work = out["InputBucketName"], out["OutputBucketName"], out["WorkBucketName"]
    photo_key = dropcut.drop(photo(), dropcut.unused("photo.jpg"))
    secret: Attempt = ("secretsmanager", "get_secret_value", {"SecretId": out["ApiKeySecretName"]})
    webhook_keys: Attempt = ("secretsmanager", "get_secret_value", {"SecretId": out["WebhookSecretArn"]})

    def s3(operation: str, bucket: str, key: str, **more: Any) -> Attempt:
        return "s3", operation, {"Bucket": bucket, "Key": key, **more}

    def receive(queue: str) -> Attempt:
        return "sqs", "receive_message", {"QueueUrl": out[queue]}

    def send(queue: str) -> Attempt:
        return "sqs", "send_message", {"QueueUrl": out[queue], "MessageBody": "not to be sent"}

    def look_up(item_id: str) -> Attempt:
        return "dynamodb", "get_item", _item(item_id)

    def look_up_many(*item_ids: str) -> Attempt:
        keys = [{"id": {"S": item_id}} for item_id in item_ids]
        return "dynamodb", "batch_get_item", {"RequestItems": {out["StateTableName"]: {"Keys": keys}}}

    def remember(item_id: str) -> Attempt:
        update = {"UpdateExpression": "SET a = :b", "ExpressionAttributeValues": {":b": {"S": "test"}}}
        return "dynamodb", "update_item", _item(item_id) | update

    def _item(item_id: str) -> dict[str, Any]:
        return {"TableName": out["StateTableName"], "Key": {"id": {"S": item_id}}}

    job, payment, pace, health = (f"{kind}test" for kind in (JOB, PAYMENT, PACE, HEALTH))
    forget: Attempt = "dynamodb", "delete_item", _item(job)

    held: Attempt = (
        "dynamodb",
        "query",
        {
            "TableName": out["StateTableName"],
            "IndexName": HELD_INDEX,
            "KeyConditionExpression": "held_index = :held",
            "ExpressionAttributeValues": {":held": {"S": "held"}},
        },
    )

    def publish(*sources: str, kind: str = "Test") -> Attempt:
        entries = [{"Source": source, "DetailType": kind, "Detail": "{}"} for source in sources]
        return "events", "put_events", {"Entries": entries}

    tagging = {"Tagging": {"TagSet": [{"Key": "tagged-by", "Value": "a test"}]}}
    return {
        ("prepare", "may"): [
            s3("get_object", photos, photo_key),
            s3("get_object_tagging", photos, photo_key),
            s3("put_object", work, "prepared/test"),
            look_up(job),
            remember(job),
        ],
        ("prepare", "may not"): [
            webhook_keys,
            look_up_many(job),
            *(look_up(each) for each in (payment, GATE)),
            *(remember(each) for each in (payment, pace, health, GATE)),
            secret,
            publish("dropcut"),
            forget,
            receive("CutQueueUrl"),
            s3("put_object", photos, photo_key),
            s3("delete_object", photos, photo_key),
            s3("put_object_tagging", photos, photo_key, **tagging),
            s3("put_object", work, "paid/test"),
            s3("put_object", cutouts, "test"),
        ],
        ("cut", "may"): [
            secret,
            look_up_many(job, GATE, health),
            look_up(job),
            *(remember(each) for each in (job, payment, pace, health)),
            s3("put_object", work, "paid/test"),
            s3("get_object", work, "paid/test"),
            s3("delete_object", work, "prepared/test"),
            ("s3", "list_objects_v2", {"Bucket": photos, "Prefix": photo_key, "MaxKeys": 1}),
        ],
        ("cut", "may not"): [
            webhook_keys,
            look_up_many(job, payment),
            s3("get_object", photos, photo_key),
            publish("dropcut"),
            forget,
            send("IntakeQueueUrl"),
            s3("put_object", photos, photo_key),
            s3("put_object_tagging", photos, photo_key, **tagging),
            s3("put_object", work, "prepared/test"),
            s3("put_object", cutouts, "test"),
            s3("delete_object", work, "paid/test"),
        ],
        ("deliver", "may"): [
            publish("dropcut", kind=DELIVERED),
            look_up(job),
            s3("get_object", photos, photo_key),
            s3("put_object", cutouts, "test/permissions"),
            s3("delete_object", cutouts, "held/test/permissions"),
            held,
            s3("put_object_tagging", photos, photo_key, **tagging),
        ],
        ("deliver", "may not"): [
            webhook_keys,
            publish("dropcut", kind=REQUESTED),  # it would spend
            publish("dropcut", "another", kind=DELIVERED),
            publish("another", kind=DELIVERED),
            *(look_up(each) for each in (payment, GATE)),
            *(remember(each) for each in (payment, GATE)),
            secret,
            forget,
            send("CutQueueUrl"),
            s3("put_object", photos, photo_key),
            s3("put_object", work, "paid/test"),
            s3("delete_object", cutouts, "test/permissions"),
        ],
        ("notify", "may"): [
            webhook_keys,
            look_up(WEBHOOK),
            remember(WEBHOOK),
            publish("dropcut", kind="Webhook Disabled"),
        ],
        ("notify", "may not"): [
            secret,
            publish("another"),
            publish("dropcut"),
            look_up(job),
            *(remember(each) for each in (job, payment, GATE)),
            look_up_many(WEBHOOK),
            forget,
            send("IntakeQueueUrl"),
            send("NotifyQueueUrl"),
            receive("DeliverQueueUrl"),
            s3("get_object", photos, photo_key),
            s3("get_object", cutouts, "test/permissions"),
        ],
        ("feeder", "may"): [
            look_up(BACKFILLS),
            look_up(GATE),
            look_up_many(f"{BACKFILL}test"),
            remember(f"{BACKFILL}test"),
            publish("dropcut", kind=BACKFILL_STARTED),
            ("s3", "list_objects_v2", {"Bucket": photos, "MaxKeys": 1}),
        ],
        ("feeder", "may not"): [
            secret,
            webhook_keys,
            publish("dropcut"),
            *(look_up(each) for each in (job, payment)),
            *(remember(each) for each in (job, payment, GATE, BACKFILLS)),
            forget,
            send("CutQueueUrl"),
            receive("IntakeQueueUrl"),
            s3("get_object", photos, photo_key),
            s3("get_object", work, "paid/test"),
            s3("put_object", work, "backfills/test"),
        ],
        ("gatekeeper", "may"): [secret, look_up(GATE), look_up(health), remember(health)],
        ("gatekeeper", "may not"): [
            look_up(job),
            *(remember(each) for each in (job, payment, pace)),
            publish("dropcut"),
            forget,
            look_up_many(GATE),
            held,
            send("CutQueueUrl"),
            receive("DeliverQueueUrl"),
            s3("get_object", photos, photo_key),
            s3("get_object", work, "paid/test"),
        ],
    }


@pytest.mark.parametrize("function", ["prepare", "cut", "deliver", "gatekeeper", "feeder", "notify"])
def test_a_role_may_do_what_its_function_does_and_is_denied_what_it_was_not_granted(
    function: Function, dropcut: DropcutInUse
) -> None:
    attempts = _attempts(dropcut)
    granted, denied = attempts[function, "may"], attempts[function, "may not"]
    with _given_the_role_of(function, dropcut) as name:
        answer = dropcut.client("lambda").invoke(FunctionName=name, Payload=json.dumps([*granted, *denied]))
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    asked = [f"{service} {operation} {arguments}" for service, operation, arguments in [*granted, *denied]]
    answers = dict(zip(asked, ("denied" if "AccessDenied" in code else code for code in said), strict=True))
    expected = dict(zip(asked, ["allowed"] * len(granted) + ["denied"] * len(denied), strict=True))
    assert answers == expected


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
