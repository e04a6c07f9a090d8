"""What is measured on a cut-out and its photo: a striped disk before a wall, cut out well and in every wrong way."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from dropcut.core.quality import Measures, quality_of
from dropcut.imaging.quality import measures_of

Bytes = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 480, 360
MIDDLE, RADIUS = (240, 180), 110


def disk(x: int, y: int, radius: int, level: int = 255, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Bytes:
    alpha = np.zeros(size[::-1], np.uint8)
    cv2.circle(alpha, (x, y), radius, level, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(alpha, (0, 0), 0.8).astype(np.uint8)


SUBJECT = disk(*MIDDLE, RADIUS)


def photo_of(alpha: Bytes, *, colour: tuple[int, int, int] = (160, 60, 40), contrast: float = 8) -> Bytes:
    """A thing with stripes of 40 pixels before a grey wall; both have structure, and the sensor its noise."""
    rng = np.random.default_rng(1)
    height, width = alpha.shape

    def cloth(colour: tuple[int, int, int]) -> npt.NDArray[np.float32]:
        grid = rng.normal(0, contrast, (height // 12 + 2, width // 12 + 2)).astype(np.float32)
        large = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        return large[..., None] + np.array(colour, np.float32)

    subject = cloth(colour)
    subject[:, (np.arange(width) // 40) % 2 == 1] += 3 * contrast
    part = alpha[..., None] / 255
    mixed = part * subject + (1 - part) * cloth((120, 130, 140)) + rng.normal(0, 1.5, (height, width, 3))
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


PHOTO = photo_of(SUBJECT)


def measured(photo: Bytes, alpha: Bytes) -> Measures:
    answer = np.dstack([np.where(alpha[..., None] > 0, photo, 0), alpha]).astype(np.uint8)
    return measures_of(pyvips.Image.new_from_array(photo), pyvips.Image.new_from_array(answer))


def codes(photo: Bytes, alpha: Bytes) -> list[str]:
    return [doubt.code for doubt in quality_of(measured(photo, alpha)).doubts]


def with_(*more: Bytes) -> Bytes:
    return np.maximum.reduce([SUBJECT, *more])


def without(*gone: Bytes) -> Bytes:
    return np.minimum.reduce([SUBJECT, *[255 - each for each in gone]])


def right_part_gone() -> Bytes:
    gone = np.zeros_like(SUBJECT)
    gone[:, 220:] = 255
    return without(gone)


def stripes_gone() -> Bytes:
    gone = np.zeros_like(SUBJECT)
    for x in (212, 296):
        gone[:, x : x + 12] = 255
    return without(gone)


GOOD: dict[str, Callable[[], Bytes]] = {
    "true": lambda: SUBJECT,
    "eroded by a pixel": lambda: disk(*MIDDLE, RADIUS - 1),
    "dilated by a pixel": lambda: disk(*MIDDLE, RADIUS + 1),
    "coarse": lambda: np.asarray(
        cv2.resize(cv2.resize(SUBJECT, (240, 180), interpolation=cv2.INTER_AREA), (WIDTH, HEIGHT)), np.uint8
    ),
    "binary": lambda: np.where(SUBJECT > 127, 255, 0).astype(np.uint8),
}
BAD: dict[str, tuple[Callable[[], Bytes], set[str]]] = {
    "empty": (lambda: np.zeros_like(SUBJECT), {"nothing_left"}),
    "one speck": (lambda: disk(30, 30, 3), {"nothing_left"}),
    "all kept": (lambda: np.full_like(SUBJECT, 255), {"nothing_removed"}),
    "all but a corner": (lambda: 255 - disk(0, 0, 30), {"nothing_removed"}),
    "the background": (lambda: 255 - SUBJECT, {"background_kept"}),
    "half missing": (right_part_gone, {"cut_off", "part_missing", "subject_too_small"}),
    "eroded": (lambda: disk(*MIDDLE, RADIUS - 12), {"cut_off"}),
    "dilated": (lambda: disk(*MIDDLE, RADIUS + 12), {"cut_off"}),
    "islands": (lambda: with_(disk(50, 60, 14), disk(420, 300, 16)), {"background_islands"}),
    "holes": (lambda: without(disk(200, 160, 12), disk(280, 220, 14)), {"holes"}),
    "in stripes": (stripes_gone, {"cut_off", "pieces"}),
    "a patch of the wall": (lambda: disk(60, 60, 35), {"cut_off", "subject_too_small"}),
    "blurred": (lambda: cv2.GaussianBlur(SUBJECT, (0, 0), 24).astype(np.uint8), {"soft_all_over"}),
    "a ghost": (lambda: (SUBJECT * 0.5).astype(np.uint8), {"soft_all_over"}),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_cut_out_is_not_doubted(name: str) -> None:
    assert codes(PHOTO, GOOD[name]()) == []


@pytest.mark.parametrize("name", BAD)
def test_a_bad_cut_out_is_doubted_for_what_is_wrong(name: str) -> None:
    make, expected = BAD[name]
    assert set(codes(PHOTO, make())) == expected


@pytest.mark.parametrize("name", GOOD)
def test_what_lies_along_a_good_outline_does_not_count_as_removed(name: str) -> None:
    found = measured(PHOTO, GOOD[name]())
    assert found.more_of_it < 0.001
    assert found.something_else < 0.001


def test_a_thing_in_nearly_the_colour_of_the_wall_is_not_cut_off() -> None:
    photo = photo_of(SUBJECT, colour=(128, 138, 148), contrast=1)
    assert codes(photo, SUBJECT) == []
    assert "cut_off" in codes(photo, disk(*MIDDLE, RADIUS - 12))


def test_two_subjects_and_a_hole_that_the_photo_shows_are_right() -> None:
    ring = np.minimum(disk(130, 180, 90), 255 - disk(130, 180, 45))
    both = np.maximum(ring, disk(350, 180, 90))
    photo = photo_of(both)
    assert codes(photo, both) == []
    assert measured(photo, both).pieces == 2
    assert "holes" not in codes(photo, both)
    filled = np.maximum(both, disk(130, 180, 90))
    assert "cut_off" not in codes(photo, filled)  # its outline is right: this is not looked at


def test_a_subject_that_ends_at_the_photos_edge_is_not_cut_off() -> None:
    alpha = disk(240, 360, 160)
    assert codes(photo_of(alpha), alpha) == []


@pytest.mark.parametrize("scale", [1, 4])
def test_the_measures_do_not_depend_on_the_size_of_the_picture(scale: int) -> None:
    def enlarged(pixels: Bytes) -> Bytes:
        return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.uint8)

    found = measured(enlarged(PHOTO), enlarged(with_(disk(50, 60, 14))))
    assert found.kept == pytest.approx(0.221, abs=0.01)
    assert (found.pieces, found.loose_islands, found.loose_holes) == (2, 1, 0)
    assert 0.04 < found.loose_outline < 0.16
    assert found.steepness > 0.5


def test_the_shares_are_those_of_the_alpha() -> None:
    alpha = np.zeros_like(SUBJECT)
    alpha[:, : WIDTH // 4] = 255
    alpha[:, WIDTH // 4 : WIDTH // 2] = 128
    found = measured(PHOTO, alpha)
    assert found.kept == pytest.approx(0.375, abs=0.01)
    assert found.kept_of_frame == pytest.approx((1 + 0 + 0.375 + 0.375) / 4, abs=0.01)
    assert found.opaque == pytest.approx(0.5, abs=0.02)


def test_the_longest_loose_stretch_is_a_part_of_the_diagonal() -> None:
    """A straight cut from the top to the bottom of a flat photo, then two that are half as long."""
    flat = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    cut = np.zeros_like(SUBJECT)
    cut[:, : WIDTH // 2] = 255
    diagonal = float(np.hypot(WIDTH, HEIGHT))
    assert measured(flat, cut).longest_loose == pytest.approx(HEIGHT / diagonal, rel=0.15)
    flat[HEIGHT // 3 : 2 * HEIGHT // 3, : WIDTH // 2] = 30
    assert measured(flat, cut).longest_loose == pytest.approx(HEIGHT / 3 / diagonal, rel=0.25)
    assert measured(PHOTO, SUBJECT).longest_loose == 0


def test_a_loose_stretch_is_doubted_also_beside_a_long_outline_that_is_right() -> None:
    lattice = np.zeros_like(SUBJECT)
    lattice[40:320, 40:440] = 255
    for x in range(50, 430, 40):
        for y in range(50, 310, 40):
            lattice[y : y + 28, x : x + 28] = 0
    photo = photo_of(lattice, contrast=2)
    assert codes(photo, lattice) == []
    kept_too = np.maximum(lattice, disk(420, 250, 55))
    assert measured(photo, kept_too).loose_outline < 0.02
    assert "cut_off" in codes(photo, kept_too)


def test_more_of_the_subject_and_something_else_are_distinguished() -> None:
    """Two discs of one colour and one of another: what is left of each is a third of the first."""
    first, second = disk(100, 180, 60), disk(240, 180, 60)
    photo = photo_of(np.maximum(first, second))
    alike = measured(photo, first)
    assert alike.more_of_it == pytest.approx(0.9, abs=0.2)
    photo[second > 250] = photo[second > 250][:, ::-1] // 2
    unlike = measured(photo, first)
    assert unlike.more_of_it < 0.1
    assert unlike.something_else == pytest.approx(0.9, abs=0.2)


@pytest.mark.parametrize(("width", "height"), [(32, 32), (1200, 33), (33, 1200), (1, 1), (5, 3)])
def test_small_and_narrow_pictures_are_measured_too(width: int, height: int) -> None:
    alpha = disk(width // 2, height // 2, min(width, height) // 3, size=(width, height))
    found = measured(photo_of(alpha), alpha)
    assert 0 <= quality_of(found).score <= 1


def test_an_alpha_of_noise_is_measured_too() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
    assert quality_of(measured(PHOTO, noise)).doubts
