"""PNG files as other decoders see them, and what happens when one cannot be written."""

from pathlib import Path
from random import Random

import pytest
import pyvips
from dropcut.imaging.colour import PROFILE
from dropcut.imaging.png import write_png
from PIL import Image, ImageCms

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def noise(width: int, height: int, bands: int) -> pyvips.Image:
    pixels = Random(0).randbytes(width * height * bands)
    return pyvips.Image.new_from_memory(pixels, width, height, bands, "uchar").copy(interpretation="srgb")


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 1), (1, 300), (300, 5), (517, 389)])
def test_pillow_reads_the_same_pixels(tmp_path: Path, width: int, height: int, bands: int) -> None:
    image = noise(width, height, bands)
    write_png(image, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as read:
        assert (read.format, read.mode, read.size) == ("PNG", MODES[bands], (width, height))
        assert read.tobytes() == image.write_to_memory()


def test_libvips_reads_the_same_pixels_whatever_lies_before_them(tmp_path: Path) -> None:
    """Of a lazy image, read once from its top to its bottom: each line is needed for two lines of the file."""
    noise(900, 700, 3).jpegsave(str(tmp_path / "a.jpg"))
    lazily = pyvips.Image.jpegload(str(tmp_path / "a.jpg"), access="sequential").resize(1.7)
    write_png(lazily, tmp_path / "a.png")
    expected = pyvips.Image.jpegload(str(tmp_path / "a.jpg")).resize(1.7)
    read = pyvips.Image.pngload(str(tmp_path / "a.png"), fail_on="warning")
    assert (read - expected).abs().max() == 0


def test_a_profile_goes_along_and_nothing_else_does(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = noise(20, 10, 3).copy()
    image.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    image.set_type(pyvips.GValue.gstr_type, "png-comment-0-Comment", "taken at home")
    write_png(image, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as read:
        read.load()
        assert read.info == {"icc_profile": profile}


@pytest.mark.parametrize("side", [4, 1000])
def test_a_full_disc_is_an_error_of_the_disc(side: int) -> None:
    """Small: found out at the end. Large: while libvips calls."""
    with pytest.raises(OSError, match="No space left"):
        write_png(noise(side, side, 4), Path("/dev/full"))


def test_damage_further_down_is_an_error_of_the_picture(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    noise(600, 600, 3).jpegsave(str(photo))
    photo.write_bytes(photo.read_bytes()[:100_000])
    image = pyvips.Image.jpegload(str(photo), access="sequential", fail_on="error")
    with pytest.raises(pyvips.Error, match="premature end"):
        write_png(image, tmp_path / "a.png")
