"""What an uploader chooses by the photo's metadata, and a requester by a message or an event."""

import json
from collections.abc import Iterator

import pytest

from tests.end_to_end.dropcut_in_use import DropcutInUse
from tests.end_to_end.photos import photo

RENDITIONS = [
    "full",
    {"name": "small", "format": "webp", "longest_side": 64},
    "mask",
]


@pytest.fixture
def choosing(dropcut: DropcutInUse) -> Iterator[DropcutInUse]:
    """Three renditions to choose from, as after a deployment with another setting."""
    names = json.dumps([["full", "small", "mask"]])
    with (
        dropcut.configured("Intake", {"RENDITION_NAMES": names}),
        dropcut.configured("Deliver", {"RENDITIONS": json.dumps(RENDITIONS)}),
    ):
        yield dropcut


def test_an_uploaders_metadata_and_a_requests_fields_are_kept_to(choosing: DropcutInUse) -> None:
    """One picture: chosen by its uploader, then requested otherwise, which is paid for once."""
    picture = photo()
    chosen = {"dropcut-renditions": "small, mask", "dropcut-reference": "order 4711"}
    key = choosing.drop(picture, choosing.unused("a.jpg"), metadata=chosen)
    stem = key.removesuffix(".jpg")
    uploaded = choosing.outcome(key)
    assert uploaded.kind == "delivered", uploaded
    assert uploaded.detail["reference"] == "order 4711"
    assert uploaded.renditions == [("small", f"{stem}-small.webp"), ("mask", f"{stem}-mask.png")]
    assert choosing.cutout(f"{stem}-small.webp").metadata["dropcut-reference"] == "order 4711"

    choosing.request(key, renditions=["full"], reference="order 4712", metadata={"sku": "42"})
    requested = choosing.outcome(key, number=2)
    assert requested.kind == "delivered", requested
    assert (requested.detail["reference"], requested.detail["credits"]) == ("order 4712", 0.0)
    assert requested.renditions == [("full", f"{stem}.png")]
    assert requested.detail["sequencer"] > uploaded.detail["sequencer"]
    assert choosing.cutout(f"{stem}.png").metadata["dropcut-meta-sku"] == "42"
    assert choosing.paid_calls(picture) == 1


def test_a_rendition_that_is_not_made_here_is_rejected_before_anything_is_paid(dropcut: DropcutInUse) -> None:
    picture = photo()
    key = dropcut.drop(picture, dropcut.unused("a.jpg"), metadata={"dropcut-renditions": "full,sepia"})
    rejected = dropcut.outcome(key)
    assert (rejected.kind, rejected.detail["code"]) == ("rejected", "choices_not_allowed")
    assert rejected.reason == "There is no rendition 'sepia' here. Allowed: full."
    dropcut.request(key, renditions=["sepia"], reference="order 4711")
    refused = dropcut.outcome(key, number=2)
    assert (refused.kind, refused.detail["code"]) == ("rejected", "request_not_allowed")
    assert refused.detail["reference"] == "order 4711"
    assert dropcut.calls(picture) == []


def test_a_newer_upload_replaces_what_was_requested(dropcut: DropcutInUse) -> None:
    key = dropcut.drop(photo(), dropcut.unused("a.jpg"))
    assert dropcut.outcome(key).kind == "delivered"
    dropcut.publish_request(key)
    requested = dropcut.outcome(key, number=2)
    dropcut.drop(photo(), key)
    newer = dropcut.outcome(key, number=3)
    assert [outcome.kind for outcome in dropcut.outcomes(key)] == ["delivered"] * 3
    assert newer.detail["sequencer"] > requested.detail["sequencer"]
    assert len({outcome.detail["job_id"] for outcome in dropcut.outcomes(key)}) == 3
