"""Each role allows what its function does, no more and no less, as another judge than the embedded AWS sees it.

This file makes every call itself that it needs, and comes last of its system: it judges what the other tests did, too.
"""

import io
import json
from collections.abc import Sequence
from fnmatch import fnmatchcase

import pytest
from dropcut.adapters.photo_lists import part_key
from dropcut.core.backfill import Backfill
from PIL import Image

from tests.end_to_end.conftest import CALLS
from tests.end_to_end.dropcut_in_use import LATER, DropcutInUse, Stage, notification, until
from tests.end_to_end.photos import photo
from tests.end_to_end.roles import LEADING_KEYS, Call, Policies, calls_made, decided, granted, policies, refused
from tests.functions.webhook_receiver import WebhookReceiver

NOT_CALLED = {
    "[!g]* sqs:ReceiveMessage *": "Lambda receives for a stage, with its role; the gatekeeper does it itself.",
    "[!g]* sqs:DeleteMessage *": "Lambda deletes for a stage what is done.",
    "[!g]* sqs:GetQueueAttributes *": "Lambda looks at a stage's queue.",
    "* logs:*": "Lambda writes the log with the function's role.",
    "* s3:ListBucket *": "Without it S3 answers 403 for an object that is not there, and not 404.",
    "prepare sqs:ChangeMessageVisibility *": "After an unexpected error only; see test_message_batch.py.",
    "deliver sqs:ChangeMessageVisibility *": "The same.",
    "gatekeeper sqs:ChangeMessageVisibility *": "When the probe cannot be made; see test_gatekeeper.py.",
    "gatekeeper sqs:SendMessage *CutQueuesDeadLetterQueue*": "For what waited for days; see test_gatekeeper.py.",
    "feeder events:EnableRule *": "When a back-fill begins as it goes to sleep; see test_feed.py.",
    "cut dynamodb:GetItem *": "For the version before, while it is updated; see dropcut_cdk/cut.py.",
}
"""Why a role allows what no test of this folder makes its function do, by a pattern of `function action resource`."""


@pytest.fixture(scope="module")
def of_roles(running: DropcutInUse) -> Policies:
    return policies(running.system)


@pytest.fixture(scope="module")
def made(running: DropcutInUse, receiver: WebhookReceiver) -> Sequence[Call]:
    """Every call so far: at least those of a photo of each fate."""
    dropcut = running
    with dropcut.configured("Cut", {"DAILY_CREDIT_LIMIT": "1000000"}):
        _deliver_a_large_picture_twice(dropcut)
        _end_without_a_call(dropcut)
        _wait_out_a_lock_out(dropcut)
        _pause(dropcut)
    with dropcut.configured("Deliver", {"HOLD_DOUBTFUL": "1"}):
        _hold(dropcut)
    _deliver_a_version(dropcut)
    _turn_webhooks_off_and_on(dropcut, receiver)
    _feed(dropcut)
    return calls_made(dropcut.system, dropcut.system.folder / CALLS)


def _deliver_a_large_picture_twice(dropcut: DropcutInUse) -> None:
    """Too large for a message, and with a tag of the customer's."""
    picture = io.BytesIO()
    Image.effect_noise((640, 480), 100).convert("RGB").save(picture, "jpeg", quality=95)
    key = dropcut.drop(picture.getvalue(), dropcut.unused("large.jpg"), tags={"owner": "me"})
    assert dropcut.outcome(key).kind == "delivered"
    dropcut.ended_record(key)  # a remake needs it
    dropcut.send("Deliver", {"remake": {"bucket": dropcut.input_bucket, "key": key}})
    assert dropcut.outcome(key, number=2).kind == "delivered"


def _end_without_a_call(dropcut: DropcutInUse) -> None:
    vanished = dropcut.unused("vanished.jpg")
    dropcut.announce(vanished)
    stages: tuple[Stage, ...] = ("Intake", "Cut", "Deliver")
    for stage in stages:
        dropcut.send(stage, f"no message of ours for {stage}")
    assert dropcut.outcome(vanished).detail["code"] == "gone"
    for stage in stages:
        dropcut.dead_letter(stage, f"for {stage}")


def _wait_out_a_lock_out(dropcut: DropcutInUse) -> None:
    picture = photo()
    dropcut.fault("rate_limit_exceeded", picture, times=1)
    assert dropcut.outcome(dropcut.drop(picture, dropcut.unused("late.jpg"))).kind == "delivered"


def _pause(dropcut: DropcutInUse) -> None:
    """A refused key closes the gate, a picture that waits opens it. Closed again, it opens since none waits."""
    dropcut.api.set_key_state(dropcut.api.key, "revoked")
    key = dropcut.drop(photo(), dropcut.unused("waits.jpg"))
    until(dropcut.closed_gate, "a closed gate")
    dropcut.look_at_gate()
    dynamodb, item = dropcut.client("dynamodb"), {"TableName": dropcut.outputs["StateTableName"]}
    closed = dynamodb.get_item(**item, Key={"id": {"S": "gate"}})["Item"]
    dropcut.api.set_key_state(dropcut.api.key, "valid")
    until(dropcut.resumes, "an open gate", seconds=60)
    assert dropcut.outcome(key).kind == "delivered"
    until(lambda: dropcut.is_empty("Cut"), "an empty cut queue")
    dynamodb.put_item(**item, Item=closed | {"closed_until": {"N": "0"}})
    until(dropcut.resumes, "an open gate")


def _hold(dropcut: DropcutInUse) -> None:
    """A doubtful cut-out is rejected; then it is asked for those that nobody decided on."""
    key = dropcut.drop(photo(), dropcut.unused("doubtful.jpg"))
    held = dropcut.outcome(key)
    dropcut.ended_record(key)
    dropcut.send("Deliver", held.detail["decide"]["reject"])
    assert dropcut.outcome(key, number=2).detail["code"] == "rejected_by_reviewer"
    dropcut.send("Deliver", {"end_old_held": {}})
    until(lambda: dropcut.is_empty("Deliver"), "an empty deliver queue")


def _turn_webhooks_off_and_on(dropcut: DropcutInUse, receiver: WebhookReceiver) -> None:
    """One webhook waits for its next try; another turns them off, and on when it is redriven."""
    busy, gone = (dropcut.unused(name) for name in ("busy.jpg", "gone.jpg"))
    receiver.answers = {busy: [503], gone: [410]}
    dropcut.drop(photo(), busy)
    until(lambda: busy in receiver.keys, "a webhook")
    dropcut.drop(photo(), gone)
    dropcut.redrive("Notify", dropcut.dead_letter("Notify", gone))
    until(lambda: receiver.keys.count(gone) == 2, "the redriven webhook")
    until(lambda: "off_since" not in dropcut.item("webhook"), "webhooks that are on")


def _feed(dropcut: DropcutInUse) -> None:
    """A photo by prefix, a photo of a list; then there is nothing more to do."""
    key = dropcut.drop(photo(), dropcut.unused("fed.jpg"))
    assert dropcut.outcome(key).kind == "delivered"
    operated, (folder, _) = dropcut.as_operated(), key.split("/")
    list_key = part_key("by-list", 0)
    work = dropcut.outputs["WorkBucketName"]
    dropcut.client("s3").put_object(Bucket=work, Key=list_key, Body=json.dumps(key).encode())
    operated.backfills.start(Backfill(name="by-prefix", bucket=dropcut.input_bucket, prefix=f"{folder}/"))
    operated.backfills.start(Backfill(name="by-list", bucket=dropcut.input_bucket, parts=1))
    for _ in range(2):  # the second time it goes to sleep
        dropcut.feed()
    until(lambda: dropcut.is_empty("Intake"), "an empty intake queue")


def _deliver_a_version(dropcut: DropcutInUse) -> None:
    """As after somebody turned versioning on by hand; the embedded AWS's own events name no version."""
    s3, bucket = dropcut.client("s3"), {"Bucket": dropcut.input_bucket}
    s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
    key = dropcut.drop(photo(), dropcut.unused("version.jpg"), tags={"owner": "me"})
    event = notification(dropcut.input_bucket, key, sequencer=LATER)
    event["Records"][0]["s3"]["object"]["versionId"] = s3.head_object(**bucket, Key=key)["VersionId"]
    assert dropcut.outcome(key).kind == "delivered"
    dropcut.ended_record(key)
    s3.put_object_tagging(**bucket, Key=key, Tagging={"TagSet": [{"Key": "owner", "Value": "somebody else"}]})
    dropcut.send("Intake", event)
    assert dropcut.outcome(key, number=2).kind == "delivered"
    s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Suspended"})


def test_each_call_that_was_made_is_allowed_by_its_role(made: Sequence[Call], of_roles: Policies) -> None:
    every = {"prepare", "cut", "deliver", "gatekeeper", "feeder", "notify"}
    assert {call.function for call in made} == set(of_roles) == every
    assert refused(made, of_roles) == {}


def test_each_granted_action_is_made_or_has_a_reason(made: Sequence[Call], of_roles: Policies) -> None:
    grants = granted(of_roles)
    unused = {str(grant) for grant in grants if not any(grant.covers(call) for call in made)}
    assert {grant for grant in unused if not any(fnmatchcase(grant, pattern) for pattern in NOT_CALLED)} == set()
    assert {pattern for pattern in NOT_CALLED if not any(fnmatchcase(str(each), pattern) for each in grants)} == set()


def test_a_role_is_denied_each_other_kind_of_item(of_roles: Policies) -> None:
    """Alone, and in a batch with one that is allowed."""
    grants = [each for each in granted(of_roles) if each.item]
    table, kinds = grants[0].resource, sorted({each.item for each in grants})
    assert len(kinds) >= 6
    expected = {}
    for function in of_roles:
        for action in ("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"):
            own = [each.item for each in grants if (each.function, each.action) == (function, f"dynamodb:{action}")]
            for kind in kinds:
                answer = "Allowed" if kind in own else "ImplicitlyDenied"
                for items in ([kind], [*own[:1], kind]):
                    named = tuple(item.replace("*", "any") for item in items)
                    expected[Call(function, f"dynamodb:{action}", table, ((LEADING_KEYS, named),))] = answer
    assert decided(expected, of_roles) == expected
