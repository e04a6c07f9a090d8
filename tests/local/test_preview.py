"""Small pictures for the page, of whatever files a person has."""

import warnings
from pathlib import Path

import pytest
from PIL import Image

from local import preview
from local.page import Picture, Row, Run, render_page
from local.preview import make_preview


@pytest.mark.parametrize(("name", "mode"), [("a.png", "I;16"), ("a.tif", "I;16"), ("big-endian.tif", "I;16B")])
def test_grey_of_sixteen_bits_keeps_its_greys(tmp_path: Path, name: str, mode: str) -> None:
    """Pillow by itself makes white of nearly all of it."""
    picture = Image.new("I", (80, 64), 128 * 257).convert("I;16")
    if mode == "I;16B":
        picture = Image.frombytes(mode, picture.size, bytes([128, 128]) * (80 * 64))
    picture.save(tmp_path / name)
    assert make_preview(tmp_path / name, tmp_path / "preview.webp").file
    with Image.open(tmp_path / "preview.webp") as shown:
        assert shown.convert("L").getpixel((40, 32)) == pytest.approx(128, abs=2)


def test_a_picture_of_too_many_pixels_is_not_decoded_and_the_page_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A JPEG of as many is, as its decoder can shrink it on the way."""
    monkeypatch.setattr(preview, "_MOST_PIXELS", 2_000_000)
    large, jpeg = tmp_path / "large.png", tmp_path / "large.jpg"
    for file in (large, jpeg):
        Image.new("L", (2400, 2000)).save(file)
    not_shown = make_preview(large, tmp_path / "1.webp")
    assert (not_shown.file, not_shown.width, not_shown.height) == (None, 2400, 2000)
    assert make_preview(jpeg, tmp_path / "2.webp").file
    row = Row("large.png", "rejected", Picture(large, not_shown, 1), None, "no", 0.1, None)
    assert "too many pixels to be shown" in render_page([row], Run(1, True, "", photos=1), folder=tmp_path)


@pytest.mark.parametrize("times", [1.5, 2.5])
def test_what_pillow_warns_of_is_not_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: float) -> None:
    """A path of this machine's Python is nothing to a person who looks at photos."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(64 * 64 / times))
    Image.new("L", (64, 64)).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = make_preview(tmp_path / "a.png", tmp_path / "preview.webp")
    assert (made.file is None) == made.too_large == (times > 2)
