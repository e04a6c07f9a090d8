"""The cut-outs of the sample photos: not their beauty, but that they are cut-outs at all."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stand_in.segmentation import cut_by_segmentation
from stand_in.stand_in import StandIn
from tests.stand_in.client import Client, cutout_of

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize(
    "name, inside, outside, share",
    [
        # shares of width and height: places that belong to the subject, and places that do not
        ("portrait.jpg", [(0.44, 0.25), (0.4, 0.7), (0.5, 0.9)], [(0.02, 0.1), (0.7, 0.2), (0.98, 0.05)], (0.35, 0.65)),
        ("cup.png", [(0.5, 0.4), (0.2, 0.5), (0.6, 0.7)], [(0.02, 0.02), (0.95, 0.1), (0.95, 0.9)], (0.4, 0.6)),
        ("cat.webp", [(0.5, 0.5), (0.37, 0.38), (0.58, 0.8)], [(0.98, 0.5), (0.98, 0.95), (0.9, 0.6)], (0.35, 0.75)),
    ],
)
def test_the_subject_stays_and_the_surroundings_go(
    name: str, inside: list[tuple[float, float]], outside: list[tuple[float, float]], share: tuple[float, float]
) -> None:
    photo = Image.open(SAMPLES / name)
    cutout = cut_by_segmentation(photo)
    assert (cutout.mode, cutout.size) == ("RGBA", photo.size)
    alpha = np.asarray(cutout.getchannel("A"))
    at = [
        [int(alpha[int(y * alpha.shape[0]), int(x * alpha.shape[1])]) for x, y in places]
        for places in (inside, outside)
    ]
    assert min(at[0]) >= 250, at
    assert max(at[1]) <= 5, at
    assert share[0] < (alpha > 127).mean() < share[1]


def test_the_same_photo_gives_the_same_cutout() -> None:
    photo = Image.open(SAMPLES / "cup.png").reduce(4)
    assert cut_by_segmentation(photo).tobytes() == cut_by_segmentation(photo).tobytes()


@pytest.mark.parametrize("mode, size", [("L", (64, 64)), ("RGB", (64, 3000)), ("RGBA", (300, 80)), ("CMYK", (90, 90))])
def test_a_picture_without_a_subject_still_gets_both_kinds_of_pixels(mode: str, size: tuple[int, int]) -> None:
    cutout = cut_by_segmentation(Image.new(mode, size, None if mode != "L" else 90))
    assert (cutout.mode, cutout.size) == ("RGBA", size)


def test_what_was_transparent_stays_transparent() -> None:
    photo = Image.open(SAMPLES / "cup.png").reduce(4).convert("RGBA")
    photo.putalpha(Image.new("L", photo.size, 0))
    assert cut_by_segmentation(photo).getchannel("A").getextrema() == (0, 0)


def test_the_server_segments_when_it_is_asked_to() -> None:
    with StandIn("stability", segmentation=True) as api:
        answer = Client(api).cut((SAMPLES / "cup.png").read_bytes())
        assert cutout_of(answer).getchannel("A").getpixel((300, 150)) == 255
