"""Metadata goes, pixels stay: each part that is taken out, each that must not be, and files that are out of order."""

import io
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from dropcut.core.formats.bare_picture import NotTakenApartError, without_metadata
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from tests.functions.pictures import decoded, picture

SECRET = b"secret-place"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif() -> Image.Exif:
    """With a place, as phones write it, and a word that can be looked for."""
    data = Image.Exif()
    data[0x010F] = SECRET.decode()
    data.get_ifd(0x8825)[1] = "N"
    return data


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg_with(*segments: bytes, after: bytes = b"", **options: object) -> bytes:
    plain = picture("jpeg", **options)  # type: ignore[arg-type]
    return plain[:2] + b"".join(segments) + plain[2:] + after


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(*chunks: bytes, after: bytes = b"", mode: str = "RGB") -> bytes:
    plain = picture("png", mode=mode)
    return plain[:33] + b"".join(chunks) + plain[33:] + after


def png_with_text() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", SECRET.decode())
    info.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    return picture("png", pnginfo=info, exif=exif(), icc_profile=PROFILE)


WITH_METADATA: dict[str, bytes] = {
    "JPEG EXIF": picture("jpeg", exif=exif()),
    "JPEG XMP": jpeg_with(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET)),
    "JPEG IPTC": jpeg_with(segment(0xED, b"Photoshop 3.0\0" + SECRET)),
    "JPEG comment": picture("jpeg", comment=SECRET),
    "JPEG ICC": picture("jpeg", icc_profile=PROFILE, comment=SECRET),
    "JPEG JFIF extension": jpeg_with(segment(0xE0, b"JFXX\0\x10" + SECRET)),
    "JPEG behind the end": jpeg_with(after=jpeg_with(segment(0xE1, SECRET)) + SECRET),
    "JPEG progressive": picture("jpeg", progressive=True, comment=SECRET),
    "JPEG with restarts": picture("jpeg", restart_marker_rows=1, comment=SECRET),
    "JPEG grey": picture("jpeg", mode="L", comment=SECRET),
    "JPEG CMYK": picture("jpeg", mode="CMYK", comment=SECRET),
    "JPEG padded": jpeg_with(b"\xff\xff\xff" + segment(0xFE, SECRET)),
    "PNG text, XMP, EXIF, ICC": png_with_text(),
    "PNG time": png_with(chunk(b"tIME", SECRET[:7]), chunk(b"tEXt", b"k\0" + SECRET)),
    "PNG private": png_with(chunk(b"prVt", SECRET)),
    "PNG behind the end": png_with(after=SECRET),
    "PNG alpha": png_with(chunk(b"tEXt", b"k\0" + SECRET), mode="RGBA"),
    "WebP lossy": picture("webp", exif=exif(), xmp=SECRET, icc_profile=PROFILE),
    "WebP lossless": picture("webp", exif=exif(), xmp=SECRET, lossless=True),
    "WebP alpha": picture("webp", mode="RGBA", exif=exif(), xmp=SECRET),
    "WebP behind the end": picture("webp") + SECRET,
}


@pytest.mark.parametrize("kind", WITH_METADATA)
def test_what_is_not_needed_goes_and_every_pixel_stays(kind: str) -> None:
    photo = WITH_METADATA[kind]
    assert SECRET[:7] in photo
    bare = without_metadata(photo)
    assert SECRET[:7] not in bare
    before, after = decoded(photo), decoded(bare)
    assert before.mode == after.mode
    assert np.array_equal(np.asarray(before), np.asarray(after))
    assert not set(after.info) & {"exif", "icc_profile", "xmp", "comment", "photoshop", "Comment"}


@pytest.mark.parametrize("kind", WITH_METADATA)
def test_what_is_bare_stays_as_it_is(kind: str) -> None:
    bare = without_metadata(WITH_METADATA[kind])
    assert without_metadata(bare) == bare


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_a_picture_without_metadata_goes_through_byte_for_byte(kind: str) -> None:
    assert without_metadata(picture(kind)) == picture(kind)


def test_the_thumbnail_in_a_jfif_header_goes_and_the_header_stays() -> None:
    plain = picture("jpeg")
    assert plain[2:4] == b"\xff\xe0"
    rest = plain[20:]
    with_thumbnail = plain[:2] + segment(0xE0, plain[6:18] + b"\2\2" + b"abc" * 4) + rest
    assert without_metadata(with_thumbnail) == plain[:18] + b"\0\0" + rest


def test_what_says_how_the_colours_of_a_jpeg_are_stored_stays() -> None:
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    assert adobe in without_metadata(jpeg_with(adobe))
    assert b"Adobe" in without_metadata(picture("jpeg", mode="CMYK"))


def test_what_says_how_the_colours_of_a_png_are_meant_goes() -> None:
    """Only what is sRGB anyway is sent as it is, and decoders differ in what they go by."""
    said = [chunk(b"gAMA", struct.pack(">I", 45455)), chunk(b"sRGB", b"\0"), chunk(b"cICP", bytes([1, 13, 0, 1]))]
    assert without_metadata(png_with(*said)) == picture("png")


def test_transparency_of_a_palette_stays() -> None:
    image = Image.new("P", (80, 64))
    image.putpalette([0, 0, 0, 255, 0, 0])
    encoded = io.BytesIO()
    image.save(encoded, "png", transparency=0)
    assert decoded(without_metadata(encoded.getvalue())).convert("RGBA").getpixel((0, 0)) == (0, 0, 0, 0)


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (80, 64), color) for color in ("red", "blue")]
    encoded = io.BytesIO()
    frames[0].save(encoded, kind, save_all=True, append_images=frames[1:])
    return encoded.getvalue()


def test_the_frames_of_an_animated_png_go_and_the_still_picture_stays() -> None:
    bare = without_metadata(animated("png"))
    assert getattr(decoded(bare), "n_frames", 1) == 1
    assert decoded(bare).convert("RGB").getpixel((0, 0)) == (255, 0, 0)


JPEG, PNG, WEBP = picture("jpeg"), picture("png"), picture("webp", exif=exif())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        JPEG[:2] + b"\x00" + JPEG[2:],
        JPEG[:2] + b"\xff\xd0" + JPEG[2:],
        JPEG[:-2],
        JPEG[:30],
        JPEG[:2] + b"\xff\xe1\xff\xff" + JPEG[2:],
        JPEG[:2] + b"\xff\xe1\x00\x00" + JPEG[2:],
        PNG[:-12],
        PNG[:40],
        png_with(chunk(b"CRIT", b"")),
        WEBP[:60],
        animated("webp"),
    ],
)
def test_what_is_out_of_order_is_not_taken_apart(data: bytes) -> None:
    with pytest.raises(NotTakenApartError):
        without_metadata(data)


@pytest.mark.parametrize(
    "photo", [JPEG, PNG, WEBP, picture("jpeg", progressive=True)], ids=["jpeg", "png", "webp", "p"]
)
@given(data=st.data())
def test_damage_makes_no_other_error(photo: bytes, data: st.DataObject) -> None:
    place, value = data.draw(st.integers(0, len(photo) - 1)), data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(photo)))
    damaged = (photo[:place] + bytes([value]) + photo[place + 1 :])[:end]
    with suppress(NotTakenApartError):
        assert len(without_metadata(damaged)) <= len(damaged) + 1
