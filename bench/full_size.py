"""A 48-megapixel photo to a full-size PNG cut-out: time, memory and size against Pillow; memory of larger photos."""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from dropcut.core.api_limits import size_to_send
from PIL import Image

from bench.report import Report, Table, Target
from bench.scenes import SCENES, Bytes, Scene, Truth, make
from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.surroundings import clean

PHOTO = Scene("hair before leaves", 8064, 6048, next(scene.paint for scene in SCENES if "leaves" in scene.name))
LARGEST = (11584, 8688)
"""100 megapixels."""
RUNS = 3
_PROBE = Path(__file__).with_name("full_size_probe.py")
_TURNED_RIGHT = 6
_AS_DEPLOYED = {"VIPS_CONCURRENCY": "2", "MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024)}
"""What adapters/imaging_process.py tells the child."""
LARGE: dict[str, dict[str, Any]] = {
    "baseline": {},
    "turned by 90 degrees": {"orientation": _TURNED_RIGHT},
    "progressive": {"progressive": True},
    "progressive, turned": {"progressive": True, "orientation": _TURNED_RIGHT},
}


@dataclass(frozen=True)
class Run:
    seconds: float
    most_mib: float
    size_mb: float


def measure() -> Report:
    """Both ways in turn on the photo of a phone, then ours on larger ones."""
    with TemporaryDirectory(prefix="dropcut-full-size-") as name:
        folder = Path(name)
        truth = make(PHOTO)
        photo, answer = _saved(truth.photo, folder), _answered(truth, folder)
        runs: dict[str, list[Run]] = {"pillow": [], "ours": []}
        for _ in range(RUNS):
            for way, done in runs.items():
                done.append(run(way, photo, answer, folder))
        large = cv2.resize(truth.photo, LARGEST, interpolation=cv2.INTER_LINEAR).astype(np.uint8)
        largest = {kind: run("ours", _saved(large, folder, **how), answer, folder) for kind, how in LARGE.items()}
    pillow, ours = (_middle(runs[way]) for way in ("pillow", "ours"))
    return Report(
        title="full size: a 48-megapixel JPEG to a PNG cut-out",
        how=(
            f"A process of its own for each run, libraries included; the median of {RUNS} runs, both ways in turn. "
            "Memory is the most resident memory (VmHWM). Pillow: decode, enlarge alpha by Lanczos, clear the pixels "
            "where alpha is 0, save at level 6. Below, the same scene at 100 megapixels, ours only."
        ),
        tables=[
            Table(["", "time", "memory", "file"], [_row("Pillow", pillow), _row("ours", ours)]),
            Table(["100 megapixels", "time", "memory", "file"], [_row(kind, one) for kind, one in largest.items()]),
        ],
        targets=[
            Target("time, of Pillow's", ours.seconds / pillow.seconds, 0.33, ""),
            Target("memory, of Pillow's", ours.most_mib / pillow.most_mib, 1 / 3, ""),
            Target("file, of Pillow's", ours.size_mb / pillow.size_mb, 1.1, ""),
            Target("100 megapixels, baseline", largest["baseline"].most_mib, 400, "MiB", must_be_under=True),
        ],
    )


def run(way: str, photo: Path, answer: Path, folder: Path) -> Run:
    """One cut-out in an interpreter of its own; `way` is `ours` or `pillow`."""
    surroundings = {**clean(), "PYTHONPATH": str(REPOSITORY / "functions"), "TMPDIR": str(folder)}
    if way == "ours":
        surroundings |= _AS_DEPLOYED
    done = subprocess.run(
        [sys.executable, _PROBE, way, photo, answer, folder / f"{way}.png"],
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The measured interpreter failed:\n{done.stderr[-2000:]}")
    measured = json.loads(done.stdout)
    return Run(measured["seconds"], measured["most_kib"] / 1024, measured["bytes"] / 1e6)


def _saved(pixels: Bytes, folder: Path, *, orientation: int = 1, progressive: bool = False) -> Path:
    """A JPEG that shows these pixels upright, whatever way it stores them."""
    stored = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    if orientation == _TURNED_RIGHT:
        stored = stored.transpose(Image.Transpose.ROTATE_90)
    path = folder / f"photo-{orientation}-{progressive}.jpg"
    stored.save(path, quality=93, progressive=progressive, exif=exif)
    return path


def _answered(truth: Truth, folder: Path) -> Path:
    """The true alpha and the photo's colours, at the size that the API takes."""
    height, width = truth.alpha.shape
    size = size_to_send(width, height)
    planes = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (truth.photo, truth.alpha)]
    path = folder / "answer.png"
    Image.fromarray(np.dstack(planes)).save(path)
    return path


def _middle(runs: Sequence[Run]) -> Run:
    return Run(*(statistics.median(getattr(one, name) for one in runs) for name in ("seconds", "most_mib", "size_mb")))


def _row(name: str, one: Run) -> list[str]:
    return [name, f"{one.seconds:.1f} s", f"{one.most_mib:.0f} MiB", f"{one.size_mb:.1f} MB"]
