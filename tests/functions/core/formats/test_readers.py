"""Whatever the bytes are, the readers of headers answer or say that there is nothing; none of them raises."""

import struct
from collections.abc import Callable

import pytest
from dropcut.core.formats.bmp_fields import bmp_fields
from dropcut.core.formats.exif import is_adobe_rgb
from dropcut.core.formats.gif_frame import first_frame
from dropcut.core.formats.heif_boxes import coded_items, heif_colour
from dropcut.core.formats.hevc_units import has_hole
from dropcut.core.formats.jpeg_header import jpeg_header, lacks_only_its_end, unread_kind
from dropcut.core.formats.png_chunks import stated_colour
from dropcut.core.formats.png_rows import made_sound
from hypothesis import given
from hypothesis import strategies as st

from tests.functions import odd_photos, photos_of_all_kinds
from tests.functions.pictures import picture

READERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "bmp": (odd_photos.bmp_of_fields((0xFF, 0xFF00, 0xFF0000, 0xFF000000)), bmp_fields),
    "exif": (odd_photos.exif_of_adobe_rgb(), is_adobe_rgb),
    "gif": (picture("gif"), first_frame),
    "heif": (odd_photos.grey_heic(), heif_colour),
    "hevc": (odd_photos.grey_heic(), has_hole),
    "heif's data": (odd_photos.premultiplied_avif(), lambda data: coded_items(data, b"av01")),
    "jpeg": (picture("jpeg", progressive=True), jpeg_header),
    "jpeg's end": (picture("jpeg", progressive=True)[:-2], lacks_only_its_end),
    "png's colours": (odd_photos.png(odd_photos.shown(), odd_photos.gamma(1.0)), stated_colour),
    "png's rows": (odd_photos.wrong_adler(), lambda data: made_sound(data, lambda _: None)),
}


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_changed_or_missing_bytes_raise_nothing(name: str, data: st.DataObject) -> None:
    content, read = READERS[name]
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(0, 4))):
        changed[data.draw(st.integers(0, min(len(changed), 600) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(changed[: data.draw(st.integers(0, len(changed)))]))


def test_a_gifs_first_frame_is_found_behind_extensions() -> None:
    content = picture("gif")
    assert first_frame(content) == (0, 0, 80, 64)
    at = content.index(b",\0\0\0\0")
    assert first_frame(content[:at] + b"!\xfe\3abc\0" + content[at:]) == (0, 0, 80, 64)
    assert first_frame(content[:at] + b";") is None


def test_bit_fields_of_a_bmp_are_read_with_alpha_only_if_there_is_one() -> None:
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    found = bmp_fields(odd_photos.bmp_of_fields(masks))
    assert found is not None
    assert (found.masks, found.is_upside_down, found.row_bytes) == (masks, True, 320)
    without = bmp_fields(odd_photos.bmp_of_fields(masks[:3], top_first=True))
    assert without is not None
    assert (without.masks, without.is_upside_down) == (masks[:3], False)
    assert bmp_fields(picture("bmp")) is None


def test_exif_says_adobe_rgb_in_either_order_of_bytes_and_with_or_without_its_prefix() -> None:
    exif = odd_photos.exif_of_adobe_rgb()
    assert is_adobe_rgb(exif)
    assert is_adobe_rgb(exif[6:])
    assert not is_adobe_rgb(exif.replace(b"R03", b"R98"))
    assert not is_adobe_rgb(b"")


def test_a_chunk_with_a_wrong_checksum_says_nothing_of_colours() -> None:
    right, _ = stated_colour(odd_photos.png(odd_photos.shown(), odd_photos.gamma(1.0)))
    assert right is not None
    assert not right.is_srgb
    wrong, _ = stated_colour(odd_photos.png(odd_photos.shown(), odd_photos.gamma(1.0, is_right=False)))
    assert wrong is None


def test_the_primary_pictures_colours_count_and_its_alpha_too() -> None:
    found = heif_colour(odd_photos.premultiplied_avif())
    assert found.is_premultiplied
    assert found.stated is not None
    assert found.stated.is_srgb
    assert heif_colour(odd_photos.avif(odd_photos.P3, (12, 13))).stated == odd_photos.P3


def test_kinds_of_jpeg_that_are_not_read_are_named() -> None:
    assert unread_kind(picture("jpeg")) == unread_kind(picture("jpeg", progressive=True)) == ""
    flat = bytearray(picture("jpeg"))
    struct.pack_into(">H", flat, flat.index(b"\xff\xc0") + 5, 0)
    assert unread_kind(bytes(flat)) == "a JPEG that tells its height only at its end"


@pytest.mark.parametrize("progressive", [False, True])
def test_only_a_jpeg_whose_scans_are_all_there_lacks_only_its_end(progressive: bool) -> None:
    whole = picture("jpeg", width=200, height=200, progressive=progressive)
    assert not lacks_only_its_end(whole)
    assert lacks_only_its_end(whole[:-2])
    assert lacks_only_its_end(whole[: whole.rindex(b"\xff\xda")]) is False


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_hole_of_zeros_in_a_heic_is_found_and_a_whole_one_has_none(part: float) -> None:
    """libheif's decoder fills it with whatever, and says nothing."""
    whole = photos_of_all_kinds.heic(size=(400, 300))
    assert not has_hole(whole)
    [(begin, end)] = coded_items(whole, b"hvc1")
    at = begin + int((end - begin) * part)
    assert has_hole(whole[:at] + bytes(12) + whole[at + 12 :])
