"""The layer under a subject: where it is dark, how dark, and that it looks alike at every size."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from dropcut.core.shadow import Shadow
from dropcut.imaging.shadow import room_for, shadow_layer

Levels = npt.NDArray[np.uint8]
SIDE = 400
LEFT, TOP, RIGHT, BOTTOM = 120, 80, 280, 320
"""The subject's box."""


def alpha_of_the_layer(alpha: Levels, **described: float) -> Levels:
    layer = shadow_layer(pyvips.Image.new_from_array(alpha), Shadow(**described)).numpy()
    assert layer.shape == (*alpha.shape, 4)
    assert layer.dtype == np.uint8
    assert not layer[..., :3].any()
    return np.asarray(layer[..., 3])


def block(scale: int = 1) -> Levels:
    alpha = np.zeros((SIDE * scale, SIDE * scale), np.uint8)
    alpha[TOP * scale : BOTTOM * scale, LEFT * scale : RIGHT * scale] = 255
    return alpha


def middle_row(shadow: Levels) -> float:
    weights = shadow.astype(float).sum(1)
    return float((weights * np.arange(len(shadow))).sum() / weights.sum())


@pytest.mark.parametrize("opacity", [1, 35, 100])
def test_the_darkest_place_is_as_dark_as_asked_for(opacity: float) -> None:
    for blur in (0, 2, 15):
        darkest = alpha_of_the_layer(block(), opacity_percent=opacity, blur_percent=blur).max()
        assert darkest == pytest.approx(2.55 * opacity, abs=2)


def test_the_shadow_lies_at_the_foot_and_nowhere_else() -> None:
    shadow = alpha_of_the_layer(block())
    assert shadow[BOTTOM + 3, (LEFT + RIGHT) // 2] > 20
    assert shadow[BOTTOM + 3, LEFT + 10] > 10
    assert shadow[: (TOP + BOTTOM) // 2].max() == 0
    assert shadow[:, : LEFT - 30].max() == 0
    assert np.abs(shadow.astype(int) - shadow[:, ::-1]).max() <= 2


def test_what_is_nearer_to_the_ground_casts_more_of_it() -> None:
    """A foot on the left, an arm high up on the right."""
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    alpha[100:320, 100:200] = 255
    alpha[100:140, 200:300] = 255
    darkest = alpha_of_the_layer(alpha, blur_percent=1).max(0)
    assert 0 < darkest[250] < darkest[150] / 2


def test_the_offset_moves_it_down_by_its_share_of_the_longer_side() -> None:
    rows = [middle_row(alpha_of_the_layer(block(), offset_percent=offset)) for offset in (0, 10)]
    assert rows[1] - rows[0] == pytest.approx(0.1 * (BOTTOM - TOP), abs=1.5)


@pytest.mark.parametrize("blur", [2, 6])
def test_the_blur_is_a_share_of_the_longer_side(blur: float) -> None:
    shadow = alpha_of_the_layer(block(), blur_percent=blur, offset_percent=8).astype(float)
    profile = shadow[BOTTOM - 4, : (LEFT + RIGHT) // 2] / shadow[BOTTOM - 4].max()
    reaches = {share: int(np.searchsorted(profile, share)) for share in (0.159, 0.841)}
    assert reaches[0.841] - reaches[0.159] == pytest.approx(2 * blur / 100 * (BOTTOM - TOP), abs=2.5)


@pytest.mark.parametrize("scale", [2, 5])
def test_it_looks_alike_at_every_size(scale: int) -> None:
    small, large = alpha_of_the_layer(block()), alpha_of_the_layer(block(scale))
    reduced = cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.astype(int) - small).max() <= 10
    assert np.abs(reduced.astype(int) - small).mean() < 0.5


def test_nothing_casts_no_shadow() -> None:
    assert not alpha_of_the_layer(np.zeros((30, 50), np.uint8)).any()


@pytest.mark.parametrize("place", [(0, 0, 400, 400), (0, 399, 1, 400), (395, 0, 400, 4), (0, 0, 3, 400)])
def test_a_subject_at_the_pictures_edge_has_a_shadow_too(place: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = place
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    alpha[top:bottom, left:right] = 255
    assert alpha_of_the_layer(alpha).max() > 80


@pytest.mark.parametrize(("width", "height"), [(160, 160), (40, 160), (160, 40), (160, 12), (160, 1)])
@pytest.mark.parametrize("blur", [0, 2.5, 8])
def test_it_stays_within_the_room_it_says(width: int, height: int, blur: float) -> None:
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    alpha[top : top + height, left : left + width] = 255
    described = Shadow(blur_percent=blur, offset_percent=3)
    room = room_for(described, width, height)
    rows, columns = np.nonzero(alpha_of_the_layer(alpha, blur_percent=blur, offset_percent=3) > 2)
    beside, above, below = left - columns.min(), top - rows.min(), rows.max() + 1 - top - height
    assert 0.7 * room.beside - 1 <= beside <= room.beside + 2
    assert 0.7 * room.below - 1 <= below <= room.below + 2
    assert above <= 1.1 * room.above + 2


def test_glass_casts_a_shadow_and_dust_below_it_does_not() -> None:
    glass = (block() * 0.3).astype(np.uint8)
    dusty = glass.copy()
    dusty[BOTTOM + 40] = 9
    assert np.array_equal(alpha_of_the_layer(dusty), alpha_of_the_layer(glass))
    assert alpha_of_the_layer(glass)[BOTTOM + 3, (LEFT + RIGHT) // 2] > 20
