"""A photo and the API's answer become every rendition that is asked for; the full-size one is computed once."""

from pathlib import Path
from typing import Literal

import pytest
import pyvips
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError
from dropcut.core.quality import quality_of
from dropcut.core.rendition import RenditionFile
from dropcut.core.rendition_setting import read_renditions
from dropcut.imaging.decode import picture_errors
from dropcut.imaging.full_size import full_size_cutout
from dropcut.imaging.make_cutouts import make_cutouts, make_replacement
from dropcut.imaging.quality import measures_if_possible, measures_of

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


@pytest.mark.parametrize("size", [(800, 600), (400, 300)])
def test_photo_and_answer_are_shown_once_at_the_answers_size(photo: Path, answer: Path, size: tuple[int, int]) -> None:
    """Also where the answer has the photo's own size."""
    if size == (800, 600):
        pyvips.Image.new_from_file(str(answer)).resize(2).pngsave(str(answer.parent / "larger"))
        answer = answer.parent / "larger"
    seen: list[tuple[pyvips.Image, pyvips.Image]] = []
    folder = answer.parent / "made"
    folder.mkdir()
    make_cutouts(
        photo,
        answer,
        read_renditions(["full", "preview"]),
        folder,
        limits=LIMITS,
        colour="keep",
        look=lambda *pictures: seen.append(pictures),
    )
    ((guide, cutout),) = seen
    assert [(each.width, each.height, each.bands) for each in (guide, cutout)] == [(*size, 3), (*size, 4)]
    middle, corner = guide(size[0] // 2, size[1] // 2), guide(2, 2)
    assert middle[0] > middle[1]
    assert corner[1] > corner[0]
    assert quality_of(measures_of(guide, cutout)).doubts == ()


def test_without_the_photo_nothing_is_shown(answer: Path) -> None:
    folder = answer.parent / "made"
    folder.mkdir()

    def look(*_: pyvips.Image) -> None:
        raise AssertionError

    make_cutouts(None, answer, read_renditions([]), folder, limits=LIMITS, colour="keep", look=look)


def test_what_cannot_be_measured_has_no_measures_and_raises_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    black = pyvips.Image.black(40, 30, bands=3)
    assert measures_if_possible(black, black) is None  # there is no fourth band
    assert "Traceback" in capfd.readouterr().err


# ---- a person's own cut-out


def own_cutout(folder: Path, width: int, height: int, *, bands: int = 4) -> Path:
    disk = _disc(width, height)
    image = (disk > 0).ifthenelse(RED, 0).cast("uchar").bandjoin(disk).copy(interpretation="srgb")
    image[:bands].copy(interpretation="srgb").pngsave(str(folder / "own"))
    return folder / "own"


@pytest.mark.parametrize("size", [(400, 300), (1000, 750), (1001, 750), (200, 150), (57, 43)])
def test_a_persons_cut_out_is_made_into_renditions_at_its_own_size(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = own_cutout(tmp_path, *size)
    full, square = make_replacement(
        picture, (400, 300), read_renditions(["full", "white_square"]), tmp_path, limits=LIMITS
    )
    assert (full.width, full.height) == size
    assert (square.width, square.height) == (1600, 1600)


@pytest.mark.parametrize(
    ("size", "bands", "code"),
    [
        ((400, 300), 3, "no_alpha"),
        ((300, 400), 4, "another_shape"),
        ((400, 302), 4, "another_shape"),
        ((400, 400), 4, "another_shape"),
        ((8000, 6250), 4, "too_many_pixels"),
    ],
)
def test_a_persons_picture_that_is_no_cut_out_of_the_photo_is_refused(
    tmp_path: Path, size: tuple[int, int], bands: int, code: str
) -> None:
    picture = own_cutout(tmp_path, *size, bands=bands)
    limits = DecodeLimits(max_pixels=40_000_000, max_frames=10)
    with pytest.raises(PictureRefusedError) as refusal:
        make_replacement(picture, (400, 300), read_renditions([]), tmp_path, limits=limits)
    assert refusal.value.code == code
