"""Ways in which a cut-out goes wrong, as people report them. Each gives a bad alpha for a photo.

Each gives None instead where it would leave something that a person might let pass, or cannot be done.
"""

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.random import Generator

from bench.product_photos import HEIGHT, SOLID, WIDTH, Photo, Place, drawn
from bench.scenes import Bytes, as_bytes


def _half_missing(photo: Photo, rng: Generator) -> Bytes | None:
    """A straight or a bent cut through the middle; what is behind it is gone."""
    rows, columns = np.nonzero(photo.alpha > 128)
    angle, bend = rng.uniform(0, 2 * np.pi), rng.uniform(-0.15, 0.15)
    y, x = np.mgrid[: photo.alpha.shape[0], : photo.alpha.shape[1]].astype(np.float32)
    x, y = (x - columns.mean()) / len(photo.alpha), (y - rows.mean()) / len(photo.alpha)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kept = _softened((across > bend * np.sin(9 * along)).astype(np.uint8) * 255)
    left = np.minimum(photo.alpha, kept)
    return left if 0.25 < left.sum() / photo.alpha.sum() < 0.75 else None


def _background_kept(photo: Photo, rng: Generator) -> Bytes | None:
    """A piece of it beside the subject, all within its box, or a broad rim."""
    height = len(photo.alpha)
    rows, columns = np.nonzero(photo.alpha > 128)
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    more = np.zeros_like(photo.alpha)
    way = rng.integers(3)
    if way == 0:
        more[top : bottom + 1, left : right + 1] = 255
    elif way == 1:
        place = int(rng.integers(len(rows)))
        radii = [rng.uniform(0.12, 0.3) * height for _ in range(2)]
        more = _patch(more, (columns[place], rows[place]), radii, 0)
    else:
        more = _grown(photo.alpha, rng.uniform(0.03, 0.06))
    both = np.maximum(photo.alpha, _softened(more))
    return both if both.sum() > 1.25 * photo.alpha.sum() else None


def _islands(photo: Photo, rng: Generator) -> Bytes | None:
    """Patches of the background, well away from the subject."""
    free = _grown(photo.alpha, 0.05) == 0
    alpha = photo.alpha.copy()
    added = 0
    for _ in range(60):
        radius = rng.uniform(0.02, 0.06) * len(alpha)
        place = [rng.uniform(radius, side - radius) for side in alpha.shape[::-1]]
        patch = _patch(alpha, place, (radius, radius * rng.uniform(0.5, 1)), rng.uniform(0, 180))
        if free[patch > 0].all():
            alpha, added = np.maximum(alpha, _softened(patch)), added + 1
            if added == 5:
                break
    return alpha if added >= 2 else None


def _eroded(photo: Photo, rng: Generator) -> Bytes | None:
    """So that the rim is missing all around: 2 to 4 % of the picture's height."""
    radius = int(rng.uniform(0.02, 0.04) * len(photo.alpha))
    disk = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)
    left = _softened(np.asarray(cv2.erode(photo.alpha, disk), np.uint8))
    return left if left.sum() < 0.9 * photo.alpha.sum() else None


def _wrong_subject(photo: Photo, rng: Generator) -> Bytes | None:
    """The thing beside it, a patch of the background, or all but the subject."""
    way = rng.integers(3)
    if way == 0 and photo.bystander.any():
        return photo.bystander
    if way == 1:
        return 255 - photo.alpha
    thing = list(SOLID.values())[rng.integers(len(SOLID))]
    place = Place(rng.uniform(0.15, WIDTH / HEIGHT - 0.15), rng.uniform(0.15, 0.85), 0.3)
    elsewhere = _softened(drawn(thing, place, rng))
    if elsewhere.shape != photo.alpha.shape:
        elsewhere = np.asarray(cv2.resize(elsewhere, photo.alpha.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    return elsewhere if np.minimum(elsewhere, photo.alpha).sum() < 0.2 * elsewhere.sum() else None


def _empty(photo: Photo, rng: Generator) -> Bytes | None:
    """Nothing, or a few specks."""
    alpha = np.zeros_like(photo.alpha)
    for _ in range(int(rng.integers(0, 4))):
        x, y = (int(rng.integers(side)) for side in alpha.shape[::-1])
        cv2.circle(alpha, (x, y), 3, 200, -1)
    return alpha


def _all_kept(photo: Photo, rng: Generator) -> Bytes | None:
    """Everything, or all but a corner."""
    alpha = np.full_like(photo.alpha, 255)
    corner = int(rng.choice([0, 0.05, 0.1]) * len(alpha))
    alpha[:corner, :corner] = 0
    return alpha


def _soft_all_over(photo: Photo, rng: Generator) -> Bytes | None:
    """Blurred so far that no edge is left, or a ghost of the subject."""
    alpha = photo.alpha.astype(np.float32)
    if rng.random() < 0.5:
        return as_bytes(alpha * rng.uniform(0.35, 0.6))
    return as_bytes(np.asarray(cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.04, 0.07) * len(alpha)), np.float32))


def _holes(photo: Photo, rng: Generator) -> Bytes | None:
    """Patches of the subject that are gone."""
    depth = cv2.distanceTransform((photo.alpha > 128).astype(np.uint8), cv2.DIST_L2, 5)
    if depth.max() < 0.08 * len(depth):
        return None
    alpha = photo.alpha.copy()
    for _ in range(int(rng.integers(2, 5))):
        rows, columns = np.nonzero(depth > 0.06 * len(depth))
        place = int(rng.integers(len(rows)))
        radius = rng.uniform(0.03, 0.05) * len(depth)
        hole = _patch(alpha, (columns[place], rows[place]), (radius, 0.7 * radius), rng.uniform(0, 180))
        alpha = np.minimum(alpha, 255 - _softened(hole))
    return alpha


def _pieces(photo: Photo, rng: Generator) -> Bytes | None:
    """Clear stripes through the subject leave it in pieces."""
    thing = photo.alpha > 128
    if cv2.distanceTransform(thing.astype(np.uint8), cv2.DIST_L2, 5).max() < 0.08 * len(thing):
        return None
    columns = np.nonzero(thing)[1]
    alpha = photo.alpha.copy()
    stripe = np.zeros_like(alpha)
    for share in (0.25, 0.5, 0.75):
        x, lean = int(np.quantile(columns, share)), int(rng.normal(0, 60))
        cv2.line(stripe, (x - lean, 0), (x + lean, len(alpha)), 255, int(rng.uniform(0.02, 0.05) * len(alpha)))
    return np.asarray(np.minimum(alpha, 255 - _softened(stripe)), np.uint8)


def _patch(like: Bytes, middle: Sequence[float], radii: Sequence[float], angle: float) -> Bytes:
    """Alpha of an ellipse; the angle is in degrees."""
    patch: Bytes = np.zeros_like(like)
    (x, y), (along, across) = middle, radii
    cv2.ellipse(patch, (int(x), int(y)), (int(along), int(across)), angle, 0, 360, 255, -1, cv2.LINE_AA)
    return patch


def _grown(alpha: Bytes, part_of_height: float) -> Bytes:
    radius = int(part_of_height * len(alpha))
    disk = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)
    return np.asarray(cv2.dilate(alpha, disk), np.uint8)


def _softened(alpha: Bytes) -> Bytes:
    """As any API's edge is."""
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), 1.0), np.uint8)


SPOILED: Mapping[str, Callable[[Photo, Generator], Bytes | None]] = {
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
