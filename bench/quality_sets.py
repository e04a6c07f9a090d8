"""Labelled cut-outs: good ones as different APIs would answer, and bad ones, each wrong in a way that was reported.

There are two halves: `calibration`, on which the levels of `dropcut.core.quality` were chosen, and `held_out`. They
share the recipes and the three sample photos, which are cropped in other ways.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image

from bench.product_photos import SOLID, THIN, WITH_HOLES, Photo, product_photo
from bench.scenes import SCENES, Bytes, as_bytes, make
from bench.spoiled import SPOILED
from local.places import SAMPLES
from stand_in.segmentation import SEARCH_SIDE, cut_by_segmentation, refined_alpha

HALVES: Mapping[str, int] = {"calibration": 1, "held_out": 2}
"""Seeds."""
CAT_OUTLINE = (
    (0.12, 0), (0.13, 0.08), (0.08, 0.2), (0.07, 0.3), (0.05, 0.38), (0, 0.52), (0, 1), (0.7, 1), (0.71, 0.93),
    (0.69, 0.92), (0.735, 0.86), (0.765, 0.75), (0.775, 0.66), (0.8, 0.55), (0.81, 0.4), (0.8, 0.32), (0.79, 0.24),
    (0.83, 0.12), (0.86, 0.05), (0.88, 0),
)  # fmt: skip
"""Drawn by hand, in parts of width and height: the stand-in misses the cat's chin and ears."""


@dataclass(frozen=True)
class Case:
    """A photo, an answer to it, and what a person would say of it."""

    kind: str
    name: str
    is_good: bool
    photo: Bytes
    answer: Bytes
    """RGBA, as large as the photo."""


def cases(half: str) -> Iterator[Case]:
    """Each photo once with a good answer, once with a bad one; the ways of spoiling take turns."""
    rng = np.random.default_rng(HALVES[half])
    ways = cycle(SPOILED)
    for kind, photo in _photos(half, rng):
        how, alpha = _answered(photo.alpha, rng)
        yield _case(kind, f"{photo.name}, {how}", photo, alpha, is_good=True)
        tried = ((way, SPOILED[way](photo, rng)) for way in islice(ways, len(SPOILED)))
        way, spoiled = next((way, spoiled) for way, spoiled in tried if spoiled is not None)
        yield _case(way, photo.name, photo, spoiled, is_good=False)


def _case(kind: str, name: str, photo: Photo, alpha: Bytes, *, is_good: bool) -> Case:
    colours = np.where(alpha[..., None] > 0, photo.pixels, 0)
    return Case(kind, name, is_good, photo.pixels, np.dstack([colours, alpha]))


# ---- photos


def _photos(half: str, rng: Generator) -> Iterator[tuple[str, Photo]]:
    for scene in SCENES:
        truth = make(replace(scene, name=f"{scene.name}, {half}", width=1600, height=1200))
        yield "scene", Photo(scene.name, truth.photo, truth.alpha, np.zeros_like(truth.alpha))
    yield from (("sample", photo) for photo in _samples(rng))
    for kind, things, times in (("solid", SOLID, 4), ("with holes", WITH_HOLES, 4), ("thin", THIN, 4)):
        for name, thing in things.items():
            for time in range(times):
                yield kind, product_photo([thing], f"{name}, {half}, {time}", bystander=time % 2 == 0)
    every = list((SOLID | WITH_HOLES | THIN).values())
    for number in range(24):
        several = [every[place] for place in rng.integers(len(every), size=2 + number % 3 // 2)]
        yield "two or three", product_photo(several, f"several, {half}, {number}", bystander=False)
    for number in range(10):
        name, thing = list((SOLID | WITH_HOLES).items())[number]
        yield "white on white", product_photo([thing], f"white {name}, {half}", bystander=False, white_on_white=True)


def _samples(rng: Generator) -> Iterator[Photo]:
    """The samples with their cut-outs, and the same subjects before other backgrounds; cropped and mirrored."""
    for name, (pixels, alpha) in _cut_samples().items():
        height, width = alpha.shape
        for variant in range(4):
            top, left = (int(rng.uniform(0, 0.12) * side) for side in (height, width))
            cropped = np.s_[top : height - top // 2, left : width - left // 2]
            mirror = np.s_[:, ::-1] if variant % 2 else np.s_[:, :]
            photo, matte = pixels[cropped][mirror], alpha[cropped][mirror]
            if variant >= 2:
                photo = _before_another_background(photo, matte, f"{name} {variant} {top} {left}")
            yield Photo(f"{name}, variant {variant}", np.ascontiguousarray(photo), np.ascontiguousarray(matte),
                        np.zeros_like(matte))  # fmt: skip


def _cut_samples() -> Mapping[str, tuple[Bytes, Bytes]]:
    portrait, cup, cat = (Image.open(SAMPLES / name).convert("RGB") for name in ("portrait.jpg", "cup.png", "cat.webp"))
    by_stand_in = {
        name: (np.asarray(photo), np.asarray(cut_by_segmentation(photo))[..., 3])
        for name, photo in (("portrait", portrait), ("cup", cup))
    }
    pixels = np.asarray(cat)
    small = np.zeros((round(SEARCH_SIDE * cat.height / cat.width), SEARCH_SIDE), np.uint8)
    cv2.fillPoly(small, [np.round(np.array(CAT_OUTLINE) * small.shape[::-1]).astype(np.int32)], 1)
    return by_stand_in | {"cat": (pixels, as_bytes(255 * refined_alpha(pixels, small)))}


def _before_another_background(photo: Bytes, alpha: Bytes, name: str) -> Bytes:
    backdrop = cv2.resize(
        product_photo([], name, bystander=False).pixels, alpha.shape[::-1], interpolation=cv2.INTER_AREA
    )
    part = (alpha / 255)[..., None]
    return as_bytes((photo * part + backdrop * (1 - part)).astype(np.float32))


# ---- good answers


def _answered(alpha: Bytes, rng: Generator) -> tuple[str, Bytes]:
    """As one of the kinds of API would, none of which is wrong enough for a person to mind."""
    how = list(ANSWERED)[rng.integers(len(ANSWERED))]
    return how, ANSWERED[how](alpha)


def _coarse(alpha: Bytes) -> Bytes:
    """By a model that looks at half the size."""
    height, width = alpha.shape
    half = cv2.resize(alpha, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(half, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


_PIXEL = np.ones((3, 3), np.uint8)
ANSWERED: Mapping[str, Callable[[Bytes], Bytes]] = {
    "true": lambda alpha: alpha,
    "coarse": _coarse,
    "eroded by a pixel": lambda alpha: np.asarray(cv2.erode(alpha, _PIXEL), np.uint8),
    "dilated by a pixel": lambda alpha: np.asarray(cv2.dilate(alpha, _PIXEL), np.uint8),
    "binary": lambda alpha: np.where(alpha >= 128, 255, 0).astype(np.uint8),
}
