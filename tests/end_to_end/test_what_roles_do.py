"""Each role allows what its function does, no more and no less, as another judge than the embedded AWS sees it.

This file makes every call itself that it needs, and comes last of its folder: it judges what the other tests did, too.
"""

import io
from collections.abc import Sequence

import pytest
from PIL import Image

from tests.end_to_end.conftest import CALLS
from tests.end_to_end.dropcut_in_use import DropcutInUse, Stage, until
from tests.end_to_end.photos import photo
from tests.end_to_end.roles import LEADING_KEYS, Call, Policies, calls_made, decided, granted, policies

pytestmark = pytest.mark.timeout(300)  # the first test waits for the deployment

NOT_CALLED = {
    "sqs:ReceiveMessage": "Lambda receives for the functions, with their role.",
    "sqs:DeleteMessage": "Lambda deletes what a function has done, with its role.",
    "sqs:GetQueueAttributes": "Lambda looks at the queue, with the function's role.",
    "logs:CreateLogStream": "Lambda writes the log, with the function's role.",
    "logs:PutLogEvents": "Lambda writes the log, with the function's role.",
    "xray:PutTraceSegments": "Lambda sends the traces, with the function's role.",
    "xray:PutTelemetryRecords": "Lambda sends the traces, with the function's role.",
    "s3:ListBucket": "Without it S3 answers 403 for an object that is not there, and not 404.",
}
"""Why a role allows what no function calls by itself."""


@pytest.fixture(scope="module")
def of_roles(running: DropcutInUse) -> Policies:
    return policies(running.system)


@pytest.fixture(scope="module")
def made(running: DropcutInUse) -> Sequence[Call]:
    """Every call so far, after one photo of each fate."""
    dropcut = running
    with dropcut.configured("Cut", {"DAILY_CREDIT_LIMIT": "1000000"}):
        _delivered(dropcut)
        _ended_without_a_call(dropcut)
        _waited(dropcut)
        _paused(dropcut)
    return calls_made(dropcut.system, dropcut.system.folder / CALLS)


def _delivered(dropcut: DropcutInUse) -> None:
    """A picture too large for a message, from a photo with a tag of the customer's; then made anew."""
    large = io.BytesIO()
    Image.effect_noise((640, 480), 100).convert("RGB").save(large, "jpeg", quality=95)
    key = dropcut.drop(large.getvalue(), dropcut.unused("large.jpg"), tags={"owner": "me"})
    assert dropcut.outcome(key).kind == "delivered"
    dropcut.ended_record(key)
    dropcut.send("Deliver", {"remake": {"bucket": dropcut.input_bucket, "key": key}})
    assert dropcut.outcome(key, number=2).kind == "delivered"


def _ended_without_a_call(dropcut: DropcutInUse) -> None:
    vanished = dropcut.unused("vanished.jpg")
    dropcut.announce(vanished)
    stages: tuple[Stage, ...] = ("Intake", "Cut", "Deliver")
    for stage in stages:
        dropcut.send(stage, f"no message of ours for {stage}")
    assert dropcut.outcome(vanished).detail["code"] == "gone"
    for stage in stages:
        dropcut.dead_letter(stage, f"for {stage}")


def _waited(dropcut: DropcutInUse) -> None:
    """A lock-out, then a failure for good."""
    picture = photo()
    dropcut.fault("rate_limit_exceeded", picture, times=1)
    assert dropcut.outcome(dropcut.drop(picture, dropcut.unused("late.jpg"))).kind == "delivered"


def _paused(dropcut: DropcutInUse) -> None:
    """A refused key closes the gate; a picture that waits is the probe that opens it."""
    dropcut.api.set_key_state(dropcut.api.key, "revoked")
    key = dropcut.drop(photo(), dropcut.unused("waits.jpg"))
    until(dropcut.closed_gate, "a closed gate")
    dropcut.look_at_gate()
    dropcut.api.set_key_state(dropcut.api.key, "valid")
    until(dropcut.resumes, "an open gate", seconds=60)
    assert dropcut.outcome(key).kind == "delivered"


def test_each_call_that_was_made_is_allowed_by_its_role(made: Sequence[Call], of_roles: Policies) -> None:
    grants = granted(of_roles)
    one_of_each = {
        (call.function, call.action, tuple(grant for grant in grants if grant.covers(call))): call for call in made
    }
    answers = decided(one_of_each.values(), of_roles)
    assert len(answers) > 30
    assert {call: answer for call, answer in answers.items() if answer != "Allowed"} == {}


def test_each_granted_action_is_used_or_has_a_reason(made: Sequence[Call], of_roles: Policies) -> None:
    unused = [each for each in granted(of_roles) if not any(each.covers(call) for call in made)]
    assert [each for each in unused if each.action not in NOT_CALLED] == []


def test_a_role_is_denied_each_other_kind_of_item(of_roles: Policies) -> None:
    """Alone, and in a batch with one that is allowed."""
    grants = [each for each in granted(of_roles) if each.item]
    table, kinds = grants[0].resource, sorted({each.item for each in grants})
    assert len(kinds) >= 6
    actions = ("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")
    expected = {}
    for function in of_roles:
        for action in (f"dynamodb:{each}" for each in actions):
            own = [each.item for each in grants if (each.function, each.action) == (function, action)]
            for kind in kinds:
                answer = "Allowed" if kind in own else "ImplicitlyDenied"
                expected[_naming(function, action, table, kind)] = answer
                expected[_naming(function, action, table, *own[:1], kind)] = answer
    assert decided(expected, of_roles) == expected


def _naming(function: str, action: str, table: str, *kinds: str) -> Call:
    return Call(function, action, table, ((LEADING_KEYS, tuple(kind.replace("*", "any") for kind in kinds)),))
