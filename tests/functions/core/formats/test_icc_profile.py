"""A profile that is written here means what was stated: Little CMS reads it, and agrees with known ones."""

import io

import numpy as np
import pytest
from dropcut.core.formats.icc_profile import grey_profile, inverse, rgb_profile, times, to_xyz
from dropcut.core.formats.stated_colour import (
    ADOBE_RGB,
    SRGB_PRIMARIES,
    StatedColour,
    by_code_points,
    by_gamma,
)
from PIL import Image, ImageCms

from tests.functions.odd_photos import coded
from tests.functions.photos_of_all_kinds import profile

COLOURS = np.random.default_rng(0).integers(100, 160, (32, 32, 3), dtype=np.uint8)
BT_2020, P3 = by_code_points(9, 13), by_code_points(12, 13)


def in_srgb(icc: bytes, levels: np.ndarray, mode: str = "RGB") -> np.ndarray:  # type: ignore[type-arg]
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", renderingIntent=intent)
    return np.asarray(ImageCms.applyTransform(Image.fromarray(levels), transform)).astype(int)  # type: ignore[arg-type]


@pytest.mark.parametrize("stated", [StatedColour(), P3, ADOBE_RGB, BT_2020, by_code_points(6, 4), by_code_points(1, 8)])
def test_what_is_coded_in_a_space_comes_back_through_its_profile(stated: StatedColour) -> None:
    assert np.abs(in_srgb(rgb_profile(stated), coded(stated, COLOURS)) - COLOURS).max() <= 3


def test_display_p3_is_what_others_take_it_for() -> None:
    levels = np.random.default_rng(1).integers(100, 160, (32, 32, 3), dtype=np.uint8)
    assert np.abs(in_srgb(rgb_profile(P3), levels) - in_srgb(profile("p3"), levels)).max() <= 1


def test_a_grey_profile_has_the_curve_that_was_stated() -> None:
    levels = np.arange(0, 256, 5, dtype=np.uint8).reshape(1, -1)
    linear = in_srgb(grey_profile(StatedColour(transfer="gamma", gamma=1.0)), levels, "L")
    assert linear[0, 26, 0] == pytest.approx(255 * (1.055 * (130 / 255) ** (1 / 2.4) - 0.055), abs=1.5)
    assert np.abs(in_srgb(grey_profile(StatedColour()), levels, "L")[:, :, 0] - levels).max() <= 1


def test_white_is_the_sum_of_the_primaries() -> None:
    white = [sum(row) for row in to_xyz(SRGB_PRIMARIES)]
    assert white == pytest.approx([0.3127 / 0.329, 1, (1 - 0.3127 - 0.329) / 0.329])
    assert times(inverse(to_xyz(SRGB_PRIMARIES)), to_xyz(SRGB_PRIMARIES))[1] == pytest.approx((0, 1, 0), abs=1e-9)


@pytest.mark.parametrize(
    ("stated", "is_srgb"),
    [
        (by_code_points(1, 13), True),
        (by_code_points(1, 1), True),
        (by_code_points(2, 2), True),
        (by_code_points(250, 251), True),
        (by_code_points(12, 13), False),
        (by_code_points(1, 16), False),
        (by_code_points(1, 8), False),
        (by_gamma(0.45455, None), True),
        (by_gamma(0.45455, (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)), True),
        (by_gamma(0.45455, ADOBE_RGB.primaries), False),
        (by_gamma(1.0, None), False),
        (by_gamma(None, SRGB_PRIMARIES), True),
    ],
)
def test_what_is_srgb_in_other_words_is_known(stated: StatedColour, is_srgb: bool) -> None:
    assert stated.is_srgb is is_srgb
