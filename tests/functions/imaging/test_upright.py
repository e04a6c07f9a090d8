from pathlib import Path

import pytest
from dropcut.core.picture_header import PictureDamagedError, read_header
from dropcut.imaging.upright import make_sendable
from PIL import Image

from tests.functions.pictures import ORIENTATION, decoded, picture

RED, GREEN = (200, 10, 10), (20, 120, 60)
SAMPLES = Path(__file__).parents[3] / "samples"
UPRIGHT_SAMPLES = [SAMPLES / name for name in ("portrait.jpg", "cup.png", "cat.webp")]


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("orientation", [0, 1])
def test_an_upright_picture_is_sent_byte_for_byte(kind: str, orientation: int) -> None:
    data = picture(kind, orientation=orientation)
    assert make_sendable(data) == data


@pytest.mark.parametrize("sample", UPRIGHT_SAMPLES, ids=lambda path: path.name)
def test_the_samples_are_sent_byte_for_byte(sample: Path) -> None:
    assert make_sendable(sample.read_bytes()) == sample.read_bytes()


RED_CORNER = {2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}
"""Where the red quarter is, left or right and top or bottom, after the picture was turned upright."""


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
@pytest.mark.parametrize(("orientation", "corner"), RED_CORNER.items())
def test_a_picture_that_lies_on_its_side_is_turned_upright(
    kind: str, orientation: int, corner: tuple[int, int]
) -> None:
    sent = make_sendable(picture(kind, orientation=orientation))
    image = decoded(sent)
    assert read_header(sent).format == kind
    assert image.getexif().get(ORIENTATION, 1) == 1
    assert image.size == ((80, 64) if orientation < 5 else (64, 80))
    width, height = image.size
    for right in (0, 1):
        for bottom in (0, 1):
            place = (width // 4 + right * width // 2, height // 4 + bottom * height // 2)
            assert near(image, place, RED if (right, bottom) == corner else GREEN)


def near(image: Image.Image, place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    pixel = image.convert("RGB").getpixel(place)
    return all(abs(have - want) < 16 for have, want in zip(pixel, colour, strict=True))  # type: ignore[arg-type]


def test_turning_keeps_transparency() -> None:
    sent = make_sendable(picture("png", mode="RGBA", orientation=6))
    assert read_header(sent).has_alpha


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("orientation", [0, 6])
def test_a_picture_cut_off_on_the_way_is_damaged(kind: str, orientation: int) -> None:
    data = picture(kind, width=300, height=300, orientation=orientation)
    with pytest.raises(PictureDamagedError, match=r"\w"):
        make_sendable(data[: len(data) * 2 // 3])


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8\xff" + b"\0" * 100])
def test_what_cannot_be_decoded_is_damaged(data: bytes) -> None:
    with pytest.raises(PictureDamagedError):
        make_sendable(data)
