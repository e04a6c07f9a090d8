"""Synthetic photos with known alpha: what stands in front and what stands behind are painted apart, then mixed.

Each scene is what a photographer meets: hair in front of a wall or of leaves, fur in its own colours, a blurred edge.
Others are a net, a glass, grass, a bicycle, tulle, white on white, and one cloth on the same cloth. A lens softens
everything by about a pixel, the sensor adds noise, and the camera writes a JPEG.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Colour = tuple[int, int, int]
Painter = Callable[["Canvas"], None]


class Canvas:
    """Alpha, foreground and background of one picture, while it is painted."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        self.width, self.height = width, height
        self.rng = np.random.default_rng(seed)
        self.alpha: Bytes = np.zeros((height, width), np.uint8)
        self.front: Bytes = np.zeros((height, width, 3), np.uint8)
        self.behind: Bytes = np.zeros((height, width, 3), np.uint8)

    def at(self, x: float, y: float) -> tuple[int, int]:
        """A place given in parts of the width and the height, in pixels."""
        return round(x * self.width), round(y * self.height)

    def cloth(self, colour: Colour, contrast: float, finest_pixels: int, octaves: int = 5) -> Bytes:
        """A surface with structure of every size from `finest_pixels` up; contrast in levels, of one octave."""
        lightness = np.zeros((self.height, self.width), np.float32)
        for octave in range(octaves):
            cell = finest_pixels * 2**octave
            grid = self.rng.normal(0, contrast, (self.height // cell + 3, self.width // cell + 3))
            large = cv2.resize(grid.astype(np.float32), None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
            lightness += large[: self.height, : self.width]
        tint = np.array([1.0, 0.9, 0.8], np.float32)
        return as_bytes(lightness[..., None] * tint + np.array(colour, np.float32))

    def slope(self, first: Colour, last: Colour) -> Bytes:
        """A wall under a lamp: one colour fades into another from left to right and a little downwards."""
        across = np.linspace(0, 1, self.width, dtype=np.float32)[None, :, None]
        down = np.linspace(0, 0.3, self.height, dtype=np.float32)[:, None, None]
        part = np.clip(across * 0.7 + down, 0, 1)
        start, end = (np.array(colour, np.float32) for colour in (first, last))
        return as_bytes(start + part * (end - start))

    def body(self, x: float, y: float, radius_x: float, radius_y: float) -> None:
        """An opaque ellipse."""
        axes = round(radius_x * self.width), round(radius_y * self.height)
        cv2.ellipse(self.alpha, self.at(x, y), axes, 0, 0, 360, 255, -1, cv2.LINE_AA)

    def strand(self, points: npt.NDArray[np.float64], thickness_pixels: int, colour: Colour) -> None:
        """A hair, a blade or a thread: opaque, in one colour, which reaches a little further than its alpha."""
        fixed = np.round(points * 16).astype(np.int32)
        cv2.polylines(self.front, [fixed], False, colour, thickness_pixels + 6, cv2.LINE_8, 4)
        cv2.polylines(self.alpha, [fixed], False, 255, thickness_pixels, cv2.LINE_AA, 4)

    def hair(
        self, x: float, y: float, radius: float, count: int, colour: Colour, *, thickest: int, spread: int = 18
    ) -> None:
        """Strands that leave a head at all angles and bend; a few cross. Radius in parts of the height."""
        for _ in range(count):
            angle, bend = self.rng.uniform(0, 2 * np.pi), self.rng.normal(0, 0.9)
            reach = radius * self.height * self.rng.uniform(0.15, 0.75)
            along = np.linspace(0, 1, 24)
            directions = angle + bend * along + 0.15 * np.sin(along * self.rng.uniform(4, 14))
            steps = np.stack([np.cos(directions), np.sin(directions)], 1) * reach / 24
            start = np.array([x * self.width, y * self.height]) + 0.96 * radius * self.height * np.array(
                [np.cos(angle), np.sin(angle)]
            )
            shade = self.rng.normal(0, spread)
            tone = tuple(int(np.clip(part + shade, 0, 255)) for part in colour)
            self.strand(start + np.cumsum(steps, 0), int(self.rng.integers(1, thickest + 1)), tone)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Scene:
    """How one photo comes about."""

    name: str
    width: int
    height: int
    paint: Painter
    noise_levels: float = 1.5
    """The sensor's noise, as a standard deviation in levels of 255."""
    lens_pixels: float = 0.8
    """The lens softens by a Gaussian of this size."""


@dataclass(frozen=True)
class Truth:
    """A photo and what it was made of."""

    photo: Bytes
    alpha: Bytes
    front: Bytes


def make(scene: Scene) -> Truth:
    """Paint a scene and take its photo. The same scene is the same photo, to the last bit."""
    canvas = Canvas(scene.width, scene.height, seed=sum(scene.name.encode()))
    scene.paint(canvas)
    for plane in (canvas.alpha, canvas.front, canvas.behind):
        cv2.GaussianBlur(plane, (0, 0), scene.lens_pixels, dst=plane)
    photo = np.empty_like(canvas.front)
    for top in range(0, scene.height, 512):
        rows = slice(top, top + 512)
        mixed = mix(canvas.alpha[rows], canvas.front[rows], canvas.behind[rows])
        noise = canvas.rng.standard_normal(mixed.shape, np.float32) * scene.noise_levels
        photo[rows] = as_bytes(mixed + noise)
    return Truth(photo, canvas.alpha, canvas.front)


def mix(alpha: Bytes, front: Bytes, behind: Bytes | Floats) -> Floats:
    """The composite of two pictures, in levels."""
    part = alpha[..., None].astype(np.float32) / 255
    mixed: Floats = (part * front + (1 - part) * behind).astype(np.float32)
    return mixed


def as_bytes(levels: Floats) -> Bytes:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _hair_before_a_wall(canvas: Canvas) -> None:
    canvas.behind = canvas.slope((196, 196, 200), (150, 154, 160))
    canvas.front = canvas.cloth((70, 45, 32), 4, 3)
    canvas.hair(0.5, 0.5, 0.28, 900, (66, 42, 30), thickest=3)
    canvas.body(0.5, 0.5, 0.28 * canvas.height / canvas.width, 0.28)


def _hair_before_leaves(canvas: Canvas) -> None:
    canvas.behind = cv2.GaussianBlur(canvas.cloth((70, 105, 50), 14, 24), (0, 0), 12).astype(np.uint8)
    canvas.front = canvas.cloth((205, 170, 110), 5, 3)
    canvas.hair(0.45, 0.55, 0.3, 1200, (208, 172, 112), thickest=4)
    canvas.body(0.45, 0.55, 0.3 * canvas.height / canvas.width, 0.3)


def _hair_before_bricks(canvas: Canvas) -> None:
    bricks = canvas.cloth((150, 92, 74), 7, 2)
    course, length = canvas.height // 18, canvas.width // 14
    for row in range(19):
        cv2.line(bricks, (0, row * course), (canvas.width, row * course), (176, 168, 158), 12)
        for joint in range(16):
            x = joint * length + (row % 2) * length // 2
            cv2.line(bricks, (x, row * course), (x, (row + 1) * course), (176, 168, 158), 12)
    canvas.behind = bricks
    canvas.front = canvas.cloth((40, 30, 26), 4, 3)
    canvas.hair(0.5, 0.5, 0.3, 900, (42, 32, 28), thickest=4)
    canvas.body(0.5, 0.5, 0.3 * canvas.height / canvas.width, 0.3)


def _fur_in_its_own_colours(canvas: Canvas) -> None:
    canvas.behind = canvas.cloth((168, 142, 112), 5, 8)
    canvas.front = canvas.cloth((126, 98, 70), 6, 3)
    canvas.hair(0.55, 0.55, 0.3, 2500, (128, 100, 72), thickest=4, spread=12)
    canvas.body(0.55, 0.55, 0.3 * canvas.height / canvas.width, 0.3)


def _hair_at_night(canvas: Canvas) -> None:
    canvas.behind = canvas.cloth((38, 36, 48), 3, 64)
    for _ in range(60):
        lamp = tuple(int(level) for level in canvas.rng.integers(60, 230, 3))
        place = canvas.at(*canvas.rng.uniform(0, 1, 2))
        cv2.circle(canvas.behind, place, int(canvas.rng.integers(60, 260)), lamp, -1, cv2.LINE_AA)
    canvas.behind = cv2.GaussianBlur(canvas.behind, (0, 0), 20).astype(np.uint8)
    canvas.front = canvas.cloth((150, 112, 84), 5, 4)
    canvas.hair(0.5, 0.55, 0.3, 1000, (152, 114, 86), thickest=5)
    canvas.body(0.5, 0.55, 0.3 * canvas.height / canvas.width, 0.3)


def _out_of_focus(canvas: Canvas) -> None:
    canvas.behind = canvas.slope((120, 150, 180), (90, 110, 150))
    canvas.front = canvas.cloth((190, 70, 60), 3, 6)
    canvas.body(0.4, 0.5, 0.25, 0.35)
    cv2.rectangle(canvas.alpha, canvas.at(0.55, 0.35), canvas.at(0.85, 0.8), 255, -1)
    sharp, blurred = canvas.alpha.copy(), cv2.GaussianBlur(canvas.alpha, (0, 0), 14)
    part = np.linspace(0, 1, canvas.width, dtype=np.float32)[None, :]  # in focus on the left, not on the right
    canvas.alpha = as_bytes(sharp * (1 - part) + blurred * part)


def _net(canvas: Canvas) -> None:
    canvas.behind = canvas.cloth((186, 178, 160), 4, 6)
    canvas.front = canvas.cloth((44, 62, 96), 5, 3)
    sway = np.linspace(0, 8, 60)
    for line in range(70):
        across = line / 70 * canvas.width
        down = np.stack([across + 12 * np.sin(sway + line), np.linspace(0.1, 0.9, 60) * canvas.height], 1)
        level = np.stack(
            [np.linspace(0.1, 0.9, 60) * canvas.width, line / 70 * canvas.height + 12 * np.sin(sway * 1.3 + line)], 1
        )
        for thread in (down, level):
            canvas.strand(thread, int(canvas.rng.integers(4, 12)), (46, 64, 98))
    cv2.rectangle(canvas.alpha, canvas.at(0.1, 0.1), canvas.at(0.9, 0.9), 255, 160)
    for hole in range(40):
        cv2.circle(canvas.alpha, canvas.at(0.1 + 0.02 * hole, 0.1), 26, 0, -1, cv2.LINE_AA)


def _glass(canvas: Canvas) -> None:
    wood = canvas.cloth((150, 106, 70), 5, 4)
    for _ in range(90):
        y = int(canvas.rng.uniform(0, canvas.height))
        cv2.line(wood, (0, y), (canvas.width, y + 40), (118, 80, 52), int(canvas.rng.integers(2, 14)), cv2.LINE_AA)
    canvas.behind = wood
    canvas.front = canvas.cloth((214, 226, 230), 2, 16)
    left, top, right, bottom = *canvas.at(0.3, 0.15), *canvas.at(0.7, 0.85)
    canvas.alpha[top:bottom, left:right] = 72
    canvas.alpha[int(bottom - 0.4 * (bottom - top)) : bottom, left:right] = 128
    for x, part in ((0.33, 215), (0.36, 140), (0.62, 180), (0.66, 110)):
        cv2.line(canvas.alpha, canvas.at(x, 0.2), canvas.at(x, 0.8), part, 30, cv2.LINE_AA)
    cv2.rectangle(canvas.alpha, (left, top), (right, bottom), 255, 14)
    canvas.alpha = cv2.GaussianBlur(canvas.alpha, (0, 0), 1.5).astype(np.uint8)


def _grass_before_the_sky(canvas: Canvas) -> None:
    canvas.behind = canvas.slope((150, 190, 235), (205, 222, 240))
    canvas.front = canvas.cloth((70, 110, 40), 8, 3)
    for _ in range(1500):
        x, lean = canvas.rng.uniform(0, canvas.width), canvas.rng.normal(0, 0.25)
        height = canvas.height * canvas.rng.uniform(0.2, 0.75)
        along = np.linspace(0, 1, 16)
        points = np.stack([x + lean * height * along**2, canvas.height - height * along], 1)
        shade = canvas.rng.normal(0, 16)
        tone: Colour = (int(74 + shade), int(116 + shade), int(44 + shade * 0.5))
        for part, thickness in ((16, 1), (13, 4), (8, 8)):  # a blade is thicker below
            canvas.strand(points[:part], thickness + int(canvas.rng.integers(0, 3)), tone)


def _spokes(canvas: Canvas) -> None:
    """A wheel on a pavement: tyre, rim, hub, and 48 spokes of steel that shine on one side and cross each other."""
    canvas.behind = canvas.cloth((122, 118, 112), 6, 6)
    canvas.front = canvas.cloth((52, 52, 56), 3, 3)
    x, y = canvas.at(0.5, 0.5)
    outer = round(0.42 * canvas.height)
    for spoke in range(48):
        start = 2 * np.pi * spoke / 48 + (0.35 if spoke % 2 else -0.35)  # tangent to the hub, as they are laced
        end = 2 * np.pi * spoke / 48
        line = np.array([[x + 0.05 * outer * np.cos(start), y + 0.05 * outer * np.sin(start)],
                         [x + 0.93 * outer * np.cos(end), y + 0.93 * outer * np.sin(end)]])  # fmt: skip
        shade = int(canvas.rng.integers(-30, 30))
        canvas.strand(line, int(canvas.rng.integers(4, 8)), (208 + shade, 210 + shade, 214 + shade))
    cv2.circle(canvas.alpha, (x, y), outer, 255, round(0.05 * outer), cv2.LINE_AA)
    for radius, thickness, tone in ((outer, 0.07, (34, 34, 38)), (0.93 * outer, 0.03, (196, 198, 204))):
        cv2.circle(canvas.front, (x, y), round(radius), tone, round(thickness * outer), cv2.LINE_AA)
    cv2.circle(canvas.alpha, (x, y), round(0.93 * outer), 255, round(0.025 * outer), cv2.LINE_AA)
    cv2.circle(canvas.alpha, (x, y), round(0.06 * outer), 255, -1, cv2.LINE_AA)


def _tulle(canvas: Canvas) -> None:
    """A veil: a fine net with clear holes, in folds of two or three layers that shine through."""
    canvas.behind = canvas.cloth((96, 110, 126), 5, 24)
    canvas.front = canvas.cloth((236, 232, 226), 2, 8)
    down = np.linspace(0, 1, 200)
    layers: Floats = np.zeros_like(canvas.alpha, dtype=np.float32)
    for layer, spacing in enumerate((22, 26)):
        threads = np.zeros_like(canvas.alpha)
        for lean in (-0.4, 0.4):
            for line in range(-60, canvas.width // spacing + 60):
                across = line * spacing + lean * down * canvas.height + 9 * np.sin(down * (7 + layer) + line * 0.02)
                fixed = np.round(np.stack([across, down * canvas.height], 1) * 16).astype(np.int32)
                cv2.polylines(threads, [fixed], False, 150, 3, cv2.LINE_AA, 4)
        layers += threads * (1 - layers / 255)
    veil = np.zeros_like(canvas.alpha)
    cv2.ellipse(
        veil, canvas.at(0.5, 0.55), (round(0.32 * canvas.width), round(0.4 * canvas.height)), 0, 0, 360, 255, -1
    )
    folds = cv2.resize(canvas.rng.uniform(0.5, 1, (3, 24)).astype(np.float32), (canvas.width, canvas.height))
    canvas.alpha = as_bytes((28 + layers * 0.8) * folds * (cv2.GaussianBlur(veil, (0, 0), 3) / np.float32(255)))
    canvas.body(0.5, 0.62, 0.08, 0.2)


def _white_on_white(canvas: Canvas) -> None:
    """A vase and a plume on a table for products: a few levels lie between white and white, and below is a shadow."""
    canvas.behind = canvas.slope((249, 249, 250), (240, 240, 242))
    shadow = np.zeros((canvas.height, canvas.width), np.float32)
    axes = (round(0.2 * canvas.width), round(0.05 * canvas.height))
    cv2.ellipse(shadow, canvas.at(0.52, 0.86), axes, 0, 0, 360, 0.42, -1)
    shadow = cv2.GaussianBlur(shadow, (0, 0), 0.02 * canvas.height).astype(np.float32)
    canvas.behind = as_bytes(canvas.behind * (1 - shadow[..., None]))
    canvas.front = canvas.cloth((231, 229, 225), 1, 4)
    for _ in range(700):
        root, tip = canvas.rng.uniform(0.15, 0.5), canvas.rng.uniform(0.06, 0.16)
        side = canvas.rng.choice((-1, 1))
        along = np.linspace(0, 1, 16)
        x = 0.5 + side * tip * along + 0.02 * np.sin(6 * root)
        y = root - 0.12 * along + 0.05 * along**2
        shade = int(canvas.rng.normal(0, 4))
        points = np.stack([x * canvas.width, y * canvas.height], 1)
        canvas.strand(points, int(canvas.rng.integers(2, 5)), (229 + shade, 227 + shade, 223 + shade))
    canvas.body(0.5, 0.7, 0.1, 0.17)
    cv2.rectangle(canvas.alpha, canvas.at(0.485, 0.12), canvas.at(0.515, 0.56), 255, -1)


def _one_colour(canvas: Canvas) -> None:
    """A rug of the floor's own colour and weave; only its fringes are a shade lighter, and its border is soft."""
    canvas.behind = canvas.cloth((142, 124, 104), 5, 4)
    canvas.front = canvas.cloth((142, 124, 104), 5, 4)
    for _ in range(1400):
        x, y = canvas.rng.uniform(0.25, 0.75), canvas.rng.choice((0.3, 0.7))
        along = np.linspace(0, 1, 12)
        lean, length = canvas.rng.normal(0, 0.015), canvas.rng.uniform(0.03, 0.14) * (1 if y > 0.5 else -1)
        points = np.stack([(x + lean * along**2) * canvas.width, (y + length * along) * canvas.height], 1)
        shade = int(canvas.rng.normal(18, 8))
        canvas.strand(points, int(canvas.rng.integers(3, 7)), (142 + shade, 124 + shade, 104 + shade))
    cv2.rectangle(canvas.alpha, canvas.at(0.25, 0.3), canvas.at(0.75, 0.7), 255, -1)
    canvas.alpha = cv2.GaussianBlur(canvas.alpha, (0, 0), 1.5).astype(np.uint8)


SCENES = (
    Scene("hair before a wall", 4032, 3024, _hair_before_a_wall),
    Scene("hair before leaves", 6000, 4000, _hair_before_leaves),
    Scene("hair before bricks", 6000, 4000, _hair_before_bricks),
    Scene("fur in its own colours", 6000, 4000, _fur_in_its_own_colours),
    Scene("hair at night, noisy", 8064, 6048, _hair_at_night, noise_levels=5, lens_pixels=1.2),
    Scene("out of focus", 4032, 3024, _out_of_focus),
    Scene("net with holes", 8064, 6048, _net, lens_pixels=1.2),
    Scene("glass on wood", 6000, 4000, _glass),
    Scene("grass before the sky", 8688, 5792, _grass_before_the_sky, lens_pixels=1.2),
    Scene("spokes", 6000, 4000, _spokes),
    Scene("tulle", 6000, 4000, _tulle),
    Scene("white on white", 6000, 4000, _white_on_white),
    Scene("one colour", 5472, 3648, _one_colour),
)
