"""The same picture is cut out once, as long as there is room to remember it."""

import pytest
from PIL import Image

from stand_in import cutter
from stand_in.cutter import Cutter


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> list[Image.Image]:
    """The pictures that were cut out."""
    cuts: list[Image.Image] = []

    def cut(picture: Image.Image) -> Image.Image:
        cuts.append(picture)
        return picture.convert("RGBA")

    monkeypatch.setattr(cutter, "cut_by_ellipse", cut)
    return cuts


def test_a_picture_is_cut_out_once_in_each_format(cuts: list[Image.Image]) -> None:
    cutter_, picture = Cutter(segmentation=False), Image.new("RGB", (8, 8))
    assert cutter_.cut(picture, "a", "png") == cutter_.cut(picture, "a", "png")
    assert len(cuts) == 1
    cutter_.cut(picture, "a", "webp")
    cutter_.cut(picture, "b", "png")
    assert len(cuts) == 3


def test_the_picture_that_was_not_asked_for_the_longest_is_forgotten_first(
    cuts: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    cutter_, picture = Cutter(segmentation=False), Image.new("RGB", (8, 8))
    size = len(cutter_.cut(picture, "a", "png"))
    monkeypatch.setattr(cutter, "REMEMBERED_BYTES", 2 * size)
    for name in ("b", "a", "c"):  # there is room for two of them
        cutter_.cut(picture, name, "png")
    assert len(cuts) == 3
    cutter_.cut(picture, "a", "png")
    assert len(cuts) == 3
    cutter_.cut(picture, "b", "png")
    assert len(cuts) == 4
