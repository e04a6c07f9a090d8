"""What is sent for a photo: its own bytes where they will do, else a JPEG or PNG just below the API's limits."""

import io
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import pyvips
from dropcut.core.api_limits import MAX_PICTURE_BYTES, MAX_PIXELS
from dropcut.core.formats.picture_header import read_header
from dropcut.core.picture_limits import DecodeLimits, Fitted, PictureRefusedError
from dropcut.imaging.fit import fit
from PIL import Image

from tests.functions.photos_of_all_kinds import (
    BLACK_AND_WHITE_KINDS,
    GREEN,
    GREY_KINDS,
    KINDS,
    RED,
    TRANSPARENT_KINDS,
    Make,
    animated,
    by_pillow,
    by_vips,
    heic,
    near,
    profile,
)
from tests.functions.pictures import ORIENTATION, decoded, is_sent_as_it_was, picture

LIMITS = DecodeLimits(max_pixels=30_000_000, max_frames=10)
SAMPLES = Path(__file__).parents[3] / "samples"


def fitted(folder: Path, photo: bytes) -> tuple[Fitted, bytes]:
    """What `fit` says and what it wrote, with the assurance that the two agree and the API would take it."""
    (folder / "photo").write_bytes(photo)
    found = fit(folder / "photo", folder / "sendable", LIMITS)
    sent = (folder / "sendable").read_bytes()
    header = read_header(sent)
    assert (header.format, header.width, header.height) == (found.format, found.width, found.height)
    assert min(found.width, found.height) >= 64
    assert found.width * found.height <= MAX_PIXELS
    assert len(sent) <= MAX_PICTURE_BYTES
    return found, sent


# ---- its own bytes

OWN_BYTES = {
    *("JPEG", "JPEG 4:2:0", "JPEG progressive", "PNG", "PNG palette", "PNG alpha", "PNG interlaced"),
    *("PNG palette 4 bits", "WebP lossy", "WebP lossless", "WebP alpha", "JPEG grey", "PNG grey", "PNG 1 bit"),
}
"""The kinds that go out as they are; alpha among them is opaque everywhere."""


@pytest.mark.parametrize("kind", KINDS | GREY_KINDS | BLACK_AND_WHITE_KINDS)
def test_a_photo_that_fits_goes_out_with_its_own_bytes_and_any_other_kind_anew(tmp_path: Path, kind: str) -> None:
    """These are two colours with a hard edge: what kept them without a loss is sent without one."""
    photo = (KINDS | GREY_KINDS | BLACK_AND_WHITE_KINDS)[kind]()
    found, sent = fitted(tmp_path, photo)
    assert is_sent_as_it_was(photo, sent) is (kind in OWN_BYTES)
    assert (found.width, found.height) == (80, 64)
    if kind not in OWN_BYTES:
        assert found.format == ("jpeg" if kind.startswith(("JPEG", "HEIC", "AVIF")) else "png")


@pytest.mark.parametrize("name", ["portrait.jpg", "cup.png", "cat.webp"])
def test_the_samples_that_fit_go_out_with_every_pixel_as_it_was(tmp_path: Path, name: str) -> None:
    photo = (SAMPLES / name).read_bytes()
    _, sent = fitted(tmp_path, photo)
    assert is_sent_as_it_was(photo, sent)
    assert np.array_equal(np.asarray(decoded(sent)), np.asarray(decoded(photo)))


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_where_and_with_what_a_photo_was_taken_is_not_sent(tmp_path: Path, kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "secret camera"
    exif.get_ifd(0x8825)[1] = "N"
    photo = picture(kind, exif=exif)
    _, sent = fitted(tmp_path, photo)
    assert is_sent_as_it_was(photo, sent)
    assert b"secret" not in sent
    assert not decoded(sent).getexif()


@pytest.mark.parametrize("kind", ["jpeg", "tiff", "heic", "large jpeg"])
def test_nor_is_it_in_a_photo_that_is_written_anew(tmp_path: Path, kind: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010F] = "secret camera"
    size = {"width": 3000, "height": 2000} if kind == "large jpeg" else {}
    data = (
        heic() if kind == "heic" else picture(kind.removeprefix("large "), exif=exif, icc_profile=profile("p3"), **size)
    )
    _, sent = fitted(tmp_path, data)
    assert not is_sent_as_it_was(data, sent)
    assert b"secret" not in sent
    assert not set(decoded(sent).info) & {"exif", "icc_profile"}


def test_what_lies_behind_a_photos_end_is_not_sent(tmp_path: Path) -> None:
    photo = picture("jpeg")
    _, sent = fitted(tmp_path, photo + b"ftypmp42" + bytes(MAX_PICTURE_BYTES))
    assert sent == photo


def test_srgb_need_not_be_said(tmp_path: Path) -> None:
    photo = by_pillow("jpeg", icc_profile=profile("srgb"))
    _, sent = fitted(tmp_path, photo)
    assert is_sent_as_it_was(photo, sent)
    assert b"ICC_PROFILE" not in sent


def test_a_profile_that_is_none_does_not_make_a_photo_worse(tmp_path: Path) -> None:
    photo = by_pillow("jpeg", icc_profile=b"nonsense")
    _, sent = fitted(tmp_path, photo)
    assert is_sent_as_it_was(photo, sent)
    assert b"nonsense" not in sent


def test_a_photo_whose_parts_are_out_of_order_is_written_anew(tmp_path: Path) -> None:
    photo = picture("jpeg")
    stray = photo[:20] + b"\0\0\0" + photo[20:]  # decoders skip it
    _, sent = fitted(tmp_path, stray)
    assert not is_sent_as_it_was(stray, sent)
    assert near(decoded(sent).getpixel((20, 16)), RED, by=8)  # type: ignore[arg-type]


# ---- size


@pytest.mark.parametrize(
    ("size", "sent", "own_bytes"),
    [
        ((64, 64), (64, 64), True),
        ((2048, 2048), (2048, 2048), True),
        ((64, 65_536), (64, 65_536), True),
        ((2049, 2048), (2048, 2047), False),
        ((3000, 2000), (2508, 1672), False),
        ((5000, 3750), (2364, 1773), False),
        ((64, 65_537), (64, 65_500), False),
    ],
)
def test_a_photo_is_sent_with_as_many_pixels_as_the_api_takes(
    tmp_path: Path, size: tuple[int, int], sent: tuple[int, int], own_bytes: bool
) -> None:
    photo = picture("png", width=size[0], height=size[1], mode="L")
    found, written = fitted(tmp_path, photo)
    assert (found.width, found.height) == sent
    assert is_sent_as_it_was(photo, written) is own_bytes


@pytest.mark.parametrize(
    ("size", "code", "said"),
    [
        ((63, 400), "too_small", "63 x 400 pixels; every side must have at least 64"),
        ((400, 63), "too_small", "400 x 63"),
        ((1, 1), "too_small", "1 x 1"),
        ((70, 80_000), "too_narrow", "70 x 80,000 pixels. Shrunk to what can be sent it would be 57 x 65,500"),
        ((66, 70_000), "too_narrow", "at least 64"),
        ((5000, 6001), "too_many_pixels", "5,000 x 6,001, 30,005,000 pixels; at most 30,000,000"),
    ],
)
def test_a_photo_too_small_or_too_large_is_refused_with_the_numbers(
    tmp_path: Path, size: tuple[int, int], code: str, said: str
) -> None:
    with pytest.raises(PictureRefusedError, match=said) as refusal:
        fitted(tmp_path, picture("png", width=size[0], height=size[1], mode="1"))
    assert refusal.value.code == code


def test_a_side_is_measured_upright(tmp_path: Path) -> None:
    with pytest.raises(PictureRefusedError, match="63 x 400"):
        fitted(tmp_path, picture("jpeg", width=400, height=63, orientation=6))


@pytest.mark.parametrize("orientation", [2, 3, 6])
def test_a_photo_on_its_side_is_sent_upright(tmp_path: Path, orientation: int) -> None:
    found, sent = fitted(tmp_path, picture("jpeg", width=3000, height=2000, orientation=orientation, quality=95))
    upright = (1672, 2508) if orientation == 6 else (2508, 1672)
    assert (found.width, found.height) == upright
    image = decoded(sent)
    across, down = {2: (3, 1), 3: (3, 3), 6: (3, 1)}[orientation]
    assert near(image.getpixel((upright[0] * across // 4, upright[1] * down // 4)), RED, by=4)  # type: ignore[arg-type]


# ---- quality


@pytest.mark.parametrize("levels", [(0, 255), range(256)], ids=["black and white", "even"])
@pytest.mark.parametrize("size", [(2048, 2048), (65_500, 64)])
def test_noise_of_the_most_pixels_fits_into_a_request(
    tmp_path: Path, levels: Sequence[int], size: tuple[int, int]
) -> None:
    """Nothing compresses worse."""
    pixels = bytes(levels[value % len(levels)] for value in range(256))
    noise = Random(0).randbytes(3 * size[0] * size[1]).translate(pixels)
    encoded = io.BytesIO()
    Image.frombytes("RGB", size, noise).save(encoded, "tiff")
    _, sent = fitted(tmp_path, encoded.getvalue())
    assert len(sent) > MAX_PICTURE_BYTES / 2


def test_an_ordinary_photo_is_written_with_quality_95_and_all_its_colours(tmp_path: Path) -> None:
    photo = SAMPLES / "phone-12mp-rotated.jpg"
    _, sent = fitted(tmp_path, photo.read_bytes())
    image = decoded(sent)
    assert [component[1:3] for component in image.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]
    reference = Image.new("RGB", (8, 8))
    encoded = io.BytesIO()
    reference.save(encoded, "jpeg", quality=95)
    assert list(image.quantization[0]) == list(decoded(encoded.getvalue()).quantization[0])  # type: ignore[attr-defined]


def test_a_shrunk_photo_looks_as_the_careful_way_would_make_it(tmp_path: Path) -> None:
    photo = SAMPLES / "phone-12mp-rotated.jpg"
    found, sent = fitted(tmp_path, photo.read_bytes())
    whole = Image.open(photo).convert("RGB").transpose(Image.Transpose.ROTATE_270)
    careful = np.asarray(whole.resize((found.width, found.height), Image.Resampling.LANCZOS), dtype=float)
    error = np.abs(np.asarray(decoded(sent), dtype=float) - careful)
    assert error.mean() < 1.5
    assert np.sqrt((error**2).mean()) < 2.5


# ---- transparency


@pytest.mark.parametrize("kind", [kind for kind in TRANSPARENT_KINDS if kind != "BMP alpha"])
def test_what_is_transparent_is_laid_on_white(tmp_path: Path, kind: str) -> None:
    photo = TRANSPARENT_KINDS[kind]()
    _, sent = fitted(tmp_path, photo)
    assert not is_sent_as_it_was(photo, sent)
    image = decoded(sent)
    assert image.mode == "RGB"
    assert near(image.getpixel((79, 63)), (255, 255, 255), by=40)  # type: ignore[arg-type] # one pixel, in a JPEG


def test_half_transparency_is_mixed_with_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (80, 64), (0, 0, 0, 128))
    encoded = io.BytesIO()
    image.save(encoded, "png")
    _, sent = fitted(tmp_path, encoded.getvalue())
    assert near(decoded(sent).getpixel((40, 32)), (127, 127, 127), by=2)  # type: ignore[arg-type]


def test_only_the_first_frame_is_sent(tmp_path: Path) -> None:
    for kind in ("gif", "webp"):
        photo = animated(kind)
        _, sent = fitted(tmp_path, photo)
        assert not is_sent_as_it_was(photo, sent)
        assert near(decoded(sent).getpixel((60, 48)), GREEN, by=6)  # type: ignore[arg-type]


# ---- damage

WHOLE: dict[str, Make] = {
    "jpeg": lambda: picture("jpeg", width=300, height=300),
    "png": lambda: picture("png", width=300, height=300),
    "webp": lambda: picture("webp", width=300, height=300),
    "large jpeg": lambda: picture("jpeg", width=3000, height=2000),
    "large png": lambda: by_vips(".png", interpretation="rgb16"),
    "heic": heic,
}


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("part", [0.2, 0.6, 0.95])
def test_a_photo_cut_off_on_the_way_is_damaged(tmp_path: Path, kind: str, part: float) -> None:
    whole = WHOLE[kind]()
    with pytest.raises(PictureRefusedError, match="cut off") as refusal:
        fitted(tmp_path, whole[: int(len(whole) * part)])
    assert refusal.value.code == "damaged"


@pytest.mark.parametrize("kind", ["small", "large", "progressive", "on its side"])
def test_a_jpeg_that_ends_properly_but_lacks_a_part_is_damaged(tmp_path: Path, kind: str) -> None:
    """Decoders fill the rest with grey, and only warn."""
    whole = LACKING[kind]()
    for photo in (whole[: len(whole) // 2] + b"\xff\xd9", with_zeros(whole)):
        with pytest.raises(PictureRefusedError, match="damaged") as refusal:
            fitted(tmp_path, photo)
        assert refusal.value.code == "damaged"


def test_a_heic_with_a_hole_of_zeros_is_damaged(tmp_path: Path) -> None:
    """Its decoder makes pixels of it without a word."""
    photo = (SAMPLES / "phone.heic").read_bytes()
    with pytest.raises(PictureRefusedError, match="nothing but zeros") as refusal:
        fitted(tmp_path, photo[:200_000] + bytes(512) + photo[200_512:])
    assert refusal.value.code == "damaged"


def test_bytes_too_many_in_a_jpeg_are_no_damage(tmp_path: Path) -> None:
    whole = picture("jpeg", width=300, height=300)
    found, _ = fitted(tmp_path, whole[:-2] + bytes(6) + whole[-2:])
    assert (found.width, found.height) == (300, 300)


def test_what_is_said_of_a_photo_is_not_what_was_warned_of_in_the_one_before(tmp_path: Path) -> None:
    lacking = noise(300, 300)
    (tmp_path / "before.jpg").write_bytes(lacking[: len(lacking) // 2] + b"\xff\xd9")
    before = pyvips.Image.jpegload(str(tmp_path / "before.jpg"), access="sequential", fail_on="error")
    before.avg()
    assert b"JPEG data" in pyvips.ffi.string(pyvips.vips_lib.vips_error_buffer())
    webp = picture("webp", width=300, height=300)
    with pytest.raises(PictureRefusedError, match="cut off") as refusal:
        fitted(tmp_path, webp[: len(webp) // 2])
    assert "JPEG data" not in refusal.value.reason


def with_zeros(whole: bytes) -> bytes:
    """A hole of a quarter of the file, as from a memory card that lost a block."""
    size = len(whole) // 4
    return whole[: 2 * size] + bytes(size) + whole[3 * size :]


def noise(width: int, height: int, *, on_its_side: bool = False, **options: Any) -> bytes:
    image = pyvips.Image.gaussnoise(width, height, mean=128, sigma=30).cast("uchar").bandjoin([90, 60])
    image = image.copy(interpretation="srgb")
    if on_its_side:
        image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    return bytes(image.jpegsave_buffer(**options))


LACKING: dict[str, Make] = {
    "small": lambda: noise(300, 300),
    "large": lambda: noise(3000, 2000),
    "progressive": lambda: noise(3000, 2000, interlace=True),
    "on its side": lambda: noise(3000, 2000, on_its_side=True),
}


def test_a_png_with_a_changed_byte_is_damaged(tmp_path: Path) -> None:
    photo = bytearray(picture("png", width=300, height=300, mode="RGB"))
    photo[photo.index(b"IDAT") + 40] ^= 0x10
    with pytest.raises(PictureRefusedError, match="damaged"):
        fitted(tmp_path, bytes(photo))
