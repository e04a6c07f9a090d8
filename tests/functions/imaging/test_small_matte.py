"""Where alpha counts as the same all around: the only places at which nothing is worked out."""

import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from dropcut.imaging.small_matte import CLEAR, EDGE_SIDE, OPAQUE, SmallMatte, small_matte

Pixels = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 40, 30
ACROSS, DOWN = 17, 12
"""Where the pixel or the line is that differs from all others."""
REACH = EDGE_SIDE // 2

THINGS = {
    "pixel": (slice(DOWN, DOWN + 1), slice(ACROSS, ACROSS + 1)),
    "upright line": (slice(None), slice(ACROSS, ACROSS + 1)),
    "level line": (slice(DOWN, DOWN + 1), slice(None)),
    "pixel in the corner": (slice(0, 1), slice(WIDTH - 1, WIDTH)),
}
"""Rows and columns."""


def matte_of(alpha: Pixels) -> SmallMatte:
    """Of a photo that shows what alpha says, lighter than what is behind it."""
    shown = np.repeat(60 + alpha[..., None] // 2, 3, axis=2).astype(np.uint8)
    photo = pyvips.Image.new_from_array(shown).copy(interpretation="srgb")
    return small_matte(photo, pyvips.Image.new_from_array(alpha), photo)


def all_of(level: int) -> Pixels:
    return np.full((HEIGHT, WIDTH), level, np.uint8)


def window(rows: slice, columns: slice) -> npt.NDArray[np.bool_]:
    """What is within reach of these pixels."""
    there = np.zeros((HEIGHT, WIDTH), bool)
    there[rows, columns] = True
    padded = np.pad(there, REACH)
    return np.any(
        [padded[y : y + HEIGHT, x : x + WIDTH] for y in range(EDGE_SIDE) for x in range(EDGE_SIDE)], axis=0
    ).astype(bool)


@pytest.mark.parametrize("level", [CLEAR, OPAQUE])
def test_where_alpha_is_the_same_all_over_there_is_no_edge(level: int) -> None:
    matte = matte_of(all_of(level))
    assert (matte.edges.numpy() == 0).all()
    assert (matte.opaque.numpy() == level).all()


@pytest.mark.parametrize(("level", "other"), [(OPAQUE, CLEAR), (CLEAR, OPAQUE), (OPAQUE, OPAQUE - 1), (CLEAR, 1)])
@pytest.mark.parametrize("thing", THINGS)
def test_the_thinnest_thing_is_an_edge_as_far_as_it_reaches(thing: str, level: int, other: int) -> None:
    alpha = all_of(level)
    alpha[THINGS[thing]] = other
    matte, near = matte_of(alpha), window(*THINGS[thing])
    assert ((matte.edges.numpy() == 255) == near).all()
    assert ((matte.opaque.numpy() == 255) == (~near if level == OPAQUE else np.zeros_like(near))).all()
