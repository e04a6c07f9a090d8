"""A wrong checksum or a missing end marker is put right once; whatever else is wrong stays refused."""

from pathlib import Path

import pytest
import pyvips
from dropcut.core import picture_refusals
from dropcut.core.picture_limits import PictureRefusedError
from dropcut.imaging.repaired import with_repair

from tests.functions.odd_photos import wrong_adler
from tests.functions.pictures import picture

JPEG = picture("jpeg", width=200, height=200)


def strictly(photo: Path) -> float:
    """The mean of all pixels, read by a decoder that forgives nothing."""
    return float(pyvips.Image.new_from_file(str(photo), access="sequential", fail_on="warning").avg())


@pytest.mark.parametrize(
    "content",
    [JPEG, JPEG[:-2], JPEG[:-1], wrong_adler()],
    ids=["sound", "no end marker", "half an end marker", "a PNG's checksum"],
)
def test_a_photo_with_all_its_pixels_is_read(tmp_path: Path, content: bytes) -> None:
    photo = tmp_path / "photo"
    photo.write_bytes(content)
    assert with_repair(strictly, photo) > 0
    assert photo.read_bytes() == content


@pytest.mark.parametrize("content", [JPEG[: len(JPEG) // 2], b"\xff\xd8\xff", b""], ids=["half", "a head", "nothing"])
def test_a_photo_that_lacks_pixels_stays_refused(tmp_path: Path, content: bytes) -> None:
    photo = tmp_path / "photo"
    photo.write_bytes(content)
    with pytest.raises(PictureRefusedError):
        with_repair(strictly, photo)


def test_another_refusal_is_not_tried_again(tmp_path: Path) -> None:
    photo, tries = tmp_path / "photo", []
    photo.write_bytes(JPEG[:-2])

    def refuse(photo: Path) -> None:
        tries.append(photo)
        raise PictureRefusedError("too_many_pixels", "It has too many.")

    assert picture_refusals.DAMAGED != "too_many_pixels"
    with pytest.raises(PictureRefusedError, match="too many"):
        with_repair(refuse, photo)
    assert tries == [photo]
