"""What becomes of each photo of `samples/`."""

import io
from urllib.parse import quote

import pytest
from PIL import Image

from local.places import SAMPLES
from tests.end_to_end.dropcut_in_use import DropcutInUse, sha256

DELIVERED = ("portrait.jpg", "cup.png", "cat.webp")
MADE_TO_FIT = {"phone.heic": (2400, 1600), "phone-12mp-rotated.jpg": (4032, 2688)}
"""Upright, converted and shrunk to what the API takes; what comes back has the photo's own size, upright."""


@pytest.fixture(scope="module")
def keys(running: DropcutInUse) -> dict[str, str]:
    """All samples, dropped at once; by their names, the keys."""
    names = (*DELIVERED, *MADE_TO_FIT)
    return {name: running.drop((SAMPLES / name).read_bytes(), running.unused(f"été 1/{name}")) for name in names}


@pytest.mark.parametrize("name", DELIVERED)
def test_a_photo_comes_back_as_a_cutout_of_its_own_size(name: str, keys: dict[str, str], dropcut: DropcutInUse) -> None:
    key, photo = keys[name], (SAMPLES / name).read_bytes()
    outcome = dropcut.outcome(key)
    assert outcome.kind == "delivered", outcome
    output_key = key.rpartition(".")[0] + ".png"
    cutout = dropcut.cutout(output_key)
    size = Image.open(io.BytesIO(photo)).size
    assert (cutout.image.format, cutout.image.mode, cutout.image.size) == ("PNG", "RGBA", size)
    assert cutout.content_type == "image/png"
    assert cutout.alpha_varies
    assert dropcut.paid_calls(photo) == 1


@pytest.mark.parametrize("name", DELIVERED)
def test_a_cutout_says_where_it_comes_from_and_what_it_cost(
    name: str, keys: dict[str, str], dropcut: DropcutInUse
) -> None:
    key, picture_sha256 = keys[name], sha256((SAMPLES / name).read_bytes())
    detail = dropcut.outcome(key).detail
    size = Image.open(SAMPLES / name).size
    assert (
        detail.items()
        >= {
            "bucket": dropcut.input_bucket,
            "key": key,
            "output_bucket": dropcut.output_bucket,
            "output_key": key.rpartition(".")[0] + ".png",
            "credits": 2,
            "picture_sha256": picture_sha256,
            "width": size[0],
            "height": size[1],
        }.items()
    )
    assert detail["request_id"]
    metadata = dropcut.cutout(detail["output_key"]).metadata
    assert (
        metadata.items()
        >= {
            "dropcut-source": quote(key),
            "dropcut-source-version": "none",
            "dropcut-request-id": detail["request_id"],
            "dropcut-credits": "2",
            "dropcut-picture-sha256": picture_sha256,
            "dropcut-job-id": detail["job_id"],
        }.items()
    )
    dropcut.wait_for_tags(key, {"dropcut": "delivered"})
    record = dropcut.ended_record(key)
    assert (record["status"], record["output_key"]) == ("delivered", detail["output_key"])


@pytest.mark.parametrize("name", MADE_TO_FIT)
def test_a_photo_the_api_does_not_take_is_made_to_fit_and_delivered(
    name: str, keys: dict[str, str], dropcut: DropcutInUse
) -> None:
    outcome = dropcut.outcome(keys[name])
    assert outcome.kind == "delivered", outcome
    assert (outcome.detail["width"], outcome.detail["height"]) == MADE_TO_FIT[name]
    dropcut.wait_for_tags(keys[name], {"dropcut": "delivered"})
    assert dropcut.cutout(outcome.detail["output_key"]).alpha_varies
