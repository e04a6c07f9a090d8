"""Full-size cut-outs of phones' photos, several renditions from one payment, and renditions made anew without one."""

import hashlib
import json
import re
from contextlib import AbstractContextManager
from typing import Any

import pytest

from local.places import SAMPLES
from tests.end_to_end.dropcut_in_use import DropcutInUse
from tests.end_to_end.photos import photo

SMALL = {
    "name": "small",
    "format": "webp",
    "longest_side": 64,
    "quality": 80,
    "key": "small/{folder}{stem}.{extension}",
}

LISTING = {
    "name": "listing",
    "format": "jpeg",
    "canvas": "300x300",
    "subject_percent": 80,
    "background": "#ffffff",
    "shadow": "soft",
    "key": "listing/{folder}{stem}-{version}-{sha256}.{extension}",
}
"""For a receiver that never reads a key twice."""


def renditions(dropcut: DropcutInUse, *listed: Any) -> AbstractContextManager[None]:
    """Deliver makes these instead of the full-size cut-out alone, as after a deployment with another setting."""
    return dropcut.configured("Deliver", {"RENDITIONS": json.dumps(listed)})


def paid_calls(dropcut: DropcutInUse, picture_sha256: str) -> int:
    """How many calls for these bytes were charged."""
    return sum(call["charged"] for call in dropcut.api.calls() if call["picture_sha256"] == picture_sha256)


@pytest.mark.parametrize(("name", "size"), [("phone-12mp-rotated.jpg", (4032, 2688)), ("phone.heic", (2400, 1600))])
def test_a_phones_photo_comes_back_upright_at_its_own_size(
    name: str, size: tuple[int, int], dropcut: DropcutInUse
) -> None:
    key = dropcut.drop((SAMPLES / name).read_bytes(), dropcut.unused(name))
    outcome = dropcut.outcome(key)
    assert outcome.kind == "delivered", outcome
    assert "note" not in outcome.detail
    cutout = dropcut.cutout(key.rpartition(".")[0] + ".png")
    assert (cutout.image.format, cutout.image.mode, cutout.image.size) == ("PNG", "RGBA", size)
    assert cutout.alpha_varies
    (written,) = outcome.detail["renditions"]
    assert (written["name"], written["width"], written["height"]) == ("full", *size)
    assert paid_calls(dropcut, outcome.detail["picture_sha256"]) == 1


def test_all_renditions_of_a_photo_come_from_one_payment(dropcut: DropcutInUse) -> None:
    with renditions(dropcut, "full", "amazon_main", SMALL):
        key = dropcut.drop(photo(), dropcut.unused("a.jpg"))
        detail = dropcut.outcome(key).detail
    stem = key.removesuffix(".jpg")
    assert {each["name"]: each["key"] for each in detail["renditions"]} == {
        "full": f"{stem}.png",
        "amazon_main": f"{stem}-amazon_main.jpg",
        "small": f"small/{stem}.webp",
    }
    seen = {each["name"]: dropcut.cutout(each["key"]) for each in detail["renditions"]}
    assert {name: (cutout.image.format, cutout.image.size) for name, cutout in seen.items()} == {
        "full": ("PNG", (96, 80)),
        "amazon_main": ("JPEG", (2000, 2000)),
        "small": ("WEBP", (64, 53)),
    }
    assert seen["amazon_main"].image.getpixel((0, 0)) == (255, 255, 255)
    assert {cutout.metadata["dropcut-job-id"] for cutout in seen.values()} == {detail["job_id"]}
    assert paid_calls(dropcut, detail["picture_sha256"]) == 1


def test_a_rendition_with_a_shadow_has_a_key_by_version_and_hash(dropcut: DropcutInUse) -> None:
    with renditions(dropcut, LISTING):
        key = dropcut.drop(photo(), dropcut.unused("a.jpg"))
        detail = dropcut.outcome(key).detail
    content = dropcut.client("s3").get_object(Bucket=detail["output_bucket"], Key=detail["output_key"])["Body"].read()
    version = detail["version_id"] or "[0-9]{8}T[0-9]{6}Z"
    digest = hashlib.sha256(content).hexdigest()[:12]
    assert re.fullmatch(rf"listing/{re.escape(key.removesuffix('.jpg'))}-{version}-{digest}\.jpg", detail["output_key"])
    picture = dropcut.cutout(detail["output_key"]).image.convert("L")
    assert picture.size == (300, 300)
    below = picture.crop((100, 0, 200, 300)).resize((1, 300))  # a column: white, the subject, its shadow, white
    levels = list(below.tobytes())
    foot = max(row for row, level in enumerate(levels) if abs(level - levels[150]) < 10)
    assert levels[foot + 3] < 250
    assert levels[-1] == 255


def test_changed_renditions_are_made_anew_on_request_without_paying(dropcut: DropcutInUse) -> None:
    key = dropcut.drop(photo(), dropcut.unused("a.jpg"))
    first = dropcut.outcome(key).detail
    dropcut.ended_record(key)  # a remake needs it
    with renditions(dropcut, SMALL):
        dropcut.send("Deliver", {"remake": {"bucket": dropcut.input_bucket, "key": key, "job_id": first["job_id"]}})
        second = dropcut.outcome(key, number=2).detail
    assert (second["remade"], second["credits"], second["job_id"]) == (True, 0, first["job_id"])
    assert dropcut.cutout(second["output_key"]).image.size == (64, 53)
    assert dropcut.cutout(first["output_key"]).image.size == (96, 80)
    assert paid_calls(dropcut, first["picture_sha256"]) == 1


def test_a_remake_of_what_was_never_delivered_is_a_dead_letter(dropcut: DropcutInUse) -> None:
    key = dropcut.unused("never.jpg")
    dropcut.send("Deliver", {"remake": {"bucket": dropcut.input_bucket, "key": key}})
    letter = dropcut.dead_letter("Deliver", key)
    assert letter.attributes["code"] == "not_delivered"
    assert "nothing was paid" in letter.attributes["reason"]
