"""How true the cut-out's edges are at full size, against enlarging the API's alpha by Lanczos: photos with known truth.

`python -m bench.alpha FOLDER [words of scene names]` also writes crops to look at: photo, plain way, ours.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from dropcut.core.api_limits import size_to_send
from dropcut.core.picture_limits import DecodeLimits
from dropcut.imaging.full_size import full_size_cutout
from PIL import Image

from bench.report import Report, Table, Target
from bench.scenes import SCENES, Bytes, Floats, Scene, Truth, make

GROUNDS = {"green": (0, 170, 60), "white": (255, 255, 255)}
LIMITS = DecodeLimits(max_pixels=120_000_000, max_frames=1)
APIS = (("area", True), ("area", False), ("lanczos", True))
"""How the simulated API reduces, and whether it cleans the colours up."""
_JPEG_QUALITY = 93
_AT_EDGES = 1_500_000
"""So many of the pixels at edges, drawn by lot, are composited."""


@dataclass(frozen=True)
class Errors:
    """Of one way. Alpha counts from 0 to 1, colours in levels of 255."""

    squared: float
    """Mean squared error of alpha over the picture."""
    absolute: float
    """Mean absolute error of alpha over the picture: SAD over the number of pixels."""
    colour: dict[str, float]
    """Mean absolute error of the composite on each ground, of pixels within 2 of where alpha is between 0 and 1."""


@dataclass(frozen=True)
class Judged:
    scene: Scene
    reduced_by: str
    """How the API reduced: `area` or `lanczos`."""
    cleaned_up: bool
    """Whether the API took the old background out of the colours at the edges."""
    plain: Errors
    ours: Errors

    def colour_ratio(self) -> float:
        """The worse one of the grounds."""
        return max(self.ours.colour[ground] / self.plain.colour[ground] for ground in GROUNDS)


def measure() -> Report:
    """Judge every scene with each kind of API."""
    with TemporaryDirectory(prefix="dropcut-alpha-") as folder:
        return _report([judged for scene in SCENES for judged in judge(scene, Path(folder))])


def judge(scene: Scene, folder: Path, crops: Path | None = None) -> Iterator[Judged]:
    """Take the scene's photo, ask the simulated API, and hold both ways against the truth."""
    truth = make(scene)
    photo = folder / "photo.jpg"
    Image.fromarray(truth.photo).save(photo, quality=_JPEG_QUALITY, subsampling="4:2:0")
    developed = np.asarray(Image.open(photo))
    edges = _sample_of_edges(truth.alpha)
    for reduced_by, cleaned_up in APIS:
        answer = _answer(truth, developed, reduced_by, cleaned_up=cleaned_up)
        Image.fromarray(answer).save(folder / "answer.png", compress_level=1)
        lanczos = Image.fromarray(answer[..., 3]).resize((scene.width, scene.height), Image.Resampling.LANCZOS)
        plain = np.dstack([developed, np.asarray(lanczos)])
        ours = full_size_cutout(photo, folder / "answer.png", LIMITS, colour="keep").numpy()
        if crops:
            kind = f"{', sharp alpha' * (reduced_by == 'lanczos')}{'' if cleaned_up else ', not cleaned up'}"
            _write_crops(crops, f"{scene.name}{kind}", truth, plain, ours)
        yield Judged(scene, reduced_by, cleaned_up, _errors(plain, truth, edges), _errors(ours, truth, edges))


def _answer(truth: Truth, developed: Bytes, reduced_by: str, *, cleaned_up: bool) -> Bytes:
    """What an API that makes no mistake answers: the truth, reduced to what it takes. RGBA."""
    height, width = truth.alpha.shape
    size = size_to_send(width, height)
    reduced = _REDUCED[reduced_by]
    alpha = reduced((truth.alpha / 255).astype(np.float32), size)
    if cleaned_up:
        planes = [reduced(_weighted(truth, band), size) for band in range(3)]
        colours = np.stack(planes, 2) / np.maximum(alpha, 1e-3)[..., None]
    else:
        colours = np.stack([reduced(developed[..., band].astype(np.float32), size) for band in range(3)], 2)
    colours[alpha < 0.5 / 255] = 0
    answer: Bytes = np.clip(np.rint(np.dstack([colours, alpha * 255])), 0, 255).astype(np.uint8)
    return answer


def _by_area(plane: Floats, size: tuple[int, int]) -> Floats:
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _by_lanczos(plane: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS), np.float32)


_REDUCED = {"area": _by_area, "lanczos": _by_lanczos}


def _weighted(truth: Truth, band: int) -> Floats:
    weighted = truth.front[..., band] * (truth.alpha.astype(np.float32) / 255)
    return weighted.astype(np.float32)


def _sample_of_edges(alpha: Bytes) -> tuple[np.ndarray, ...]:
    half_transparent = ((alpha > 0) & (alpha < 255)).astype(np.uint8)
    edges = np.flatnonzero(cv2.dilate(half_transparent, np.ones((5, 5), np.uint8)))
    if len(edges) > _AT_EDGES:
        edges = np.random.default_rng(1).choice(edges, _AT_EDGES, replace=False)
    return np.unravel_index(edges, alpha.shape)


def _errors(cutout: Bytes, truth: Truth, edges: tuple[np.ndarray, ...]) -> Errors:
    apart = (cutout[..., 3].astype(np.float32) - truth.alpha) / 255
    have, want = cutout[edges], np.dstack([truth.front[edges][None], truth.alpha[edges][None, :, None]])[0]
    return Errors(
        squared=float(np.mean(np.square(apart), dtype=np.float64)),
        absolute=float(np.mean(np.abs(apart), dtype=np.float64)),
        colour={
            name: float(np.abs(composite(have, ground) - composite(want, ground)).mean())
            for name, ground in GROUNDS.items()
        },
    )


def composite(cutout: Bytes, ground: Sequence[int]) -> Floats:
    """Laid on one colour; in levels."""
    part = cutout[..., 3:].astype(np.float32) / 255
    laid = part * cutout[..., :3] + (1 - part) * np.array(ground, np.float32)
    return laid.astype(np.float32)


def _write_crops(folder: Path, name: str, truth: Truth, plain: Bytes, ours: Bytes) -> None:
    """The busiest 400 x 400 pixels: the photo, then the truth, plain and ours, on green above and as alpha below."""
    folder.mkdir(parents=True, exist_ok=True)
    busy = cv2.boxFilter(((truth.alpha > 20) & (truth.alpha < 235)).astype(np.float32), -1, (401, 401))
    y, x = np.unravel_index(int(np.argmax(busy[200:-200, 200:-200])), np.array(busy.shape) - 400)
    window = np.s_[y : y + 400, x : x + 400]
    exact = np.dstack([truth.front[window], truth.alpha[window]])
    ways = [exact, plain[window], ours[window]]
    on_green = [composite(way, GROUNDS["green"]).astype(np.uint8) for way in ways]
    alphas = [np.repeat(way[..., 3:], 3, 2) for way in ways]
    sheet = np.vstack([np.hstack([truth.photo[window], *on_green]), np.hstack([truth.photo[window], *alphas])])
    Image.fromarray(sheet).save(folder / f"{name}.png")


def _report(judged: Sequence[Judged]) -> Report:
    once = [one for one in judged if one.cleaned_up and one.reduced_by == "area"]
    sharp = [one for one in judged if one.reduced_by == "lanczos"]
    return Report(
        title="alpha: the edges at full size, against Lanczos and the photo's own colours",
        how=(
            f"{len(once)} synthetic photos of {_megapixels(once)} megapixels with known truth, sensor noise included, "
            f"as JPEGs of quality {_JPEG_QUALITY}. The API is the truth, reduced by area to what the API takes; once "
            "with the subject's true colours at the edges, once with the photo's (not cleaned up), and once more "
            "reduced by Lanczos (sharp). Which of both it was, the cut-out finds out by a threshold that was chosen on "
            "these scenes. The plain way enlarges alpha by "
            "Lanczos (Pillow) and takes the photo's colours. Alpha counts from 0 to 1, colours in levels of 255, "
            "after compositing, near edges."
        ),
        tables=[
            Table(
                ["alpha", "MP", "MSE plain", "MSE ours", "ratio", "SAD plain", "SAD ours", "ratio"],
                [_alpha_row(one) for one in (*once, *sharp)],
            ),
            Table(
                ["colour", "green plain", "green ours", "white plain", "white ours", "the worse ratio"],
                [_colour_row(one) for one in judged],
            ),
        ],
        targets=[*_targets("alpha", once), *_targets("sharp alpha", sharp), *_colour_targets(judged)],
    )


def _targets(kind: str, once: Sequence[Judged]) -> list[Target]:
    squared = [one.ours.squared / one.plain.squared for one in once]
    absolute = [one.ours.absolute / one.plain.absolute for one in once]
    return [
        Target(f"{kind}, mean squared error over the set, of Lanczos'", _of_set(once, "squared"), 1 / 5, ""),
        Target(f"{kind}, SAD over the set, of Lanczos'", _of_set(once, "absolute"), 1 / 2, ""),
        Target(f"{kind}, mean squared error of the worst scene, of Lanczos'", max(squared), 1, ""),
        Target(f"{kind}, SAD of the worst scene, of Lanczos'", max(absolute), 1, ""),
    ]


def _colour_targets(judged: Sequence[Judged]) -> list[Target]:
    by_area = [one for one in judged if one.reduced_by == "area"]
    kinds = (
        ("cleaned up", [one for one in by_area if one.cleaned_up]),
        ("not cleaned up", [one for one in by_area if not one.cleaned_up]),
    )
    return [
        Target(
            f"colour at edges over the set on {ground}, {kind}, of the plain way's",
            sum(one.ours.colour[ground] for one in chosen) / sum(one.plain.colour[ground] for one in chosen),
            1 / 2,
            "",
        )
        for kind, chosen in kinds
        for ground in GROUNDS
    ]


def _of_set(once: Sequence[Judged], kind: str) -> float:
    ours, plain = (sum(getattr(errors, kind) for errors in ways) for ways in
                   ([one.ours for one in once], [one.plain for one in once]))  # fmt: skip
    return float(ours / plain)


def _alpha_row(one: Judged) -> list[str]:
    plain, ours = one.plain, one.ours
    return [
        one.scene.name + ", sharp" * (one.reduced_by == "lanczos"),
        f"{one.scene.width * one.scene.height / 1e6:.0f}",
        f"{plain.squared * 1e3:.3f}e-3",
        f"{ours.squared * 1e3:.3f}e-3",
        f"{ours.squared / plain.squared:.3f}",
        f"{plain.absolute * 1e3:.2f}e-3",
        f"{ours.absolute * 1e3:.2f}e-3",
        f"{ours.absolute / plain.absolute:.2f}",
    ]


def _colour_row(one: Judged) -> list[str]:
    figures = [f"{way.colour[ground]:.2f}" for ground in GROUNDS for way in (one.plain, one.ours)]
    name = one.scene.name + ", sharp" * (one.reduced_by == "lanczos") + ", not cleaned up" * (not one.cleaned_up)
    return [name, *figures, f"{one.colour_ratio():.2f}"]


def _megapixels(judged: Sequence[Judged]) -> str:
    sizes = sorted(one.scene.width * one.scene.height / 1e6 for one in judged)
    return f"{sizes[0]:.0f} to {sizes[-1]:.0f}"


def main() -> None:
    crops, words = Path(sys.argv[1]), sys.argv[2:]
    chosen = [scene for scene in SCENES if not words or any(word in scene.name for word in words)]
    with TemporaryDirectory(prefix="dropcut-alpha-") as folder:
        judged = [one for scene in chosen for one in judge(scene, Path(folder), crops)]
    print(_report(judged).as_text())


if __name__ == "__main__":
    main()
