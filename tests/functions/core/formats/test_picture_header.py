import io
from typing import Any

import pytest
import pyvips
from dropcut.core.formats.picture_header import NotAPictureError, PictureHeader, is_whole, read_header
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.functions.pictures import picture

PNG, JPEG, WEBP = picture("png"), picture("jpeg"), picture("webp")
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def by_vips(mode: str, suffix: str, *, bands: int, **options: Any) -> bytes:
    """Kinds of picture that Pillow does not write."""
    image = pyvips.Image.black(80, 64, bands=bands) + 100
    return bytes(image.cast(mode).write_to_buffer(suffix, **options))


def palette_with_transparency() -> bytes:
    image = Image.new("P", (80, 64))
    image.putpalette([0, 0, 0, 255, 0, 0])
    encoded = io.BytesIO()
    image.save(encoded, "png", transparency=0)
    return encoded.getvalue()


@pytest.mark.parametrize(
    ("data", "format_", "has_alpha"),
    [
        pytest.param(picture("png", mode="L"), "png", False, id="PNG grey"),
        pytest.param(picture("png", mode="1"), "png", False, id="PNG black and white"),
        pytest.param(picture("png", mode="RGB"), "png", False, id="PNG colour"),
        pytest.param(picture("png", mode="P"), "png", False, id="PNG palette"),
        pytest.param(palette_with_transparency(), "png", True, id="PNG palette, transparent"),
        pytest.param(picture("png", mode="LA"), "png", True, id="PNG grey with alpha"),
        pytest.param(picture("png", mode="RGBA"), "png", True, id="PNG colour with alpha"),
        pytest.param(by_vips("ushort", ".png", bands=3), "png", False, id="PNG 16 bits"),
        pytest.param(by_vips("ushort", ".png", bands=4), "png", True, id="PNG 16 bits with alpha"),
        pytest.param(by_vips("uchar", ".png", bands=4, interlace=True), "png", True, id="PNG interlaced"),
        pytest.param(picture("jpeg"), "jpeg", False, id="JPEG"),
        pytest.param(picture("jpeg", progressive=True), "jpeg", False, id="JPEG progressive"),
        pytest.param(picture("jpeg", mode="L"), "jpeg", False, id="JPEG grey"),
        pytest.param(picture("jpeg", mode="CMYK"), "jpeg", False, id="JPEG CMYK"),
        pytest.param(picture("jpeg", orientation=6), "jpeg", False, id="JPEG with EXIF"),
        pytest.param(picture("jpeg", comment=b"\xff\xc0" * 40), "jpeg", False, id="JPEG with markers in a comment"),
        pytest.param(picture("webp"), "webp", False, id="WebP lossy"),
        pytest.param(picture("webp", lossless=True), "webp", False, id="WebP lossless"),
        pytest.param(picture("webp", mode="RGBA"), "webp", True, id="WebP lossy with alpha"),
        pytest.param(picture("webp", mode="RGBA", lossless=True), "webp", True, id="WebP lossless with alpha"),
        pytest.param(picture("webp", orientation=6), "webp", False, id="WebP with EXIF"),
    ],
)
def test_a_picture_is_known_by_its_first_bytes(data: bytes, format_: str, has_alpha: bool) -> None:
    assert read_header(data) == PictureHeader(format=format_, width=80, height=64, has_alpha=has_alpha)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (64, 3000), (3000, 64), (257, 256)])
def test_width_and_height_are_those_of_the_picture(kind: str, width: int, height: int) -> None:
    header = read_header(picture(kind, width=width, height=height))
    assert (header.width, header.height) == (width, height)


def test_a_sideways_picture_has_its_stored_width_and_height() -> None:
    header = read_header(picture("jpeg", orientation=6))
    assert (header.width, header.height) == (80, 64)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"Dear Sir or Madam,", "text"),
        ("é".encode() * 300, "text"),
        (b"x" + "é".encode() * 300, "text"),
        (b"", "empty"),
        (b"\x01\x02\xfe\xff", "not recognised"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"  <html><body>", "a web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"<?xml version='1.0'?><svg/>", "an SVG drawing"),
        (b"GIF89a", "a GIF picture"),
        (b"II*\0", "a TIFF picture"),
        (b"MM\0*", "a TIFF picture"),
        (b"BM\0\0", "a BMP picture"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
        (HEIC, "a HEIC picture"),
        (b"\0\0\0\x18ftypavif", "an AVIF picture"),
        (b"\0\0\0\x18ftypmp42", "a video"),
        (b"8BPS", "a Photoshop document"),
        (b"\xff\x0a\0", "a JPEG XL picture"),
        (b"RIFF\xfe\0\0\0WAVEfmt ", "not recognised"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, said: str) -> None:
    with pytest.raises(NotAPictureError, match=said):
        read_header(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        b"\xff\xd8\xff\xd9\0\0",
        b"\xff\xd8\xff\xda\0\0",
        b"\xff\xd8\xff\xe0\0\x02\0\0",
        b"RIFF\0\0\0\0WEBPVP9 " + b"\0" * 40,
    ],
)
def test_a_signature_alone_is_no_picture(data: bytes) -> None:
    with pytest.raises(NotAPictureError, match=r"starts like|cut off"):
        read_header(data)


SHAPES = [
    pytest.param(PNG, id="png"),
    pytest.param(JPEG, id="jpeg"),
    pytest.param(picture("jpeg", orientation=6), id="jpeg with EXIF"),
    pytest.param(WEBP, id="webp lossy"),
    pytest.param(picture("webp", lossless=True), id="webp lossless"),
    pytest.param(picture("webp", mode="RGBA"), id="webp extended"),
]


@pytest.mark.parametrize("data", SHAPES)
def test_a_file_cut_off_anywhere_gives_its_header_or_a_reason(data: bytes) -> None:
    whole = read_header(data)
    for length in range(min(len(data), 700)):
        try:
            assert (read_header(data[:length]).width, read_header(data[:length]).height) == (whole.width, whole.height)
        except NotAPictureError as error:
            assert str(error)


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff", b"RIFF1234WEBP"]),
    st.sampled_from([b"", b"VP8X", b"VP8L", b"VP8 "]),
    st.binary(max_size=200),
)
def test_no_bytes_at_all_crash_the_reader(signature: bytes, kind: bytes, rest: bytes) -> None:
    data = signature + kind + rest
    assert is_whole(data) in (True, False)
    try:
        header = read_header(data)
    except NotAPictureError:
        return
    assert header.format in ("png", "jpeg", "webp")


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_a_whole_picture_is_whole_and_one_byte_less_is_not(kind: str) -> None:
    data = picture(kind, mode="RGBA")
    assert is_whole(data)
    assert not any(is_whole(data[:length]) for length in (len(data) - 1, len(data) // 2, 40, 12, 0))


@given(st.integers(0, len(PNG) - 13), st.integers(1, 255))
def test_one_damaged_byte_of_a_png_is_found(position: int, change: int) -> None:
    damaged = bytearray(PNG)
    damaged[position] ^= change
    assert not is_whole(bytes(damaged))


def test_bytes_after_the_end_do_no_harm() -> None:
    assert is_whole(PNG + b"\0\0")
    assert is_whole(WEBP + b"\0\0")


def test_only_the_formats_of_an_answer_can_be_whole() -> None:
    assert not is_whole(JPEG)
    assert not is_whole(b"text")
