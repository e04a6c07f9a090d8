"""Files that cannot be cut out: rejected by name, seen in tag, event and record; nothing is asked of the API."""

import struct

import pytest

from tests.end_to_end.dropcut_in_use import DropcutInUse
from tests.end_to_end.photos import photo

_WHOLE = {kind: photo(kind, width=300, height=200) for kind in ("PNG", "JPEG", "WEBP")}


def _bmp_of_four_gigapixels() -> bytes:
    """A header, and nothing that it promises."""
    header = struct.pack("<IiiHHIIiiII", 40, 65_535, 65_535, 1, 24, *[0] * 6)
    return b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + header


BAD_FILES = {
    "text.png": (b"I am a text, whatever my name says.", "not_a_picture"),
    "truncated.png": (_WHOLE["PNG"][: len(_WHOLE["PNG"]) // 2], "damaged"),
    "truncated.jpg": (_WHOLE["JPEG"][: len(_WHOLE["JPEG"]) // 2], "damaged"),
    "truncated.webp": (_WHOLE["WEBP"][: len(_WHOLE["WEBP"]) // 2], "damaged"),
    "only-the-first-bytes.png": (_WHOLE["PNG"][:20], "damaged"),
    "empty.jpg": (b"", "empty"),
    "40x40.png": (photo("PNG", width=40, height=40), "too_small"),
    "long-and-thin.png": (photo("PNG", width=2000, height=63), "too_small"),
    "thread.png": (photo("PNG", width=66, height=70_000), "too_narrow"),
    "pixels.bmp": (_bmp_of_four_gigapixels(), "too_many_pixels"),
    "bytes.jpg": (_WHOLE["JPEG"] + bytes(100 * 1024 * 1024), "too_many_bytes"),
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_picture"),
}


@pytest.fixture(scope="module")
def keys(running: DropcutInUse) -> dict[str, str]:
    """All of them, dropped at once; by their names, the keys."""
    return {name: running.drop(content, running.unused(name)) for name, (content, _) in BAD_FILES.items()}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_rejected_with_its_reason_and_the_api_never_sees_it(
    name: str, keys: dict[str, str], dropcut: DropcutInUse
) -> None:
    content, code = BAD_FILES[name]
    outcome = dropcut.outcome(keys[name])
    assert (outcome.kind, outcome.detail["code"]) == ("rejected", code), outcome
    assert outcome.reason.endswith(".")
    dropcut.wait_for_tags(keys[name], {"dropcut": "rejected"})
    record = dropcut.ended_record(keys[name])
    assert (record["status"], record["code"], record["reason"]) == ("rejected", code, outcome.reason)
    assert dropcut.calls(content) == []


def test_a_picture_just_within_the_limits_is_not_refused(dropcut: DropcutInUse) -> None:
    within = {
        "smallest.png": photo("PNG", width=64, height=64),
        "largest.png": photo("PNG", width=2048, height=2048),
        "larger-than-the-api-takes.png": photo("PNG", width=2049, height=2048),
        "heavier-than-the-api-takes.jpg": photo("JPEG") + bytes(11 * 1024 * 1024),
        "animation.gif": photo("GIF"),
    }
    keys = [dropcut.drop(content, dropcut.unused(name)) for name, content in within.items()]
    assert [dropcut.outcome(key).kind for key in keys] == ["delivered"] * len(keys)
