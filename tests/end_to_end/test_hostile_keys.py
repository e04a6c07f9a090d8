"""A photo may have every name that S3 allows, with either of the two kinds of event."""

import base64

import pytest

from tests.end_to_end.dropcut_in_use import DropcutInUse, sha256
from tests.end_to_end.photos import photo


def shortened(key: str) -> str:
    """An output key that would be longer than S3's 1,024 bytes ends in a hash of its source's key."""
    ending = f"~{sha256(key.encode())[:8]}.png"
    return key.encode()[: 1024 - len(ending)].decode("utf-8", "ignore") + ending


LONGEST = "long/" + "x" * 1015 + ".jpg"
LONGEST_WITHOUT_EXTENSION = "y" * 1024
LONGEST_IN_TWO_BYTES = "é" * 512

OUTPUTS = {
    "%2B%20%%%.png": "%2B%20%%%.png",
    "%2B++ %20.png": "%2B++ %20.png",
    "a+b.png": "a+b.png",
    "a b.png": "a b.png",
    "a%2Fb.jpg": "a%2Fb.png",
    "ü/é.png": "ü/é.png",
    "u\u0308/e\u0301.png": "u\u0308/e\u0301.png",
    "日本.png": "日本.png",
    "🏖️/😀.webp": "🏖️/😀.png",
    'it\'s "quoted".png': 'it\'s "quoted".png',
    "new\nline.png": "new\nline.png",
    "tab\tand\rreturn.jpg": "tab\tand\rreturn.png",
    "back\\slash.png": "back\\slash.png",
    "<a href='x'>&amp;.png": "<a href='x'>&amp;.png",
    "what?is=this&that#there;.png": "what?is=this&that#there;.png",
    "a/../b.png": "a/../b.png",
    "./here.png": "./here.png",
    "/leading.png": "/leading.png",
    "//two//leading.jpg": "//two//leading.png",
    "trailing...": "trailing...png",
    "dir.with.dots/x": "dir.with.dots/x.png",
    "without-extension": "without-extension.png",
    " spaces around .jpg ": " spaces around .png",
    "two.extensions.tar.jpg": "two.extensions.tar.png",
    "UPPER.JPG": "UPPER.png",
    ".png": ".png.png",
    "hidden/.jpg": "hidden/.jpg.png",
    LONGEST: LONGEST.removesuffix("jpg") + "png",
    LONGEST_WITHOUT_EXTENSION: shortened(LONGEST_WITHOUT_EXTENSION),
    LONGEST_IN_TWO_BYTES: shortened(LONGEST_IN_TWO_BYTES),
}


@pytest.fixture(scope="module")
def photos(running: DropcutInUse) -> dict[str, bytes]:
    """A photo under each key, dropped all at once: each test waits for its own."""
    photos = {key: photo("PNG") for key in OUTPUTS}
    for key, content in photos.items():
        running.drop(content, key)
    return photos


@pytest.mark.parametrize("key", OUTPUTS, ids=lambda key: ascii(key)[1:40])
def test_a_photo_dropped_under_any_key_is_delivered_under_the_same_name(
    key: str, photos: dict[str, bytes], dropcut: DropcutInUse
) -> None:
    outcome = dropcut.outcome(key)
    assert outcome.kind == "delivered", outcome
    assert outcome.detail["output_key"] == OUTPUTS[key]
    assert len(OUTPUTS[key].encode()) <= 1024
    assert dropcut.cutout(OUTPUTS[key]).metadata["dropcut-source-sha256"] == sha256(key.encode())
    dropcut.wait_for_tags(key, {"dropcut": "delivered"})


def test_a_notification_that_comes_straight_from_s3_names_the_same_object(
    photos: dict[str, bytes], dropcut: DropcutInUse
) -> None:
    """Its keys are form-encoded; the picture is paid for already and not paid for again."""
    first = {key: dropcut.outcome(key) for key in OUTPUTS}
    for key in OUTPUTS:
        dropcut.announce(key)
    for key, output_key in OUTPUTS.items():
        outcome = dropcut.outcome(key, number=2)
        assert outcome.kind == "delivered", outcome
        assert outcome.detail["output_key"] == output_key
        assert outcome.detail["job_id"] != first[key].detail["job_id"]
        assert outcome.detail["credits"] == 0
        assert dropcut.cutout(output_key).metadata["dropcut-job-id"] == outcome.detail["job_id"]
        assert dropcut.paid_calls(photos[key]) == 1


def test_three_uploads_that_take_a_photos_names_do_not_stop_it(dropcut: DropcutInUse) -> None:
    """The names are known to everybody: they are made of the photo's own key."""
    victim = dropcut.unused("photo.jpg")
    stem, owner = victim.removesuffix(".jpg"), sha256(victim.encode())
    for attacker in (f"{stem}.webp", f"{victim}.webp", f"{stem}.{owner[:8]}.webp"):
        dropcut.drop(photo("PNG"), attacker)
        assert dropcut.outcome(attacker).detail["output_key"] == attacker.removesuffix("webp") + "png"
    dropcut.drop(photo("PNG"), victim)
    outcome = dropcut.outcome(victim)
    assert outcome.kind == "delivered", outcome
    assert outcome.detail["output_key"] == f"{stem}~dropcut-{owner[:32]}.png"


def test_a_forged_message_is_dead_lettered_without_a_call(dropcut: DropcutInUse) -> None:
    """Whoever holds prepare's role sends other bytes under a victim's hash, and an end of a photo elsewhere."""
    victim, evil = photo("PNG"), photo("PNG")
    upload = {"bucket": dropcut.input_bucket, "key": dropcut.unused("victim.png"), "sequencer": "0A"}
    picture = {
        "sha256": sha256(victim),
        "work_key": f"prepared/{sha256(victim)}.png",
        "format": "png",
        "width": 96,
        "height": 80,
        "size_bytes": len(evil),
    }
    dropcut.send("Cut", {"upload": upload, "picture": picture, "content": base64.b64encode(evil).decode()})
    end = {"kind": "rejected", "code": "c", "reason": "r"}
    dropcut.send("Deliver", {"upload": upload | {"bucket": "somebody-elses"}, "outcome": end})
    for stage, why in (("Cut", "not those with the SHA-256"), ("Deliver", "somebody-elses")):
        letter = dropcut.dead_letter(stage, str(upload["key"]))
        assert why in letter.attributes["reason"]
        assert letter.attributes["stage"] == stage.lower()
    assert dropcut.calls(victim) == dropcut.calls(evil) == []
    assert dropcut.outcomes(str(upload["key"])) == []
