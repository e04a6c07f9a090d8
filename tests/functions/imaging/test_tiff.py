"""Every kind of sample that a TIFF may hold comes out as the same picture, or is refused by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError
from dropcut.imaging import colour
from dropcut.imaging.decode import identify, open_upright, picture_errors
from dropcut.imaging.fit import fit

from tests.functions.photos_of_all_kinds import profile
from tests.functions.tiffs import gradient, linear, tiff

LIMITS = DecodeLimits(max_pixels=1_000_000, max_frames=10)
COLOURS, GREY = gradient(), gradient(1)
CLEAR = np.zeros_like(GREY)
HALF = np.full_like(GREY, 128)
LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {},
    "strips, big-endian": {"order": ">", "compression": 8},
    "tiles": {"tile": 128, "compression": 8},
    "separate strips": {"separate": True},
    "separate tiles, big-endian": {"separate": True, "tile": 128, "order": ">", "compression": 8},
}


def opened(folder: Path, content: bytes) -> pyvips.Image:
    (folder / "photo").write_bytes(content)
    with picture_errors():
        return open_upright(folder / "photo", LIMITS).copy_memory()


def furthest(image: pyvips.Image, wanted: np.ndarray[Any, Any]) -> float:
    have = image.numpy().astype(float)
    assert have.shape[2] == max(3, wanted.shape[2])
    return float(np.abs(have - wanted).max())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("bits", [1, 2, 3, 5, 7, 8, 10, 12, 14, 15, 16, 24, 32])
@pytest.mark.parametrize("picture", ["colours", "grey", "grey, white is 0"])
def test_unsigned_samples_of_any_width_show_the_same_picture(
    tmp_path: Path, layout: str, bits: int, picture: str
) -> None:
    most = 2**bits - 1
    stored = np.rint((COLOURS if picture == "colours" else GREY) / 255 * most).astype(np.int64)
    wanted = stored / most * 255
    if picture == "grey, white is 0":
        stored = most - stored
    photometric = {"colours": 2, "grey": 1, "grey, white is 0": 0}[picture]
    image = opened(tmp_path, tiff(stored, bits=bits, photometric=photometric, **LAYOUTS[layout]))
    assert furthest(image, wanted) <= 1


FLOATS = {
    "steps of 1/255": (COLOURS / 255, COLOURS, "0 to 1"),
    "grey": (GREY / 255, GREY, "0 to 1"),
    "whole numbers": (COLOURS.astype(float), COLOURS, "0 to 255"),
    "light": (linear(COLOURS), COLOURS, "linear light"),
}
"""Samples, what they are to show, and what is said."""


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("bits", [16, 32, 64])
@pytest.mark.parametrize("kind", FLOATS)
def test_float_samples_are_taken_for_what_they_look_like_and_a_note_says_so(
    tmp_path: Path, layout: str, bits: int, kind: str
) -> None:
    samples, wanted, said = FLOATS[kind]
    photometric = 1 if kind == "grey" else 2
    image = opened(tmp_path, tiff(samples, bits=bits, number=3, photometric=photometric, **LAYOUTS[layout]))
    assert furthest(image, wanted) <= 2
    assert said in colour.note(image)


def test_the_note_on_float_samples_reaches_what_is_said_of_the_sent_picture(tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(tiff(GREY / 255, bits=32, number=3, photometric=1))
    assert fit(tmp_path / "photo", tmp_path / "sent", LIMITS).note == "Float samples were taken as 0 to 1."


def test_light_brighter_than_white_is_rolled_off_and_the_rest_stays(tmp_path: Path) -> None:
    light = linear(COLOURS)
    light[:6] = 4.0
    image = opened(tmp_path, tiff(light, bits=32, number=3)).numpy().astype(float)
    dark = light.max(axis=2) < 0.65
    assert np.abs(image - COLOURS)[dark].max() <= 2
    assert image[:6].min() == 255
    assert image[60, 80].max() < 255


@pytest.mark.parametrize(
    ("samples", "bits"),
    [
        (COLOURS.astype(int) - 128, 8),
        (COLOURS.astype(int) * 257 - 32_768, 16),
        (np.rint(COLOURS / 255 * 32_767), 16),
        (COLOURS.astype(int), 32),
        (COLOURS.astype(int) * 257, 32),
    ],
    ids=["8 bits", "16 bits", "16 bits above 0", "8 bits in 32", "16 bits in 32"],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_signed_samples_are_stretched_over_the_range_they_use(
    tmp_path: Path, layout: str, samples: np.ndarray[Any, Any], bits: int
) -> None:
    image = opened(tmp_path, tiff(samples, bits=bits, number=2, **LAYOUTS[layout]))
    assert furthest(image, COLOURS) <= 1
    assert colour.note(image)


@pytest.mark.parametrize(
    "samples",
    [COLOURS / 255 * 2 - 1, COLOURS * 1000.5, np.full_like(COLOURS, np.nan, dtype=float), CLEAR.astype(float)],
    ids=["-1 to 1", "measures", "no numbers", "nothing"],
)
def test_float_samples_whose_range_is_unclear_are_refused(tmp_path: Path, samples: np.ndarray[Any, Any]) -> None:
    with pytest.raises(PictureRefusedError, match="nothing says what is black") as refusal:
        opened(tmp_path, tiff(samples, bits=32, number=3, photometric=2 if samples.shape[2] == 3 else 1))
    assert refusal.value.code == "unsupported"


def test_float_samples_with_a_profile_go_through_it(tmp_path: Path) -> None:
    tagged = {34675: (7, profile("p3"))}
    deep = opened(tmp_path, tiff(COLOURS.astype(int) * 257, bits=16, more=tagged)).numpy()
    floats = opened(tmp_path, tiff(COLOURS / 255, bits=32, number=3, more=tagged))
    assert furthest(floats, deep) <= 1
    assert furthest(floats, COLOURS) > 10


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("bits", [8, 16])
def test_an_extra_sample_is_alpha_only_if_it_says_so(tmp_path: Path, layout: str, bits: int) -> None:
    factor, options = {8: 1, 16: 257}[bits], {"bits": bits, **LAYOUTS[layout]}
    with_half = np.concatenate([COLOURS, HALF], -1)

    def image(*bands: np.ndarray[Any, Any], extra: list[int]) -> pyvips.Image:
        stored = np.concatenate([np.asarray(band, dtype=int) for band in bands], -1) * factor
        return opened(tmp_path, tiff(stored, extra=extra, **options))

    assert furthest(image(COLOURS, CLEAR, extra=[0]), COLOURS) <= 1
    assert furthest(image(COLOURS, CLEAR, extra=[]), COLOURS) <= 1
    assert furthest(image(COLOURS, HALF, extra=[2]), with_half) <= 1
    assert furthest(image(COLOURS, CLEAR, HALF, extra=[0, 2]), with_half) <= 1
    assert furthest(image(np.rint(COLOURS * (128 / 255)), HALF, extra=[1]), with_half) <= 2


@pytest.mark.parametrize("layout", LAYOUTS)
def test_lab_of_8_and_16_bits_shows_the_same_picture(tmp_path: Path, layout: str) -> None:
    lab = pyvips.Image.new_from_array(COLOURS).copy(interpretation="srgb").colourspace("lab").numpy()
    lightness, others = lab[:, :, :1], lab[:, :, 1:]

    def image(bits: int, photometric: int, *bands: np.ndarray[Any, Any]) -> pyvips.Image:
        stored = np.rint(np.concatenate(bands, -1)).astype(int) % 2**bits
        return opened(tmp_path, tiff(stored, bits=bits, photometric=photometric, **LAYOUTS[layout]))

    assert furthest(image(16, 8, lightness * 655.35, others * 256), COLOURS) <= 2
    assert furthest(image(16, 9, lightness * 652.8, others * 256 + 32_768), COLOURS) <= 2
    assert furthest(image(8, 8, lightness * 2.55, others), COLOURS) <= 16  # 8 bits of Lab are coarse
    assert furthest(image(8, 9, lightness * 2.55, others + 128), COLOURS) <= 16


def test_a_spot_colour_beside_cmyk_changes_nothing(tmp_path: Path) -> None:
    inks = np.concatenate([255 - COLOURS, CLEAR], -1)
    plain = opened(tmp_path, tiff(inks, photometric=5)).numpy()
    assert furthest(opened(tmp_path, tiff(np.concatenate([inks, HALF], -1), photometric=5, extra=[0])), plain) == 0


def test_the_header_of_a_deep_tiff_tells_its_size_and_kind(tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(tiff(COLOURS / 255, bits=32, number=3, more={274: (3, [6])}))
    info = identify(tmp_path / "photo")
    assert (info.upright_width, info.upright_height, info.bits, info.has_alpha) == (66, 83, 32, False)


def test_a_tiff_whose_decoder_only_warns_of_what_it_made_up_is_damaged(tmp_path: Path) -> None:
    """libtiff fills up a JPEG strip that ends early, and libvips takes it."""
    noise = pyvips.Image.gaussnoise(300, 300, mean=128, sigma=40).cast("uchar").bandjoin([90, 60])
    write: Callable[..., bytes] = noise.copy(interpretation="srgb").tiffsave_buffer
    for tiled in (False, True):
        content = bytearray(write(compression="jpeg", tile=tiled))
        content[len(content) // 2 + 500 : len(content) // 2 + 2500] = bytes(2000)
        with pytest.raises(PictureRefusedError, match="cannot be read to its end"):
            opened(tmp_path, bytes(content))
