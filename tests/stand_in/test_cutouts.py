"""The answer's picture: what was transparent stays so, and a PNG says who made it."""

import io

import pytest
from PIL import Image

from stand_in.cutouts import blurred, cut_by_ellipse, encoded, marked, with_alpha


def test_an_ellipse_touches_the_frame_and_leaves_the_corners() -> None:
    cut = cut_by_ellipse(Image.new("RGB", (60, 40), "red"))
    alpha = cut.getchannel("A")
    assert [alpha.getpixel(at) for at in [(0, 0), (59, 39), (30, 0), (0, 20), (30, 20)]] == [0, 0, 255, 255, 255]
    assert cut.getpixel((30, 20)) == (255, 0, 0, 255)


def test_what_was_transparent_in_the_photo_stays_so() -> None:
    photo = Image.new("RGBA", (2, 1), (9, 9, 9, 100))
    alpha = Image.frombytes("L", (2, 1), bytes([255, 0]))
    assert with_alpha(photo, alpha).getchannel("A").tobytes() == bytes([100, 0])


@pytest.mark.parametrize("output_format", ["png", "webp"])
def test_a_marked_picture_has_the_same_pixels(output_format: str) -> None:
    plain = encoded(cut_by_ellipse(Image.new("RGB", (20, 20), "blue")), output_format)
    with_mark = marked(plain, "answer 7")
    assert (b"answer 7" in with_mark) is (output_format == "png")
    assert Image.open(io.BytesIO(with_mark)).tobytes() == Image.open(io.BytesIO(plain)).tobytes()


def test_a_filtered_picture_is_blurred_beyond_its_edges() -> None:
    photo = Image.new("L", (40, 40), 0)
    photo.paste(255, (20, 0, 40, 40))
    left, right = (blurred(photo).getpixel((x, 20)) for x in (18, 21))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert 0 < left[0] < right[0] < 255
