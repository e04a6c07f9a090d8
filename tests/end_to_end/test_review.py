"""Doubtful cut-outs are held; what a reviewer sends to the deliver queue decides, and pays nothing.

The stand-in keeps an ellipse of each photo, which crosses its plain background: that is doubtful.
"""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from local.outcomes import Outcome
from tests.end_to_end.dropcut_in_use import DropcutInUse, until
from tests.end_to_end.photos import photo


@pytest.fixture
def holding(dropcut: DropcutInUse) -> Iterator[DropcutInUse]:
    """Deliver holds doubtful cut-outs, as after a deployment with `hold_doubtful`."""
    with dropcut.configured("Deliver", {"HOLD_DOUBTFUL": "1"}):
        yield dropcut


def held(dropcut: DropcutInUse) -> Outcome:
    """A new photo, whose cut-out is held."""
    key = dropcut.drop(photo(), dropcut.unused("a.jpg"))
    outcome = dropcut.outcome(key)
    assert outcome.kind == "held", outcome
    assert dropcut.ended_record(key)["status"] == "held"
    dropcut.wait_for_tags(key, {"dropcut": "held"})
    return outcome


def decided(dropcut: DropcutInUse, asked: Any, outcome: Outcome, status: str) -> Outcome:
    """Send a decision and wait until nothing is left under `held/`."""
    dropcut.send("Deliver", asked)
    ended = dropcut.outcome(outcome.key, number=2)
    gone = outcome.detail["output_key"]
    until(lambda: not dropcut.outputs_under(gone) and "held" not in dropcut.record(outcome.key), "no held file")
    assert dropcut.record(outcome.key)["status"] == status
    dropcut.wait_for_tags(outcome.key, {"dropcut": status})
    return ended


def paid_calls(dropcut: DropcutInUse, outcome: Outcome) -> int:
    sha256 = outcome.detail["picture_sha256"]
    return sum(call["charged"] for call in dropcut.api.calls() if call["picture_sha256"] == sha256)


def test_a_doubtful_cut_out_is_held_and_delivered_when_it_is_accepted(holding: DropcutInUse) -> None:
    outcome = held(holding)
    stem = outcome.key.removesuffix(".jpg")
    assert holding.outputs_under(stem) == []
    waiting = holding.cutout(f"held/{stem}.png")
    assert "cut_off" in [doubt["code"] for doubt in outcome.detail["quality"]["doubts"]]
    assert "cut_off" in waiting.metadata["dropcut-quality"]
    delivered = decided(holding, outcome.detail["decide"]["accept"], outcome, "delivered")
    assert (delivered.kind, delivered.detail["output_key"], delivered.detail["credits"]) == (
        "delivered",
        f"{stem}.png",
        0,
    )
    assert holding.cutout(f"{stem}.png").image.tobytes() == waiting.image.tobytes()
    assert paid_calls(holding, outcome) == 1


def test_a_rejected_cut_out_is_gone(holding: DropcutInUse) -> None:
    outcome = held(holding)
    rejected = decided(holding, outcome.detail["decide"]["reject"], outcome, "rejected")
    assert (rejected.kind, rejected.detail["code"]) == ("rejected", "rejected_by_reviewer")
    assert holding.outputs_under(outcome.key.removesuffix(".jpg")) == []


def test_a_reviewers_own_picture_takes_the_place_of_the_cut_out(holding: DropcutInUse) -> None:
    outcome = held(holding)
    own = Image.new("RGBA", (192, 160), (10, 200, 30, 255))
    own.paste((0, 0, 0, 0), (0, 0, 60, 160))
    encoded = io.BytesIO()
    own.save(encoded, "png")
    picture = f"held/by-hand/{outcome.key}.png"
    holding.client("s3").put_object(Bucket=holding.output_bucket, Key=picture, Body=encoded.getvalue())
    asked = {"review": outcome.detail["decide"]["replace"]["review"] | {"picture": picture}}
    delivered = decided(holding, asked, outcome, "delivered")
    assert (delivered.kind, delivered.detail["decision"]) == ("delivered", "replace")
    assert holding.cutout(delivered.detail["output_key"]).image.tobytes() == own.tobytes()
    assert paid_calls(holding, outcome) == 1


def test_a_picture_that_is_no_cut_out_is_dead_lettered_and_the_photo_stays_held(holding: DropcutInUse) -> None:
    outcome = held(holding)
    picture = f"held/by-hand/{outcome.key}"
    holding.client("s3").put_object(Bucket=holding.output_bucket, Key=picture, Body=photo())
    holding.send("Deliver", {"review": outcome.detail["decide"]["replace"]["review"] | {"picture": picture}})
    letter = holding.dead_letter("Deliver", picture)
    assert letter.attributes["code"] == "picture_not_usable"
    assert "no transparency" in letter.attributes["reason"]
    assert holding.record(outcome.key)["status"] == "held"


def test_what_nobody_decided_on_in_time_ends_as_failed(holding: DropcutInUse) -> None:
    outcome = held(holding)
    holding.client("dynamodb").update_item(
        TableName=holding.outputs["StateTableName"],
        Key={"id": {"S": f"object#{holding.input_bucket}/{outcome.key}"}},
        UpdateExpression="SET held_at = :long_ago",
        ExpressionAttributeValues={":long_ago": {"N": "1700000000"}},
    )
    failed = decided(holding, {"end_old_held": {}}, outcome, "failed")
    assert (failed.kind, failed.detail["code"]) == ("failed", "held_too_long")
