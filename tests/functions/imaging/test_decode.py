"""Each format, mode, depth, profile and orientation comes out upright, in 8-bit sRGB; each limit and each damage."""

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from dropcut.core.formats.heif_boxes import coded_items
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError
from dropcut.imaging.decode import identify, open_upright, picture_errors, thumbnail_upright
from PIL import Image, ImageCms

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
    corners,
    heic,
    near,
    pages,
    pixels,
    profile,
)
from tests.functions.pictures import picture

LIMITS = DecodeLimits(max_pixels=1_000_000, max_frames=10)
CMYK_RED, CMYK_GREEN = (186, 21, 32), (9, 90, 76)
"""What the built-in profile of a coated paper makes of Pillow's naive CMYK."""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return tmp_path / "photo.doc"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def expected_colours(kind: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if "CMYK" in kind or "YCCK" in kind:
        return CMYK_RED, CMYK_GREEN
    return RED, GREEN


@pytest.mark.parametrize("kind", KINDS)
def test_a_colour_photo_of_any_kind_comes_out_the_same(photo: Path, kind: str) -> None:
    image = open_upright(written(photo, KINDS[kind]()), LIMITS)
    assert (image.width, image.height, image.format, image.interpretation) == (80, 64, "uchar", "srgb")
    red, green = expected_colours(kind)
    for have, want in zip(corners(image), (red, green, green, green), strict=True):
        assert near(have[:3], want)
        assert have[3:] in ([], [255])


@pytest.mark.parametrize("kind", GREY_KINDS)
def test_a_grey_photo_of_any_kind_becomes_rgb(photo: Path, kind: str) -> None:
    image = open_upright(written(photo, GREY_KINDS[kind]()), LIMITS)
    dark, *light = corners(image)
    levels = (99, 104) if "16" in kind or "AVIF" in kind else (67, 83)  # libvips weighs light, Pillow what is coded
    assert near(dark, [levels[0]] * 3)
    assert all(near(corner, [levels[1]] * 3) for corner in light)


@pytest.mark.parametrize("kind", BLACK_AND_WHITE_KINDS)
def test_black_and_white_becomes_rgb(photo: Path, kind: str) -> None:
    image = open_upright(written(photo, BLACK_AND_WHITE_KINDS[kind]()), LIMITS).copy_memory()
    assert (image.bands, image.min(), image.max()) == (3, 0, 255)


@pytest.mark.parametrize("kind", TRANSPARENT_KINDS)
def test_transparency_is_kept(photo: Path, kind: str) -> None:
    image = open_upright(written(photo, TRANSPARENT_KINDS[kind]()), LIMITS)
    if kind == "BMP alpha":  # the format's usual header does not say that the fourth byte is alpha
        assert image.bands == 3
        return
    opaque, clear = pixels(image, (20, 16), (79, 63))
    assert (opaque[3], clear[3]) == (255, 0)


@pytest.mark.parametrize("kind", [*KINDS, *GREY_KINDS, *BLACK_AND_WHITE_KINDS])
@pytest.mark.parametrize("size", [(80, 64), (40, 32), (33, 27)])
def test_a_thumbnail_has_exactly_the_size_asked_for(photo: Path, kind: str, size: tuple[int, int]) -> None:
    make = (KINDS | GREY_KINDS | BLACK_AND_WHITE_KINDS)[kind]
    image = thumbnail_upright(written(photo, make()), LIMITS, width=size[0], height=size[1])
    assert (image.width, image.height, image.format) == (*size, "uchar")
    if kind not in BLACK_AND_WHITE_KINDS:  # dithered by Pillow: no place has the same colour when it is shrunk
        for have, want in zip(corners(image), corners(open_upright(photo, LIMITS)), strict=True):
            assert near(have, want, by=4)


@pytest.mark.parametrize("shrink", [1.0, 1.9, 2.0, 3.7, 5.0, 8.0, 17.0])
@pytest.mark.parametrize("kind", ["jpeg", "webp", "png"])
def test_what_the_decoder_shrinks_lies_where_it_belongs(photo: Path, kind: str, shrink: float) -> None:
    """A step of brightness at a known place; a width that no shrinking decoder divides evenly."""
    width, height, step = 1001, 403, 500
    image = Image.new("RGB", (width, height), "black")
    image.paste((255, 255, 255), (step, 0, width, height))
    image.save(photo, kind, **{"webp": {"lossless": True}, "jpeg": {"quality": 95}}.get(kind, {}))
    small = (round(width / shrink), round(height / shrink))
    shrunk = thumbnail_upright(photo, LIMITS, width=small[0], height=small[1])
    bright_columns = shrunk.avg() / 255 * small[0]
    assert bright_columns == pytest.approx((width - step) / width * small[0], abs=0.35)


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
@pytest.mark.parametrize("shrink", [2, 4, 8])
@pytest.mark.parametrize("odd", [1, 3, 5, 7])
def test_what_the_decoder_shrinks_lies_where_a_whole_decode_puts_it(
    photo: Path, kind: str, shrink: int, odd: int
) -> None:
    """Sides that the decoder's shrinking does not divide evenly; what it does at the far end moves all before."""
    width, height = 1000 + odd, 400 + odd
    wave = (128 + 100 * np.sin(np.arange(width) / (2.5 * shrink))).astype(np.uint8)
    Image.fromarray(np.tile(wave, (height, 1))).convert("RGB").save(
        photo, kind, **({"lossless": True} if kind == "webp" else {"quality": 95})
    )
    small = width // shrink - 1, height // shrink - 1
    ours = thumbnail_upright(photo, LIMITS, width=small[0], height=small[1]).numpy()[small[1] // 2, :, 1].astype(float)
    with Image.open(photo) as whole:
        there = np.asarray(whole.convert("RGB").resize(small, Image.Resampling.LANCZOS))[small[1] // 2, :, 1]
    far = slice(small[0] * 4 // 5, small[0] - 4)
    slope = np.gradient(there.astype(float))[far]
    assert abs(((ours - there)[far] * slope).sum() / (slope * slope).sum()) < 0.13  # in pixels


def test_what_cannot_be_seen_does_not_bleed_into_what_can(photo: Path) -> None:
    image = Image.new("RGBA", (80, 64), (255, 255, 255, 0))
    image.paste((10, 20, 30, 255), (0, 0, 40, 64))
    image.save(photo, "png")
    shrunk = thumbnail_upright(photo, LIMITS, width=27, height=21)
    visible = [pixel for pixel in pixels(shrunk, *((x, 10) for x in range(16))) if pixel[3] > 8]
    assert len(visible) >= 13
    assert all(near(pixel[:3], (10, 20, 30)) for pixel in visible)


# ---- orientation

RED_CORNER = {1: 0, 2: 1, 3: 3, 4: 2, 5: 0, 6: 1, 7: 3, 8: 2}
"""Where the red quarter is after turning, as `corners` counts."""


TURNED = [
    (kind, orientation)
    for kind in ("jpeg", "png", "webp", "tiff", "avif", "heic")
    for orientation in (0, 9, *RED_CORNER)
    if (kind, orientation) != ("tiff", 9)  # TIFF's library does not write that
]


@pytest.mark.parametrize(("kind", "orientation"), TURNED)
@pytest.mark.parametrize("shrunk", [False, True])
def test_a_photo_is_turned_upright(photo: Path, kind: str, orientation: int, shrunk: bool) -> None:
    data = heic(orientation=orientation) if kind == "heic" else picture(kind, orientation=orientation)
    info = identify(written(photo, data))
    width, height = (64, 80) if orientation in (5, 6, 7, 8) else (80, 64)
    assert (info.upright_width, info.upright_height) == (width, height)
    if shrunk:
        width, height = width // 2, height // 2
        image = thumbnail_upright(photo, LIMITS, width=width, height=height)
    else:
        image = open_upright(photo, LIMITS)
    assert (image.width, image.height) == (width, height)
    expected = [GREEN] * 4
    expected[RED_CORNER.get(orientation, 0)] = RED
    assert all(near(have, want, by=12) for have, want in zip(corners(image), expected, strict=True))


def test_nothing_is_left_that_could_turn_it_again(photo: Path) -> None:
    image = open_upright(written(photo, picture("jpeg", orientation=6)), LIMITS)
    assert image.get_typeof("orientation") == image.get_typeof("exif-data") == 0


def test_what_is_turned_leaves_no_file_behind(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    open_upright(written(photo, picture("jpeg", orientation=6)), LIMITS).avg()
    assert list(tmp_path.iterdir()) == [photo]


# ---- colour


def through_littlecms(icc: bytes, colour: tuple[int, ...]) -> list[int]:
    """The same conversion as Pillow makes it."""
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = ImageCms.buildTransform(source, target, "RGB", "RGB", renderingIntent=intent)
    pixel = ImageCms.applyTransform(Image.new("RGB", (1, 1), colour), transform)
    return list(pixel.getpixel((0, 0)))  # type: ignore[union-attr, arg-type]


P3 = profile("p3")
IN_P3: dict[str, Make] = {
    "jpeg": lambda: by_pillow("jpeg", icc_profile=P3, quality=95),
    "png": lambda: by_pillow("png", icc_profile=P3),
    "png, 16 bits": lambda: by_vips(".png", interpretation="rgb16", icc_profile=P3),
    "webp": lambda: by_pillow("webp", icc_profile=P3, quality=95),
    "tiff": lambda: by_pillow("tiff", icc_profile=P3),
    "tiff, 16 bits": lambda: by_vips(".tif", interpretation="rgb16", icc_profile=P3),
    "avif": lambda: by_pillow("avif", icc_profile=P3, quality=95),
    "heic": lambda: heic(icc_profile=P3),
}


@pytest.mark.parametrize("kind", IN_P3)
@pytest.mark.parametrize("shrunk", [False, True])
def test_an_embedded_profile_is_converted_through(photo: Path, kind: str, shrunk: bool) -> None:
    assert identify(written(photo, IN_P3[kind]())).has_profile
    image = thumbnail_upright(photo, LIMITS, width=40, height=32) if shrunk else open_upright(photo, LIMITS)
    red, green, *_ = corners(image)
    assert near(red, through_littlecms(P3, RED), by=4)
    assert near(green, through_littlecms(P3, GREEN), by=4)
    assert not near(red, RED, by=8)
    assert image.get_typeof("icc-profile-data") == 0


@pytest.mark.parametrize(
    ("mode", "icc"),
    [
        ("RGB", profile("cmyk")),
        ("RGB", profile("sgrey")),
        ("RGB", b"not a profile at all"),
        ("RGB", P3[:200]),
        ("RGB", P3[:128] + bytes(400)),
        ("L", P3),
        ("L", b"x"),
    ],
)
@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff"])
def test_a_profile_that_does_not_fit_counts_for_nothing(photo: Path, kind: str, mode: str, icc: bytes) -> None:
    written(photo, by_pillow(kind, mode=mode, icc_profile=icc, **({"quality": 95} if kind == "jpeg" else {})))
    for image in (open_upright(photo, LIMITS), open_upright(photo, LIMITS, colour="keep")):
        red, green, *_ = corners(image)
        assert near(red, RED if mode == "RGB" else [67] * 3)
        assert near(green, GREEN if mode == "RGB" else [83] * 3)
        assert image.get_typeof("icc-profile-data") == 0


@pytest.mark.parametrize(
    ("data", "keeps"),
    [
        (by_pillow("jpeg", icc_profile=P3, quality=95), True),
        (by_pillow("jpeg", icc_profile=P3, quality=95, orientation=6), True),
        (by_pillow("png", icc_profile=P3), True),
        (by_vips(".png", icc_profile=P3, interpretation="rgb16"), False),
        (by_pillow("jpeg", icc_profile=profile("srgb"), quality=95), False),
        (by_pillow("jpeg", quality=95), False),
        (by_pillow("jpeg", mode="CMYK", icc_profile=profile("cmyk")), False),
        (by_pillow("jpeg", mode="L", icc_profile=profile("sgrey")), False),
    ],
)
def test_only_8_bit_rgb_in_a_space_of_its_own_is_kept_in_it(photo: Path, data: bytes, keeps: bool) -> None:
    image = open_upright(written(photo, data), LIMITS, colour="keep")
    assert (image.bands, image.format) == (3, "uchar")
    assert (image.get_typeof("icc-profile-data") != 0) is keeps
    if keeps:
        assert image.get("icc-profile-data") == P3
        assert any(near(corner, RED) for corner in corners(image))


# ---- limits


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff", "bmp", "gif", "avif", "heic"])
def test_pixels_are_counted_before_they_are_decoded(photo: Path, kind: str) -> None:
    written(photo, heic() if kind == "heic" else picture(kind))
    open_upright(photo, DecodeLimits(max_pixels=80 * 64, max_frames=1))
    one_less = DecodeLimits(max_pixels=80 * 64 - 1, max_frames=1)
    for attempt in (
        lambda: open_upright(photo, one_less),
        lambda: thumbnail_upright(photo, one_less, width=40, height=32),
    ):
        with pytest.raises(PictureRefusedError, match="5,120 pixels; at most 5,119") as refusal:
            attempt()
        assert refusal.value.code == "too_many_pixels"


@pytest.mark.parametrize("make", [lambda: animated("gif", 5), lambda: animated("webp", 5), lambda: pages(5)])
def test_frames_are_counted_before_any_is_decoded(photo: Path, make: Make) -> None:
    written(photo, make())
    first = open_upright(photo, DecodeLimits(max_pixels=10_000, max_frames=5))
    assert near(corners(first)[0][:3], RED)
    with pytest.raises(PictureRefusedError, match="5 frames; at most 4") as refusal:
        open_upright(photo, DecodeLimits(max_pixels=10_000, max_frames=4))
    assert refusal.value.code == "too_many_frames"


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\0IDAT"


def bmp_header(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)


BOMBS = {
    "PNG": png_header(65_535, 65_535),
    "GIF": b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\2\2L\1\0;",
    "BMP": bmp_header(65_535, 65_535),
    "JPEG": picture("jpeg").replace(b"\0\x40\0\x50", b"\xff\0\xff\0", 1),
}
"""A few bytes that promise four thousand million pixels."""


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_header_that_promises_too_much_is_refused_at_once(photo: Path, bomb: str) -> None:
    with pytest.raises(PictureRefusedError) as refusal:
        open_upright(written(photo, BOMBS[bomb]), LIMITS)
    assert refusal.value.code == "too_many_pixels"


# ---- what is no photo, or not a whole one

DISGUISED = {
    "drawing.png": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "script.jpg": b"push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 'https://example.com'\n",
    "paper.png": b"%PDF-1.4\n%\xe2\xe3",
    "matrix.jpg": b"3 3\n1 2 3\n4 5 6\n7 8 9\n",
    "table.png": b"1,2,3\n4,5,6\n",
    "libvips.jpg": b"\x08\xf2\xa6\xb6" + bytes(100),
    "radiance.png": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\1\1\1\1",
    "portable.png": b"P6\n1 1\n255\nabc",
    "telescope.png": b"SIMPLE  =                    T" + b" " * 100,
}


@pytest.mark.parametrize("name", DISGUISED)
def test_no_loader_but_the_named_ones_reads_a_file_whatever_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(PictureRefusedError) as refusal:
        identify(written(tmp_path / name, DISGUISED[name]))
    assert refusal.value.code == "not_a_picture"


@pytest.mark.parametrize("loader", ["svgload", "csvload", "matrixload", "vipsload", "uhdrload"])
def test_libvips_itself_refuses_to_run_another_loader(photo: Path, loader: str) -> None:
    written(photo, b"1 1\n1\n")
    with pytest.raises(pyvips.Error, match="blocked"):
        getattr(pyvips.Image, loader)(str(photo))


ONE_FRAME = [kind for kind in [*KINDS, *GREY_KINDS] if "animated" not in kind and "pages" not in kind]
"""Of the others the first frame, all that is used, may be whole though later ones are cut off."""


@pytest.mark.parametrize("kind", ONE_FRAME)
def test_a_file_that_ends_early_is_refused_wherever_it_ends(photo: Path, kind: str) -> None:
    whole = (KINDS | GREY_KINDS)[kind]()
    for tenth in range(10):
        written(photo, whole[: min(len(whole) * tenth // 10, len(whole) - 16)])  # PNG's end mark alone is no loss
        with pytest.raises(PictureRefusedError) as refusal, picture_errors():
            open_upright(photo, LIMITS).avg()
        assert refusal.value.code in ("damaged", "not_a_picture")
        assert str(refusal.value).endswith("again.")


def test_a_heic_with_a_hole_of_zeros_is_refused(photo: Path) -> None:
    """Its decoder would fill the hole with whatever, and say nothing."""
    whole = heic(size=(400, 300))
    [(begin, end)] = coded_items(whole, b"hvc1")
    middle = (begin + end) // 2
    written(photo, whole[:middle] + bytes(12) + whole[middle + 12 :])
    with pytest.raises(PictureRefusedError, match="a part of it is nothing but zeros"), picture_errors():
        open_upright(photo, LIMITS).avg()


def test_the_decoders_words_are_shown_without_the_name_of_its_part(photo: Path) -> None:
    whole = picture("jpeg", width=400, height=300)
    written(photo, whole[: len(whole) // 2])
    with (
        pytest.raises(PictureRefusedError, match=r"to its end \(premature end of JPEG image\): it is"),
        picture_errors(),
    ):
        open_upright(photo, LIMITS).avg()


def test_what_libvips_says_of_the_disc_is_no_refusal() -> None:
    with pytest.raises(pyvips.Error), picture_errors():
        pyvips.Image.black(1, 1).write_to_file("/no/such/folder/a.png")


def test_a_photo_that_is_not_there_is_an_error_of_the_disc(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        identify(tmp_path / "nothing")


def test_the_header_alone_tells_what_a_photo_is(photo: Path) -> None:
    info = identify(written(photo, by_vips(".png", interpretation="rgb16", alpha=True)))
    assert (info.format, info.width, info.height, info.bits, info.bands) == ("png", 80, 64, 16, 4)
    assert info.has_alpha
    assert not info.has_profile


_SHOWS_LOADERS = """
from pathlib import Path
import pyvips
source = Path("functions/dropcut/imaging/decode.py").read_text()
exec(source.replace('"avif": "Heif"', '"avif": "Heif", "svg": "Svg"'), {"__name__": "decode"})
for name in ("jpeg", "png", "webp", "tiff", "gif", "heif", "svg", "vips", "csv"):
    flags = pyvips.voperation.Introspect.get(f"{name}load").flags
    print(name, bool(flags & 16), bool(flags & 32))
"""
"""As if a loader were named that libvips marks as untrusted (16 of its flags; 32 is blocked)."""


def test_no_loader_that_libvips_calls_untrusted_runs_even_if_it_is_named() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", _SHOWS_LOADERS],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "functions")},
        capture_output=True,
        text=True,
        check=True,
    )
    found = {name: (untrusted, blocked) for name, untrusted, blocked in map(str.split, done.stdout.splitlines())}
    used = dict.fromkeys(("jpeg", "png", "webp", "tiff", "gif", "heif"), ("False", "False"))
    assert found == used | dict.fromkeys(("svg", "vips", "csv"), ("True", "True"))
