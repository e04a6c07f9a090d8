"""What is found out about an answer: how fine its alpha really is, and whether the photo has more to say."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from dropcut.imaging.answer_detail import AS_LARGE_AS_IT_IS, AnswerDetail, detail_of

Pixels = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 1500, 1000


def strands(width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """Thin lines in all directions, by area."""
    large = np.zeros((height * 2, width * 2), np.uint8)
    rng = np.random.default_rng(5)
    for _ in range(250):
        start, end = (rng.integers(0, (width * 2, height * 2)).tolist() for _ in range(2))
        cv2.line(large, start, end, 255, int(rng.integers(2, 8)), cv2.LINE_AA)
    return cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def photo_of(alpha: Pixels, contrast: int = 120, texture: float = 0) -> Pixels:
    """Lighter than the wall behind by so many levels; both may have a texture of so many levels."""
    rng = np.random.default_rng(2)
    weave = cv2.GaussianBlur(rng.normal(0, 1, alpha.shape), (0, 0), 1.2)
    levels = 90 + alpha / 255.0 * contrast + weave / weave.std() * texture + rng.normal(0, 1.5, alpha.shape)
    return np.repeat(np.clip(np.rint(levels), 0, 255)[..., None], 3, axis=2).astype(np.uint8)


def coarse(alpha: Pixels, longer_side: int, kernel: int = cv2.INTER_CUBIC) -> Pixels:
    """Seen at so many pixels, and enlarged again."""
    height, width = alpha.shape
    share = longer_side / max(width, height)
    low = cv2.resize(alpha, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
    return cv2.resize(low, (width, height), interpolation=kernel).astype(np.uint8)


def found(photo: Pixels, alpha: Pixels) -> AnswerDetail:
    guide = pyvips.Image.new_from_array(photo).copy(interpretation="srgb")
    return detail_of(guide, pyvips.Image.new_from_array(alpha))


def test_a_sharp_answer_is_as_fine_as_it_is_large() -> None:
    assert found(photo_of(strands()), strands()) == AS_LARGE_AS_IT_IS


@pytest.mark.parametrize("kernel", [cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4])
@pytest.mark.parametrize(("longer_side", "share"), [(600, (0.3, 0.4)), (400, (0.3,))])
def test_an_answer_that_was_enlarged_is_found_out(longer_side: int, share: tuple[float, ...], kernel: int) -> None:
    assert found(photo_of(strands()), coarse(strands(), longer_side, kernel)).share in share


@pytest.mark.parametrize("change", [cv2.erode, cv2.dilate])
def test_an_answer_off_by_a_pixel_is_as_good_as_a_coarse_one(change: object) -> None:
    alpha = change(strands(), np.ones((3, 3), np.uint8))  # type: ignore[operator]
    assert found(photo_of(strands()), alpha).share < 1


def test_a_texture_that_has_nothing_to_do_with_alpha_is_not_followed() -> None:
    detail = found(photo_of(strands(), contrast=10, texture=14), strands())
    assert detail == AnswerDetail(share=1, photo_tells=False)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_answer_without_an_edge_is_taken_as_it_is(level: int) -> None:
    alpha = np.full((HEIGHT, WIDTH), level, np.uint8)
    assert found(photo_of(strands()), alpha).share == 1


@pytest.mark.parametrize(("width", "height"), [(512, 512), (3000, 100), (1024, 161)])
def test_a_small_or_narrow_answer_is_taken_without_an_error(width: int, height: int) -> None:
    alpha = strands(width, height)
    assert found(photo_of(alpha), alpha) == AS_LARGE_AS_IT_IS
