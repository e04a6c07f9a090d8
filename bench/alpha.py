"""How true the cut-out's edges are at full size, against enlarging the API's alpha by Lanczos: photos with known truth.

`python -m bench.alpha FOLDER [words of scene names]` also writes crops to look at: photo, plain way, ours.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
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

HAS_PYMATTING = find_spec("pymatting") is not None
"""It brings numba and scipy, for one table of one benchmark: `pip install pymatting==1.1.16` adds that table."""

GROUNDS = {"green": (0, 170, 60), "white": (255, 255, 255)}
LIMITS = DecodeLimits(max_pixels=120_000_000, max_frames=1)
_JPEG_QUALITY = 93
_AT_EDGES = 1_500_000
"""So many of the pixels at edges, drawn by lot, are composited."""
_SAYS_NOTHING = 0.01e-3
"""A mean squared error under which the eye sees nothing, and a ratio of two says nothing."""
_ANCHOR_SIDE = 2048
"""Pixels a side of the part in which the subject's colours are also estimated by pymatting, which takes seconds."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Api:
    """A simulated API."""

    name: str
    alpha: Callable[[Floats, Size], Floats]
    """What it makes of the true alpha, 0 to 1, at the size of its answer."""
    cleaned_up: bool = True
    """Whether it takes the old background out of the colours at the edges."""
    anchored: bool = False
    """Whether its colours are held against pymatting's, too."""


def _by_area(plane: Floats, size: Size) -> Floats:
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _by_lanczos(plane: Floats, size: Size) -> Floats:
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS), np.float32)


def _coarse(longer_side: int) -> Callable[[Floats, Size], Floats]:
    """A model that looks at so many pixels; its alpha is enlarged again."""

    def seen(plane: Floats, size: Size) -> Floats:
        share = longer_side / max(size)
        low = _by_area(plane, (round(size[0] * share), round(size[1] * share)))
        return cv2.resize(low, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)

    return seen


_ONE_PIXEL = np.ones((3, 3), np.uint8)

APIS = (
    Api("true", _by_area, anchored=True),
    Api("true, not cleaned up", _by_area, cleaned_up=False, anchored=True),
    Api("by Lanczos", _by_lanczos),
    Api("coarse, 1,024", _coarse(1024), anchored=True),
    Api("coarse, 1,024, not cleaned up", _coarse(1024), cleaned_up=False),
    Api("coarse, 768", _coarse(768)),
    Api("eroded", lambda plane, size: cv2.erode(_by_area(plane, size), _ONE_PIXEL).astype(np.float32)),
    Api("dilated", lambda plane, size: cv2.dilate(_by_area(plane, size), _ONE_PIXEL).astype(np.float32)),
    Api("binary", lambda plane, size: np.rint(_by_area(plane, size)).astype(np.float32)),
)


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
    api: Api
    plain: Errors
    ours: Errors
    anchor: tuple[float, float] | None
    """Mean absolute error of the subject's colours, times alpha, near the edges of one part: ours and pymatting's."""

    @property
    def squared_ratio(self) -> float:
        return self.ours.squared / self.plain.squared

    def colour_ratio(self) -> float:
        """The worse one of the grounds."""
        return max(self.ours.colour[ground] / self.plain.colour[ground] for ground in GROUNDS)


def measure() -> Report:
    """Judge every scene with each kind of API."""
    with TemporaryDirectory(prefix="dropcut-alpha-") as folder:
        return _report([judged for scene in SCENES for judged in judge(scene, Path(folder))])


def judge(scene: Scene, folder: Path, crops: Path | None = None) -> Iterator[Judged]:
    """Take the scene's photo, ask each simulated API, and hold both ways against the truth."""
    truth = make(scene)
    photo = folder / "photo.jpg"
    Image.fromarray(truth.photo).save(photo, quality=_JPEG_QUALITY, subsampling="4:2:0")
    developed = np.asarray(Image.open(photo))
    edges = _sample_of_edges(truth.alpha)
    for api in APIS:
        answer = _answer(truth, developed, api)
        Image.fromarray(answer).save(folder / "answer.png", compress_level=1)
        lanczos = Image.fromarray(answer[..., 3]).resize((scene.width, scene.height), Image.Resampling.LANCZOS)
        plain = np.dstack([developed, np.asarray(lanczos)])
        ours = full_size_cutout(photo, folder / "answer.png", LIMITS, colour="keep").numpy()
        if crops:
            _write_crops(crops, f"{scene.name}, {api.name}", truth, plain, ours)
        anchor = _anchor(truth, developed, ours) if api.anchored and HAS_PYMATTING else None
        yield Judged(scene, api, _errors(plain, truth, edges), _errors(ours, truth, edges), anchor)


def _answer(truth: Truth, developed: Bytes, api: Api) -> Bytes:
    """What the API answers: the truth as it sees it, and the subject's colours, or the photo's. RGBA."""
    height, width = truth.alpha.shape
    size = size_to_send(width, height)
    alpha = np.clip(api.alpha((truth.alpha / 255).astype(np.float32), size), 0, 1)
    if api.cleaned_up:
        share = _by_area((truth.alpha / 255).astype(np.float32), size)[..., None]
        mixed = np.stack([_by_area(_weighted(truth, band), size) for band in range(3)], 2)
        beside = np.stack([_by_area(truth.front[..., band].astype(np.float32), size) for band in range(3)], 2)
        colours = np.where(share > 0.01, mixed / np.maximum(share, 0.01), beside)  # a coarse alpha reaches further
    else:
        colours = np.stack([_by_area(developed[..., band].astype(np.float32), size) for band in range(3)], 2)
    colours[alpha < 0.5 / 255] = 0
    answer: Bytes = np.clip(np.rint(np.dstack([colours, alpha * 255])), 0, 255).astype(np.uint8)
    return answer


def _weighted(truth: Truth, band: int) -> Floats:
    weighted = truth.front[..., band] * (truth.alpha.astype(np.float32) / 255)
    return weighted.astype(np.float32)


def _anchor(truth: Truth, developed: Bytes, ours: Bytes) -> tuple[float, float]:
    """How far off the subject's colours are near edges, times the alpha with which they show: ours and pymatting's."""
    from pymatting import estimate_foreground_ml  # noqa: PLC0415 - takes seconds, and no other benchmark needs it

    window = _busiest(truth.alpha, _ANCHOR_SIDE)
    have, front = ours[window], truth.front[window]
    alpha = have[..., 3].astype(np.float32) / 255
    estimated = estimate_foreground_ml(developed[window] / np.float32(255), alpha) * 255
    edges = _sample_of_edges(truth.alpha[window])
    mine, theirs = (
        float((np.abs(colours[edges] - front[edges].astype(np.float32)) * alpha[edges][:, None]).mean())
        for colours in (have[..., :3], np.clip(estimated, 0, 255))
    )
    return mine, theirs


def _busiest(alpha: Bytes, side: int) -> tuple[slice, slice]:
    """The window of so many pixels a side that holds the most of edges."""
    side = min(side, *alpha.shape)
    half = side // 2
    busy = cv2.boxFilter(((alpha > 20) & (alpha < 235)).astype(np.float32), -1, (side, side))
    middle = busy[half : alpha.shape[0] - side + half + 1, half : alpha.shape[1] - side + half + 1]
    y, x = np.unravel_index(int(np.argmax(middle)), middle.shape)
    return np.s_[y : y + side, x : x + side]


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
    window = _busiest(truth.alpha, 400)
    exact = np.dstack([truth.front[window], truth.alpha[window]])
    ways = [exact, plain[window], ours[window]]
    on_green = [composite(way, GROUNDS["green"]).astype(np.uint8) for way in ways]
    alphas = [np.repeat(way[..., 3:], 3, 2) for way in ways]
    sheet = np.vstack([np.hstack([truth.photo[window], *on_green]), np.hstack([truth.photo[window], *alphas])])
    Image.fromarray(sheet).save(folder / f"{name}.png")


def _report(judged: Sequence[Judged]) -> Report:
    return Report(
        title="alpha: the edges at full size, against Lanczos and the photo's own colours",
        how=(
            f"{len({one.scene.name for one in judged})} synthetic photos of {_megapixels(judged)} megapixels with "
            f"known truth, sensor noise included, as JPEGs of quality {_JPEG_QUALITY}. The API answers with the "
            "truth, reduced by area to what it takes (true), or by Lanczos. Or the truth is reduced to 1,024 or 768 "
            "pixels and enlarged again by a cubic kernel (coarse). Or it is eroded or dilated by a pixel of its "
            "answer, or has nothing half transparent (binary). Its colours at edges are the subject's, or the photo's "
            "(not cleaned up). The cut-out finds out what kind of answer it was by thresholds that were chosen on "
            "these scenes. The plain way enlarges alpha by Lanczos (Pillow) and takes the photo's colours. Alpha "
            "counts from 0 to 1, colours in levels of 255, after compositing, near edges. `estimate_foreground_ml` of "
            f"pymatting gets our alpha and the photo, in the busiest {_ANCHOR_SIDE} x {_ANCHOR_SIDE} pixels. The "
            "colours' errors count times alpha."
        ),
        tables=[
            _matrix("MSE of Lanczos, e-3", judged, lambda one: f"{one.plain.squared * 1e3:.3f}"),
            _matrix("MSE of ours / Lanczos'", judged, _squared_cell),
            _matrix("SAD of ours / Lanczos'", judged, lambda one: f"{one.ours.absolute / one.plain.absolute:.2f}"),
            _matrix("colour, ours / plain, worse ground", judged, lambda one: f"{one.colour_ratio():.2f}"),
            *(
                [_matrix("colour, levels, ours / pymatting's", [one for one in judged if one.anchor], _anchor_cell)]
                if HAS_PYMATTING
                else []
            ),
        ],
        targets=[*_alpha_targets(judged), *_colour_targets(judged), *_anchor_targets(judged)],
    )


def _matrix(title: str, judged: Sequence[Judged], cell: Callable[[Judged], str]) -> Table:
    """A row for each scene, a column for each API."""
    apis = list(dict.fromkeys(one.api.name for one in judged))
    rows: dict[str, list[str]] = {}
    for one in judged:
        rows.setdefault(one.scene.name, [one.scene.name]).append(cell(one))
    return Table([title, *apis], list(rows.values()))


def _squared_cell(one: Judged) -> str:
    return f"{one.squared_ratio:.3f}" + " (tiny)" * (one.ours.squared < _SAYS_NOTHING)


def _anchor_cell(one: Judged) -> str:
    ours, theirs = one.anchor or (0.0, 0.0)
    return f"{ours:.2f} / {theirs:.2f}"


def _alpha_targets(judged: Sequence[Judged]) -> list[Target]:
    def of(*apis: str, scenes: Sequence[str] = ("",)) -> list[Judged]:
        return [one for one in judged if one.api.name in apis and any(word in one.scene.name for word in scenes)]

    coarse = ("coarse, 1,024", "coarse, 768")
    judgeable = [one for one in judged if one.ours.squared >= _SAYS_NOTHING]
    fine = of(*coarse, scenes=("hair", "spokes", "net", "tulle"))
    limits = [
        ("true, over the set", _of_set(of("true"), "squared"), 0.2),
        ("by Lanczos, over the set", _of_set(of("by Lanczos"), "squared"), 0.2),
        ("coarse, the worst of hair, spokes, net and tulle", _worst(fine), 0.28),
        ("coarse, white on white", _worst(of(*coarse, scenes=("white on white",))), 0.5),
        ("coarse, one colour", _worst(of(*coarse, scenes=("one colour",))), 0.8),
        ("the worst scene with any API", _worst(judgeable), 1.05),
    ]
    return [
        *(Target(f"alpha, MSE of Lanczos', {kind}", ratio, limit, "") for kind, ratio, limit in limits),
        Target("alpha, SAD of Lanczos', true, over the set", _of_set(of("true"), "absolute"), 0.5, ""),
        Target("alpha, SAD of Lanczos', by Lanczos, over the set", _of_set(of("by Lanczos"), "absolute"), 0.5, ""),
    ]


def _worst(judged: Sequence[Judged]) -> float:
    return max((one.squared_ratio for one in judged), default=0.0)


def _of_set(judged: Sequence[Judged], kind: str) -> float:
    ours, plain = (sum(getattr(errors, kind) for errors in ways) for ways in
                   ([one.ours for one in judged], [one.plain for one in judged]))  # fmt: skip
    return float(ours / plain)


def _colour_targets(judged: Sequence[Judged]) -> list[Target]:
    kinds = {
        "true": ["true"],
        "not cleaned up": ["true, not cleaned up"],
        "coarse": ["coarse, 1,024", "coarse, 768"],
        "coarse, not cleaned up": ["coarse, 1,024, not cleaned up"],
    }
    targets = []
    for kind, names in kinds.items():
        chosen = [one for one in judged if one.api.name in names]
        for ground in GROUNDS:
            ours, plain = (sum(way.colour[ground] for way in ways) for ways in
                           ([one.ours for one in chosen], [one.plain for one in chosen]))  # fmt: skip
            targets.append(
                Target(f"colour over the set on {ground}, {kind}, of the plain way's", ours / plain, 0.5, "")
            )
    return targets


def _anchor_targets(judged: Sequence[Judged]) -> list[Target]:
    targets = []
    for api in dict.fromkeys(one.api.name for one in judged if one.anchor):
        both = [one.anchor for one in judged if one.anchor and one.api.name == api]
        ours, theirs = (sum(one[place] for one in both) for place in (0, 1))
        targets.append(Target(f"colour at edges over the set, {api}, of pymatting's", ours / theirs, 0.9, ""))
    return targets


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
