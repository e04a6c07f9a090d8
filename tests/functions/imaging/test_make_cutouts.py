"""A photo and the API's answer become every rendition that is asked for; the full-size one is computed once."""

from pathlib import Path
from typing import Literal

import pytest
import pyvips
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError
from dropcut.core.rendition import RenditionFile
from dropcut.core.rendition_setting import read_renditions
from dropcut.imaging.decode import picture_errors
from dropcut.imaging.full_size import full_size_cutout
from dropcut.imaging.make_cutouts import make_cutouts

from tests.functions.photos_of_all_kinds import profile

LIMITS = DecodeLimits(max_pixels=50_000_000, max_frames=10)
RED, GREEN = [200, 20, 30], [20, 120, 60]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Red on green, 800 x 600, in Display P3."""
    image = (_disc(800, 600) > 127).ifthenelse(RED, GREEN).cast("uchar").copy(interpretation="srgb")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile("p3"))
    image.jpegsave(str(tmp_path / "photo"), Q=98, keep="icc")
    return tmp_path / "photo"


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    """The red alone, at half the size."""
    disk = _disc(400, 300)
    image = (disk > 0).ifthenelse(RED, 0).cast("uchar").bandjoin(disk).copy(interpretation="srgb")
    image.pngsave(str(tmp_path / "answer"))
    return tmp_path / "answer"


def _disc(width: int, height: int) -> pyvips.Image:
    """A white disk in the middle of black, as high as half the picture."""
    place = pyvips.Image.xyz(width, height) - [width / 2, height / 2]
    distance = (place[0] ** 2 + place[1] ** 2) ** 0.5
    return ((height / 4 - distance + 0.5) * 255).cast("uchar")


def make(
    original: Path | None, answer: Path, *listed: object, colour: Literal["srgb", "keep"] = "keep"
) -> list[RenditionFile]:
    folder = answer.parent / "made"
    folder.mkdir()
    return make_cutouts(original, answer, read_renditions(list(listed)), folder, limits=LIMITS, colour=colour)


def test_the_cutout_has_the_photos_size_and_its_profile(photo: Path, answer: Path) -> None:
    (made,) = make(photo, answer)
    picture = pyvips.Image.new_from_file(made.path)
    assert (picture.width, picture.height, picture.bands) == (made.width, made.height, 4) == (800, 600, 4)
    assert picture.get_typeof("icc-profile-data")
    assert picture(400, 300)[3] == 255
    assert picture(10, 10) == [0, 0, 0, 0]


def test_one_rendition_or_several_the_full_one_is_the_same_file(photo: Path, answer: Path) -> None:
    (alone,) = make(photo, answer)
    before = Path(alone.path).read_bytes()
    (answer.parent / "made").rename(answer.parent / "before")
    together, _other = make(photo, answer, "full", "preview")
    assert Path(together.path).read_bytes() == before


@pytest.mark.parametrize("colour", ["srgb", "keep"])
def test_other_renditions_are_srgb_whatever_the_full_one_is(
    photo: Path, answer: Path, colour: Literal["srgb", "keep"]
) -> None:
    full, square = make(photo, answer, "full", "white_square", colour=colour)
    assert bool(pyvips.Image.new_from_file(full.path).get_typeof("icc-profile-data")) is (colour == "keep")
    picture = pyvips.Image.new_from_file(square.path)
    assert not picture.get_typeof("icc-profile-data")
    assert picture(800, 800)[0] > RED[0] + 10  # P3's red lies further out than sRGB's of the same number


def test_the_photo_is_cut_out_once_for_all_renditions(
    photo: Path, answer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(*arguments: object, **more: object) -> pyvips.Image:
        calls.append(arguments)
        return full_size_cutout(*arguments, **more)  # type: ignore[arg-type] - handed on as they came

    monkeypatch.setattr("dropcut.imaging.make_cutouts.full_size_cutout", counted)
    made = make(photo, answer, "full", "amazon_main", "web", "preview", "mask")
    assert [each.rendition for each in made] == ["full", "amazon_main", "web", "preview", "mask"]
    assert len(calls) == 1


def test_without_the_photo_the_answer_alone_is_made_into_them(answer: Path) -> None:
    full, square = make(None, answer, "full", "white_square")
    assert (full.width, full.height) == (400, 300)
    assert (square.width, square.height) == (1600, 1600)


def test_a_photo_that_is_cut_off_is_refused(photo: Path, answer: Path) -> None:
    content = photo.read_bytes()
    photo.write_bytes(content[: len(content) // 2])
    with pytest.raises(PictureRefusedError) as refusal, picture_errors():
        make(photo, answer, "full", "preview")
    assert refusal.value.code == "damaged"
