"""How well the verdict tells good cut-outs from bad ones, on labelled sets, and what it costs.

`python -m bench.quality FOLDER` also writes each case that is judged wrongly: the photo beside the cut-out on green.
"""

import statistics
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pyvips
from dropcut.core.quality import Quality, quality_of
from dropcut.imaging.quality import measures_of
from PIL import Image

from bench.quality_sets import HALVES, Case, cases
from bench.report import Report, Table, Target
from bench.scenes import SCENES, Bytes, make

LEAST_DOUBTED = 0.95
"""Of the bad ones."""
MOST_DOUBTED = 0.05
"""Of the good ones."""
LONGEST_MS = 30.0
_TIMED = (2364, 1773)
"""4.19 megapixels, the most that an API answers."""
_RUNS = 21
_GREEN = (0, 200, 0)


@dataclass(frozen=True)
class Judged:
    kind: str
    name: str
    is_good: bool
    quality: Quality
    by_area: bool
    """Whether the area alone raises a doubt: what a check without the photo could say."""

    @property
    def is_right(self) -> bool:
        return self.is_good != bool(self.quality.doubts)


def measure() -> Report:
    """Judge both halves, then time the verdict on the scene with the most strands."""
    judged = {half: [judge(case) for case in cases(half)] for half in HALVES}
    every = [one for half in judged.values() for one in half]
    took_ms, decoding_ms = _times()
    return Report(
        title="quality: good cut-outs and bad ones",
        how=(
            f"{sum(one.is_good for one in every)} good answers and {sum(not one.is_good for one in every)} bad ones "
            "to synthetic photos and the samples (`bench/quality_sets.py`, `bench/spoiled.py`). The levels were "
            "chosen on the calibration half; the held-out half has other seeds. Area alone doubts what keeps less "
            "than 0.2 % or more than 98.5 % of the photo. The time is processor time of all threads, which a busy "
            f"machine lengthens less than the clock's. It is the median of {_RUNS} runs for an answer of 4.2 "
            "megapixels in memory, beside that of decoding the same answer from PNG."
        ),
        tables=[
            Table(["of all, doubted", "cut-outs", "calibration", "held-out", "area alone"], _halves(judged)),
            Table(["kind", "cut-outs", "doubted", "least score", "median", "greatest"], _kinds(every)),
            Table(["4.2 megapixels", "processor time"], [["decoding the answer", f"{decoding_ms:.0f} ms"],
                                               ["the verdict", f"{took_ms:.0f} ms"]]),
        ],
        targets=[*_targets(judged), Target("processor time of the verdict", took_ms, LONGEST_MS, "ms")],
    )  # fmt: skip


def judge(case: Case) -> Judged:
    measures = measures_of(_image(case.photo), _image(case.answer))
    quality = quality_of(measures)
    by_area = not 0.002 < measures.kept < 0.985
    return Judged(case.kind, case.name, case.is_good, quality, by_area)


def _times() -> tuple[float, float]:
    """Milliseconds of processor time of the verdict and of decoding its answer, by turns."""
    scene = next(scene for scene in SCENES if "leaves" in scene.name)
    truth = make(replace(scene, width=_TIMED[0], height=_TIMED[1]))
    photo, answer = _image(truth.photo), _image(np.dstack([truth.photo, truth.alpha]))
    png = answer.pngsave_buffer(compression=1)
    pyvips.cache_set_max(0)  # or the second run would find the first one's images
    took, decoding = [], []
    for _ in range(_RUNS):
        begun = time.process_time()
        quality_of(measures_of(photo, answer))
        between = time.process_time()
        pyvips.Image.new_from_buffer(png, "").copy_memory()
        took.append(between - begun)
        decoding.append(time.process_time() - between)
    return 1000 * statistics.median(took), 1000 * statistics.median(decoding)


def _image(pixels: Bytes) -> pyvips.Image:
    return pyvips.Image.new_from_array(np.ascontiguousarray(pixels))


def _halves(judged: Mapping[str, Sequence[Judged]]) -> Sequence[Sequence[str]]:
    every = [one for half in judged.values() for one in half]
    return [
        [
            name,
            str(sum(one.is_good == is_good for one in every)),
            *[f"{_doubted(half, is_good):.1%}" for half in judged.values()],
            f"{np.mean([one.by_area for one in every if one.is_good == is_good]):.1%}",
        ]
        for name, is_good in (("good", True), ("bad", False))
    ]


def _doubted(judged: Iterable[Judged], is_good: bool) -> float:
    chosen = [bool(one.quality.doubts) for one in judged if one.is_good == is_good]
    return sum(chosen) / len(chosen)


def _kinds(judged: Sequence[Judged]) -> Sequence[Sequence[str]]:
    rows = []
    for is_good, kind in dict.fromkeys((one.is_good, one.kind) for one in judged):
        chosen = [one for one in judged if (one.is_good, one.kind) == (is_good, kind)]
        scores = [one.quality.score for one in chosen]
        doubted = sum(bool(one.quality.doubts) for one in chosen)
        figures = [f"{figure:.2f}" for figure in (min(scores), statistics.median(scores), max(scores))]
        rows.append([f"{'good' if is_good else 'bad'}: {kind}", str(len(chosen)), str(doubted), *figures])
    return sorted(rows, key=lambda row: row[0].startswith("bad"))


def _targets(judged: Mapping[str, Sequence[Judged]]) -> Sequence[Target]:
    targets = []
    for half, ones in judged.items():
        name = half.replace("_", "-")
        targets += [
            Target(f"{name}, bad and not doubted", 1 - _doubted(ones, is_good=False), 1 - LEAST_DOUBTED, ""),
            Target(f"{name}, good and doubted", _doubted(ones, is_good=True), MOST_DOUBTED, ""),
        ]
    return targets


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for half in HALVES:
        for number, case in enumerate(cases(half)):
            judged = judge(case)
            if judged.is_right:
                continue
            alpha = case.answer[..., 3:] / 255
            shown = np.hstack([case.photo, (case.photo * alpha + np.array(_GREEN) * (1 - alpha)).astype(np.uint8)])
            Image.fromarray(cv2.resize(shown, None, fx=0.5, fy=0.5)).save(folder / f"{half}-{number}.jpg")
            label = "good" if case.is_good else "bad"
            print(f"{half}-{number}.jpg: {label}, {case.kind}, {case.name}; {judged.quality}")


if __name__ == "__main__":
    main()
