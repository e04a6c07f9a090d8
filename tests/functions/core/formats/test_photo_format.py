"""The bytes decide what a file is: each kind that is taken, what looks like one, and what is something else."""

import struct

import pytest
from dropcut.core.formats.photo_format import recognise
from dropcut.core.picture_limits import PictureRefusedError

from tests.functions.pictures import picture


def media_file(*brands: bytes) -> bytes:
    """The first box of an ISO media file: its major brand, a version, and what it is compatible with."""
    content = brands[0] + b"\0\0\0\0" + b"".join(brands[1:])
    return struct.pack(">I4s", 8 + len(content), b"ftyp") + content + b"\0\0\0\x10meta" + b"avif" * 2


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff", "bmp", "gif", "avif"])
def test_a_file_is_what_its_bytes_say(kind: str) -> None:
    assert recognise(picture(kind)[:200]) == kind


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (media_file(b"heic", b"mif1"), "heic"),
        (media_file(b"mif1", b"heix", b"miaf"), "heic"),
        (media_file(b"msf1", b"hevc"), "heic"),
        (media_file(b"mif1", b"avif"), "avif"),
        (media_file(b"avis", b"msf1"), "avif"),
        (b"GIF87a" + b"\0" * 20, "gif"),
        (b"MM\0+\0\x08\0\0" + b"\0" * 20, "tiff"),
    ],
)
def test_rarer_ways_to_write_a_format_are_known_too(start: bytes, kind: str) -> None:
    assert recognise(start) == kind


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"", "empty, not a picture"),
        (b"Dear Sir or Madam", "text"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"%PDF-1.7", "a PDF document"),
        (b"8BPS\0\1", "a Photoshop document"),
        (media_file(b"isom", b"mp42"), "a video"),
        (media_file(b"mif1", b"miaf"), "a HEIF picture of a rare kind, not"),
        (media_file(b"msf1"), "a HEIF picture of a rare kind, not"),
    ],
)
def test_what_is_something_else_is_refused_by_name(start: bytes, said: str) -> None:
    with pytest.raises(PictureRefusedError, match=said) as refusal:
        recognise(start)
    assert refusal.value.code == "not_a_picture"
