"""What is seen of a picture that was written for a shop."""

from pathlib import Path
from typing import Any

import pytest
import pyvips
from dropcut.core.rendition_setting import READY_MADE
from dropcut.core.shop_rules import SHOPS
from dropcut.imaging.make_rendition import make_rendition
from dropcut.imaging.shop_check import seen_picture, shop_note

CUP = Path(__file__).parent / "cup-cut-out.png"


@pytest.fixture(scope="module")
def cup() -> pyvips.Image:
    return pyvips.Image.new_from_file(str(CUP))


GREY = (90, 90, 90)


def block(*, of: int = 1000, side: int = 860, colour: tuple[int, int, int] = GREY) -> pyvips.Image:
    """A square in the middle of a white one."""
    white = pyvips.Image.black(of, of, bands=3) + 255
    place = (of - side) // 2
    return white.draw_rect([*colour], place, place, side, side, fill=True).cast("uchar").copy(interpretation="srgb")


def written(image: pyvips.Image, folder: Path, **options: Any) -> Path:
    path = folder / "written.jpg"
    image.jpegsave(str(path), **{"Q": 90, **options})
    return path


@pytest.mark.parametrize("name", SHOPS)
def test_a_ready_made_rendition_keeps_its_shops_rules(cup: pyvips.Image, tmp_path: Path, name: str) -> None:
    made = make_rendition(cup, READY_MADE[name], tmp_path / name)
    assert shop_note(name, Path(made.path)) == ""
    seen = seen_picture(Path(made.path))
    assert (seen.width, seen.height, seen.size_bytes) == (made.width, made.height, made.size_bytes)
    assert seen.subject_share == pytest.approx(READY_MADE[name].subject_percent, abs=0.7)


@pytest.mark.parametrize("side", [300, 640, 860])
@pytest.mark.parametrize("of", [500, 1000, 3000])
def test_the_subjects_share_is_measured_at_every_size(tmp_path: Path, of: int, side: int) -> None:
    seen = seen_picture(written(block(of=of, side=side * of // 1000), tmp_path))
    assert side / 10 <= seen.subject_share + 0.1 <= side / 10 + 100 * 2 * 8 / of + 0.1


@pytest.mark.parametrize(("colour", "most"), [((0, 0, 0), 87.3), ((220, 30, 40), 87.3), ((20, 40, 230), 88)])
def test_the_ripples_of_a_jpeg_are_no_subject(tmp_path: Path, colour: tuple[int, int, int], most: float) -> None:
    seen = seen_picture(written(block(colour=colour), tmp_path, Q=60, subsample_mode="on"))
    assert 86 <= seen.subject_share <= most  # 87.2 by blocks of 8 pixels, 88 by the 16 that share their colour
    assert seen.darkest_border == 255


def test_a_file_that_was_written_anew_is_looked_at_anew(tmp_path: Path) -> None:
    for side in (400, 800):
        assert seen_picture(written(block(side=side), tmp_path)).subject_share == pytest.approx(side / 10, abs=1.6)


@pytest.mark.parametrize("place", [(0, 0), (999, 0), (0, 999), (999, 999), (500, 0), (0, 500), (999, 500), (500, 999)])
def test_one_pixel_on_the_border_that_is_not_white_is_seen(tmp_path: Path, place: tuple[int, int]) -> None:
    spotted = block().draw_rect([255, 251, 255], *place, 1, 1)
    path = tmp_path / "spotted.png"
    spotted.pngsave(str(path))
    assert seen_picture(path).darkest_border == 251


def test_one_pixel_within_the_border_is_not_of_the_border(tmp_path: Path) -> None:
    path = tmp_path / "spotted.png"
    block().draw_rect([0, 0, 0], 1, 1, 1, 1).pngsave(str(path))
    assert seen_picture(path).darkest_border == 255


def test_a_subject_that_ends_at_the_frame_is_said(tmp_path: Path) -> None:
    path = written(block(side=1000), tmp_path)
    assert "the darkest place on the border is" in shop_note("amazon_main", path)
    assert "it takes 100.0 %" in shop_note("google_shopping", path)


def test_an_all_white_picture_has_no_subject(tmp_path: Path) -> None:
    path = written(block(colour=(255, 255, 255)), tmp_path)
    assert seen_picture(path).subject_share == 0
    assert "it takes 0.0 %" in shop_note("amazon_main", path)


def test_a_rendition_that_is_for_no_shop_has_no_note(tmp_path: Path) -> None:
    assert shop_note("web", tmp_path / "not even written") == ""


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 2), (1, 900)])
def test_the_smallest_pictures_are_looked_at_too(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "small.png"
    (pyvips.Image.black(width, height, bands=3) + 7).cast("uchar").copy(interpretation="srgb").pngsave(str(path))
    seen = seen_picture(path)
    assert (seen.darkest_border, seen.subject_share) == (7, 100)
