"""Photos to measure with are different pictures to pay for, also after the metadata was taken out."""

import io

from dropcut.core.formats.bare_picture import without_metadata
from PIL import Image

from bench.photos import largest_jpeg, marked


def test_each_mark_makes_another_picture_with_the_same_pixels() -> None:
    one, other = marked("1"), marked("2")
    assert without_metadata(one) == one != without_metadata(other) == other
    assert Image.open(io.BytesIO(one)).tobytes() == Image.open(io.BytesIO(other)).tobytes()


def test_the_largest_jpeg_is_as_large_as_asked_for_and_sent_in_full() -> None:
    photo = largest_jpeg(256, 300_000)
    assert 299_900 <= len(photo) <= 300_000
    assert without_metadata(photo) == photo
    Image.open(io.BytesIO(photo)).load()
