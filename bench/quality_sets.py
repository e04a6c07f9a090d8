"""Labelled cut-outs: good ones as different APIs would answer, and bad ones, each wrong in a way that was reported.

Two halves with nothing in common but the recipes: `calibration`, on which the thresholds of `dropcut.core.quality` were
chosen, and `held_out`. The samples are in both, cropped and mirrored in other ways.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.product_photos import HEIGHT, SOLID, THIN, WIDTH, WITH_HOLES, Photo, Place, drawn, product_photo
from bench.scenes import SCENES, Bytes, Floats, as_bytes, make
from local.api.segmentation import SEARCH_SIDE, cut_by_segmentation, refined_alpha
from local.places import SAMPLES

HALVES: Mapping[str, int] = {"calibration": 1, "held_out": 2}
"""Seeds."""
CAT_OUTLINE = (
    (0.12, 0), (0.13, 0.08), (0.08, 0.2), (0.07, 0.3), (0.05, 0.38), (0, 0.52), (0, 1), (0.7, 1), (0.71, 0.93),
    (0.69, 0.92), (0.735, 0.86), (0.765, 0.75), (0.775, 0.66), (0.8, 0.55), (0.81, 0.4), (0.8, 0.32), (0.79, 0.24),
    (0.83, 0.12), (0.86, 0.05), (0.88, 0),
)  # fmt: skip
"""Drawn by hand, in parts of width and height: the stand-in misses the cat's chin and ears."""

Chance = np.random.Generator


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
    """Good and bad in turn: each photo once as it should be, and once spoiled, all ways of spoiling by turns."""
    chance = np.random.default_rng(HALVES[half])
    ways = list(SPOILED)
    number = 0
    for kind, photo in _photos(half, chance):
        how, alpha = _answered(photo.alpha, chance)
        yield _case(kind, f"{photo.name}, {how}", photo, alpha, is_good=True)
        for _ in ways:  # the next way that can spoil this photo
            way = ways[number % len(ways)]
            number += 1
            spoiled = SPOILED[way](photo, chance)
            if spoiled is not None:
                yield _case(way, photo.name, photo, spoiled, is_good=False)
                break


def _case(kind: str, name: str, photo: Photo, alpha: Bytes, *, is_good: bool) -> Case:
    colours = np.where(alpha[..., None] > 0, photo.pixels, 0)
    return Case(kind, name, is_good, photo.pixels, np.dstack([colours, alpha]))


# ---- photos


def _photos(half: str, chance: Chance) -> Iterator[tuple[str, Photo]]:
    for scene in SCENES:
        truth = make(replace(scene, name=f"{scene.name}, {half}", width=1600, height=1200))
        yield "scene", Photo(scene.name, truth.photo, truth.alpha, np.zeros_like(truth.alpha))
    yield from (("sample", photo) for photo in _samples(chance))
    for kind, things, times in (("solid", SOLID, 4), ("with holes", WITH_HOLES, 4), ("thin", THIN, 4)):
        for name, thing in things.items():
            for time in range(times):
                yield kind, product_photo([thing], f"{name}, {half}, {time}", bystander=time % 2 == 0)
    every = list((SOLID | WITH_HOLES | THIN).values())
    for number in range(24):
        several = [every[place] for place in chance.integers(len(every), size=2 + number % 3 // 2)]
        yield "two or three", product_photo(several, f"several, {half}, {number}", bystander=False)
    for number in range(10):
        name, thing = list((SOLID | WITH_HOLES).items())[number]
        yield "white on white", product_photo([thing], f"white {name}, {half}", bystander=False, white_on_white=True)


def _samples(chance: Chance) -> Iterator[Photo]:
    """The samples with their cut-outs, and the same subjects before other backgrounds; cropped and mirrored."""
    for name, (pixels, alpha) in _cut_samples().items():
        height, width = alpha.shape
        for variant in range(4):
            top, left = (int(chance.uniform(0, 0.12) * side) for side in (height, width))
            cropped = np.s_[top : height - top // 2, left : width - left // 2]
            mirror = np.s_[:, ::-1] if variant % 2 else np.s_[:, :]
            photo, matte = pixels[cropped][mirror], alpha[cropped][mirror]
            if variant >= 2:
                photo = _before_another_background(photo, matte, f"{name} {variant} {top} {left}")
            yield Photo(f"{name}, variant {variant}", np.ascontiguousarray(photo), np.ascontiguousarray(matte),
                        np.zeros_like(matte))  # fmt: skip


def _cut_samples() -> Mapping[str, tuple[Bytes, Bytes]]:
    portrait, cup, cat = (
        Image.open(SAMPLES / name).convert("RGB") for name in ("portrait.jpg", "cup.png", "cat.webp")
    )
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


def _answered(alpha: Bytes, chance: Chance) -> tuple[str, Bytes]:
    """As one of the kinds of API would, none of which is wrong enough for a person to mind."""
    how = list(ANSWERED)[chance.integers(len(ANSWERED))]
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


# ---- bad answers: each gives None where it would leave something that a person might let pass


def _half_missing(photo: Photo, chance: Chance) -> Bytes | None:
    """A straight or a bent cut through the middle; what is behind it is gone."""
    rows, columns = np.nonzero(photo.alpha > 128)
    angle, bend = chance.uniform(0, 2 * np.pi), chance.uniform(-0.15, 0.15)
    y, x = np.mgrid[: photo.alpha.shape[0], : photo.alpha.shape[1]].astype(np.float32)
    x, y = (x - columns.mean()) / len(photo.alpha), (y - rows.mean()) / len(photo.alpha)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kept = _softened((across > bend * np.sin(9 * along)).astype(np.uint8) * 255)
    left = np.minimum(photo.alpha, kept)
    return left if 0.25 < left.sum() / photo.alpha.sum() < 0.75 else None


def _background_kept(photo: Photo, chance: Chance) -> Bytes | None:
    """A piece of it beside the subject, all within its box, or a broad rim."""
    height, width = photo.alpha.shape
    rows, columns = np.nonzero(photo.alpha > 128)
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    more = np.zeros_like(photo.alpha)
    way = chance.integers(3)
    if way == 0:
        more[top : bottom + 1, left : right + 1] = 255
    elif way == 1:
        place = int(chance.integers(len(rows)))
        axes = [int(chance.uniform(0.12, 0.3) * side) for side in (height, height)]
        cv2.ellipse(more, (int(columns[place]), int(rows[place])), axes, 0, 0, 360, 255, -1, cv2.LINE_AA)
    else:
        more = _grown(photo.alpha, chance.uniform(0.03, 0.06))
    both = np.maximum(photo.alpha, _softened(more))
    return both if both.sum() > 1.25 * photo.alpha.sum() else None


def _islands(photo: Photo, chance: Chance) -> Bytes | None:
    """Patches of the background, well away from the subject."""
    free = _grown(photo.alpha, 0.05) == 0
    alpha = photo.alpha.copy()
    added = 0
    for _ in range(60):
        radius = int(chance.uniform(0.02, 0.06) * len(alpha))
        x, y = (int(chance.integers(radius, side - radius)) for side in alpha.shape[::-1])
        patch = np.zeros_like(alpha)
        cv2.ellipse(patch, (x, y), (radius, int(radius * chance.uniform(0.5, 1))), chance.uniform(0, 180), 0, 360, 255, -1)
        if free[patch > 0].all():
            alpha, added = np.maximum(alpha, _softened(patch)), added + 1
            if added == 5:
                break
    return alpha if added >= 2 else None


def _eroded(photo: Photo, chance: Chance) -> Bytes | None:
    """So that the rim is missing all around: 2 to 4 % of the picture's height."""
    radius = int(chance.uniform(0.02, 0.04) * len(photo.alpha))
    disc = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)
    left = _softened(np.asarray(cv2.erode(photo.alpha, disc), np.uint8))
    return left if left.sum() < 0.9 * photo.alpha.sum() else None


def _wrong_subject(photo: Photo, chance: Chance) -> Bytes | None:
    """The thing beside it, a patch of the background, or all but the subject."""
    way = chance.integers(3)
    if way == 0 and photo.bystander.any():
        return photo.bystander
    if way == 1:
        return 255 - photo.alpha
    thing = list(SOLID.values())[chance.integers(len(SOLID))]
    place = Place(chance.uniform(0.15, WIDTH / HEIGHT - 0.15), chance.uniform(0.15, 0.85), 0.3)
    elsewhere = _softened(drawn(thing, place, chance))
    if elsewhere.shape != photo.alpha.shape:
        elsewhere = np.asarray(cv2.resize(elsewhere, photo.alpha.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    return elsewhere if np.minimum(elsewhere, photo.alpha).sum() < 0.2 * elsewhere.sum() else None


def _empty(photo: Photo, chance: Chance) -> Bytes | None:
    """Nothing, or a few specks."""
    alpha = np.zeros_like(photo.alpha)
    for _ in range(int(chance.integers(0, 4))):
        x, y = (int(chance.integers(side)) for side in alpha.shape[::-1])
        cv2.circle(alpha, (x, y), 3, 200, -1)
    return alpha


def _all_kept(photo: Photo, chance: Chance) -> Bytes | None:
    """Everything, or all but a corner."""
    alpha = np.full_like(photo.alpha, 255)
    corner = int(chance.choice([0, 0.05, 0.1]) * len(alpha))
    alpha[:corner, :corner] = 0
    return alpha


def _soft_all_over(photo: Photo, chance: Chance) -> Bytes | None:
    """Blurred so far that no edge is left, or a ghost of the subject."""
    alpha = photo.alpha.astype(np.float32)
    if chance.random() < 0.5:
        return as_bytes(alpha * chance.uniform(0.35, 0.6))
    return as_bytes(np.asarray(cv2.GaussianBlur(alpha, (0, 0), chance.uniform(0.04, 0.07) * len(alpha)), np.float32))


def _holes(photo: Photo, chance: Chance) -> Bytes | None:
    """Patches of the subject that are gone."""
    depth = cv2.distanceTransform((photo.alpha > 128).astype(np.uint8), cv2.DIST_L2, 5)
    if depth.max() < 0.08 * len(depth):
        return None
    alpha = photo.alpha.copy()
    for _ in range(int(chance.integers(2, 5))):
        rows, columns = np.nonzero(depth > 0.06 * len(depth))
        place = int(chance.integers(len(rows)))
        radius = int(chance.uniform(0.03, 0.05) * len(depth))
        hole = np.zeros_like(alpha)
        cv2.ellipse(hole, (int(columns[place]), int(rows[place])), (radius, int(0.7 * radius)), chance.uniform(0, 180), 0, 360, 255, -1)
        alpha = np.minimum(alpha, 255 - _softened(hole))
    return alpha


def _pieces(photo: Photo, chance: Chance) -> Bytes | None:
    """Clear stripes through the subject leave it in pieces."""
    thing = photo.alpha > 128
    if cv2.distanceTransform(thing.astype(np.uint8), cv2.DIST_L2, 5).max() < 0.08 * len(thing):
        return None
    rows, columns = np.nonzero(thing)
    alpha = photo.alpha.copy()
    stripe = np.zeros_like(alpha)
    for share in (0.25, 0.5, 0.75):
        x, lean = int(np.quantile(columns, share)), int(chance.normal(0, 60))
        cv2.line(stripe, (x - lean, 0), (x + lean, len(alpha)), 255, int(chance.uniform(0.02, 0.05) * len(alpha)))
    return np.asarray(np.minimum(alpha, 255 - _softened(stripe)), np.uint8)


def _grown(alpha: Bytes, part_of_height: float) -> Bytes:
    radius = int(part_of_height * len(alpha))
    disc = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)
    return np.asarray(cv2.dilate(alpha, disc), np.uint8)


def _softened(alpha: Bytes) -> Bytes:
    """As any API's edge is."""
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), 1.0), np.uint8)


SPOILED: Mapping[str, Callable[[Photo, Chance], Bytes | None]] = {
    "half missing": _half_missing,
    "background kept": _background_kept,
    "islands": _islands,
    "eroded": _eroded,
    "wrong subject": _wrong_subject,
    "empty": _empty,
    "all kept": _all_kept,
    "soft all over": _soft_all_over,
    "holes": _holes,
    "pieces": _pieces,
}
