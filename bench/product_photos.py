"""Small synthetic photos of things that people cut out, with known alpha: one or more subjects before a background.

A thing is a table of shapes in a box of 1 x 1. So its description decides holes, thin parts and several pieces. It is
tilted, mirrored, coloured, shaded and labelled at random. Beside it is something that is not the subject.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from bench.scenes import Bytes, Canvas, Colour, Scene, as_bytes, make

WIDTH, HEIGHT = 1200, 900
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Oval:
    x: float
    y: float
    radius_x: float
    radius_y: float
    level: int = 255


@dataclass(frozen=True)
class Area:
    corners: Points
    level: int = 255


@dataclass(frozen=True)
class Line:
    points: Points
    thickness: float
    """In parts of the box."""
    closed: bool = False


Shape = Oval | Area | Line


def _box(left: float, top: float, right: float, bottom: float, level: int = 255) -> Area:
    return Area(((left, top), (right, top), (right, bottom), (left, bottom)), level)


def _ring(x: float, y: float, radius: float, thickness: float) -> Line:
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return Line([(x + radius * np.cos(angle), y + radius * np.sin(angle)) for angle in angles], thickness, closed=True)


def _spokes(x: float, y: float, radius: float, count: int, thickness: float) -> Sequence[Line]:
    angles = np.linspace(0, np.pi, count, endpoint=False)
    ends = [(radius * np.cos(angle), radius * np.sin(angle)) for angle in angles]
    return [Line(((x - across, y - down), (x + across, y + down)), thickness) for across, down in ends]


def _wheel(x: float, y: float) -> Sequence[Line]:
    return [_ring(x, y, 0.2, 0.02), *_spokes(x, y, 0.2, 7, 0.006)]


SOLID: dict[str, Sequence[Shape]] = {
    "bottle": [_box(0.3, 0.35, 0.7, 1), _box(0.42, 0.05, 0.58, 0.4), Oval(0.5, 0.36, 0.2, 0.12)],
    "box": [Area(((0.05, 0.3), (0.6, 0.15), (0.95, 0.3), (0.95, 0.85), (0.45, 1), (0.05, 0.85)))],
    "fruit": [Oval(0.5, 0.55, 0.42, 0.4), Line(((0.5, 0.2), (0.56, 0.02)), 0.04)],
    "shoe": [Area(((0, 0.95), (0, 0.5), (0.2, 0.3), (0.4, 0.3), (0.55, 0.6), (0.9, 0.7), (1, 0.95)))],
    "star": [Area([(0.5 + r * np.sin(a), 0.5 - r * np.cos(a)) for a, r in
                   zip(np.arange(10) * np.pi / 5, [0.5, 0.2] * 5, strict=True)])],
    "person": [Oval(0.5, 0.12, 0.1, 0.12), Area(((0.3, 0.25), (0.7, 0.25), (0.68, 0.62), (0.32, 0.62))),
               _box(0.34, 0.6, 0.47, 1), _box(0.53, 0.6, 0.66, 1),
               Line(((0.32, 0.3), (0.15, 0.6)), 0.08), Line(((0.68, 0.3), (0.85, 0.6)), 0.08)],
    "jug": [Area(((0.3, 0.1), (0.7, 0.1), (0.62, 0.35), (0.85, 0.7), (0.7, 1), (0.3, 1), (0.15, 0.7), (0.38, 0.35)))],
}  # fmt: skip
WITH_HOLES: dict[str, Sequence[Shape]] = {
    "mug": [_ring(0.7, 0.5, 0.22, 0.08), _box(0.1, 0.15, 0.7, 0.9)],
    "ring": [_ring(0.5, 0.5, 0.38, 0.2)],
    "basket": [*[_box(0.05, 0.2 + 0.19 * row, 0.95, 0.26 + 0.19 * row) for row in range(5)],
               *[_box(0.05 + 0.21 * column, 0.2, 0.11 + 0.21 * column, 1) for column in range(5)]],
    "scissors": [_ring(0.25, 0.8, 0.13, 0.06), _ring(0.75, 0.8, 0.13, 0.06),
                 Area(((0.31, 0.7), (0.38, 0.68), (0.75, 0.02))), Area(((0.69, 0.7), (0.62, 0.68), (0.25, 0.02)))],
    "glasses": [_ring(0.25, 0.5, 0.18, 0.04), _ring(0.75, 0.5, 0.18, 0.04), Line(((0.42, 0.47), (0.58, 0.47)), 0.04),
                Line(((0.08, 0.45), (0, 0.3)), 0.03), Line(((0.92, 0.45), (1, 0.3)), 0.03)],
    "bag": [Area(((0.1, 0.4), (0.9, 0.4), (1, 1), (0, 1))), _ring(0.5, 0.35, 0.24, 0.05)],
    "frame": [Line(((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)), 0.12, closed=True)],
}  # fmt: skip
THIN: dict[str, Sequence[Shape]] = {
    "chair": [_box(0.2, 0.5, 0.8, 0.58), Line(((0.22, 0.55), (0.15, 1)), 0.035), Line(((0.78, 0.55), (0.85, 1)), 0.035),
              Line(((0.3, 0.55), (0.32, 0.9)), 0.03), Line(((0.7, 0.55), (0.68, 0.9)), 0.03),
              *[Line(((0.24 + 0.13 * bar, 0.52), (0.24 + 0.13 * bar, 0.05)), 0.03) for bar in range(5)],
              Line(((0.2, 0.06), (0.8, 0.06)), 0.05)],
    "bicycle": [*_wheel(0.22, 0.7), *_wheel(0.78, 0.7),
                Line(((0.22, 0.7), (0.4, 0.35), (0.7, 0.35), (0.48, 0.7)), 0.03, closed=True),
                Line(((0.48, 0.7), (0.37, 0.28)), 0.03), Line(((0.78, 0.7), (0.68, 0.25), (0.78, 0.2)), 0.03),
                Line(((0.3, 0.27), (0.45, 0.27)), 0.05)],
    "tripod": [_box(0.4, 0.02, 0.6, 0.15), *[Line(((0.5, 0.12), (foot, 1)), 0.03) for foot in (0.15, 0.5, 0.85)]],
    "lamp": [Area(((0.3, 0.05), (0.7, 0.05), (0.85, 0.35), (0.15, 0.35))), _box(0.485, 0.3, 0.515, 0.95),
             Oval(0.5, 0.95, 0.22, 0.05)],
    "cable": [Line([(t, 0.5 + 0.35 * np.sin(7 * t) * (1 - 0.4 * t)) for t in np.linspace(0.02, 0.98, 40)], 0.03)],
    "comb": [_box(0, 0.2, 1, 0.4),
             *[_box(0.02 + 0.065 * tooth, 0.35, 0.05 + 0.065 * tooth, 0.85) for tooth in range(15)]],
    "ladder": [Line(((0.35, 0), (0.25, 1)), 0.03), Line(((0.65, 0), (0.75, 1)), 0.03),
               *[Line(((0.33 - 0.01 * rung, 0.1 + 0.13 * rung), (0.67 + 0.01 * rung, 0.1 + 0.13 * rung)), 0.025)
                 for rung in range(7)]],
}  # fmt: skip


@dataclass(frozen=True)
class Photo:
    """A photo and what is right about it, at the size of the answer."""

    name: str
    pixels: Bytes
    alpha: Bytes
    """Of the subject."""
    bystander: Bytes
    """Alpha of a smaller thing that is not the subject; 0 all over where there is none."""


@dataclass(frozen=True)
class Place:
    """Of a thing: its middle and the longer side of its box, in parts of the picture's height."""

    x: float
    y: float
    size: float


def product_photo(
    things: Sequence[Sequence[Shape]], name: str, *, bystander: bool, white_on_white: bool = False
) -> Photo:
    """Up to three things side by side; the same arguments give the same photo."""
    aside = np.zeros((HEIGHT, WIDTH), np.uint8)

    def paint(canvas: Canvas) -> None:
        rng = canvas.rng
        background = _white if white_on_white else BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))]
        canvas.behind = background(canvas)
        if bystander:
            aside[:] = _bystander(canvas)
        canvas.front = canvas.behind.copy()
        size = rng.uniform(0.55, 0.9) if len(things) <= 1 else rng.uniform(0.9, 1.1) / len(things)
        for number, thing in enumerate(things):
            x = (number + 0.5 + rng.uniform(-0.05, 0.05)) / len(things) * WIDTH / HEIGHT
            surface = _white_surface if white_on_white else _surface
            _add(canvas, thing, Place(x, rng.uniform(0.45, 0.55), size), surface)
        if white_on_white or rng.random() < 0.5:
            _cast_shadow(canvas)

    truth = make(Scene(name, WIDTH, HEIGHT, paint, noise_levels=2.0))
    return Photo(name, truth.photo, truth.alpha, np.minimum(aside, 255 - truth.alpha))


def drawn(thing: Sequence[Shape], place: Place, rng: Generator) -> Bytes:
    """Alpha of a thing that is tilted and mirrored at random."""
    turn, mirror = rng.normal(0, 0.12), rng.choice([-1, 1])
    squeeze = rng.uniform(0.75, 1.0)
    alpha: Bytes = np.zeros((HEIGHT, WIDTH), np.uint8)

    def at(points: Points) -> npt.NDArray[np.int32]:
        across, down = (np.asarray(points, np.float64) - 0.5).T * place.size * HEIGHT
        across = across * mirror * squeeze
        x = place.x * HEIGHT + across * np.cos(turn) - down * np.sin(turn)
        y = place.y * HEIGHT + across * np.sin(turn) + down * np.cos(turn)
        return np.round(np.stack([x, y], 1) * 16).astype(np.int32)

    for shape in thing:
        if isinstance(shape, Line):
            thickness = max(2, round(shape.thickness * place.size * HEIGHT))
            cv2.polylines(alpha, [at(shape.points)], shape.closed, 255, thickness, cv2.LINE_AA, 4)
        elif isinstance(shape, Oval):
            angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
            outline = [(shape.x + shape.radius_x * np.cos(a), shape.y + shape.radius_y * np.sin(a)) for a in angles]
            cv2.fillPoly(alpha, [at(outline)], shape.level, cv2.LINE_AA, 4)
        else:
            cv2.fillPoly(alpha, [at(shape.corners)], shape.level, cv2.LINE_AA, 4)
    return alpha


def _add(canvas: Canvas, thing: Sequence[Shape], place: Place, surface_of: Callable[[Canvas, Bytes], Bytes]) -> None:
    """Put a thing in front."""
    alpha = drawn(thing, place, canvas.rng)
    surface = surface_of(canvas, alpha)
    around = cv2.dilate(alpha, np.ones((9, 9), np.uint8)) > 0  # the lens mixes no foreign colour into its edge
    canvas.front[around] = surface[around]
    canvas.alpha = np.maximum(canvas.alpha, alpha)


def _surface(canvas: Canvas, alpha: Bytes) -> Bytes:
    """In a colour that stands out from what is behind it, as photographers choose it."""
    rng = canvas.rng
    behind = canvas.behind[alpha > 128].mean(0) if (alpha > 128).any() else np.full(3, 128)
    colours = [_colour(rng.integers(15, 240, 3)) for _ in range(12)]
    far = [colour for colour in colours if np.abs(np.array(colour) - behind).max() > 45] or colours
    surface = canvas.cloth(far[0], rng.uniform(1, 8), 3).astype(np.float32)
    if rng.random() < 0.5:  # a label, or another part
        top, left = rng.uniform(0.3, 0.6, 2)
        rows = slice(int(top * HEIGHT), int((top + 0.15) * HEIGHT))
        surface[rows, int(left * WIDTH) :] = far[-1]
    light = np.linspace(rng.uniform(0.75, 1.25), 1, WIDTH, dtype=np.float32)
    return as_bytes(surface * light[None, :, None])


def _white_surface(canvas: Canvas, _alpha: Bytes) -> Bytes:
    level = int(canvas.rng.integers(200, 222))
    return canvas.cloth((level, level, level), 1.5, 3)


def _bystander(canvas: Canvas) -> Bytes:
    """A smaller thing near the frame, painted into the background."""
    names = list(SOLID)
    thing = SOLID[names[canvas.rng.integers(len(names))]]
    left = canvas.rng.random() < 0.5
    place = Place(0.14 if left else WIDTH / HEIGHT - 0.14, canvas.rng.uniform(0.2, 0.8), 0.24)
    alpha = drawn(thing, place, canvas.rng)
    surface = _surface(canvas, alpha)
    canvas.behind[alpha > 128] = surface[alpha > 128]
    return alpha


def _cast_shadow(canvas: Canvas) -> None:
    """A soft shadow below and beside what stands in front: part of the background."""
    moved = np.roll(canvas.alpha, (18, 12), (0, 1))
    soft = cv2.GaussianBlur(moved, (0, 0), 16).astype(np.float32)[..., None] / 255
    canvas.behind = as_bytes((canvas.behind * (1 - 0.35 * soft)).astype(np.float32))


def _studio(canvas: Canvas) -> Bytes:
    level = int(canvas.rng.integers(170, 245))
    return canvas.slope((level, level, level), (level - 25, level - 22, level - 18))


def _white(canvas: Canvas) -> Bytes:
    return canvas.slope((246, 246, 246), (238, 238, 238))


def _coloured_paper(canvas: Canvas) -> Bytes:
    colour = canvas.rng.integers(60, 230, 3)
    return canvas.slope(_colour(colour), _colour(colour * 0.8))


def _wall(canvas: Canvas) -> Bytes:
    return canvas.cloth(_colour(canvas.rng.integers(90, 200, 3)), 6, 2)


def _leaves(canvas: Canvas) -> Bytes:
    return as_bytes(cv2.GaussianBlur(canvas.cloth((70, 105, 50), 14, 12), (0, 0), 6).astype(np.float32))


def _wood(canvas: Canvas) -> Bytes:
    wood = canvas.cloth((150, 106, 70), 4, 3)
    for y in canvas.rng.uniform(0, HEIGHT, 40):
        cv2.line(wood, (0, int(y)), (WIDTH, int(y) + 12), (122, 84, 55), int(canvas.rng.integers(1, 6)), cv2.LINE_AA)
    return wood


def _table_and_wall(canvas: Canvas) -> Bytes:
    picture, table = _wall(canvas), canvas.cloth((120, 84, 60), 5, 3)
    edge = int(canvas.rng.uniform(0.55, 0.75) * HEIGHT)
    picture[edge:] = table[edge:]
    return picture


def _bricks(canvas: Canvas) -> Bytes:
    bricks = canvas.cloth((150, 92, 74), 6, 2)
    for row in range(19):
        cv2.line(bricks, (0, row * 50), (WIDTH, row * 50), (176, 168, 158), 4)
        for joint in range(15):
            x = joint * 86 + (row % 2) * 43
            cv2.line(bricks, (x, row * 50), (x, (row + 1) * 50), (176, 168, 158), 4)
    return bricks


def _lights(canvas: Canvas) -> Bytes:
    night = canvas.cloth((40, 38, 50), 3, 16)
    for _ in range(30):
        place = canvas.at(*canvas.rng.uniform(0, 1, 2))
        cv2.circle(night, place, int(canvas.rng.integers(10, 50)), _colour(canvas.rng.integers(60, 200, 3)), -1)
    return as_bytes(cv2.GaussianBlur(night, (0, 0), 9).astype(np.float32))


def _colour(levels: npt.NDArray[np.integer] | npt.NDArray[np.floating]) -> Colour:
    red, green, blue = (int(level) for level in levels)
    return red, green, blue


BACKGROUNDS: Sequence[Callable[[Canvas], Bytes]] = (
    _studio, _studio, _coloured_paper, _wall, _leaves, _wood, _table_and_wall, _bricks, _lights,
)  # fmt: skip
