"""Prepare's work on large photos: time and memory of the imaging process, against Pillow's reduced decoding."""

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pillow_heif
import pyvips
from dropcut.adapters.imaging_process import ImagingProcess
from dropcut.core.api_limits import size_to_send
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError
from PIL import Image

from bench.decoder_memory import Watch
from bench.photos import SAMPLE
from bench.report import Report, Table, Target
from dropcut_cdk.sizes import decoder_mib
from dropcut_cli.clone.surroundings import clean
from infra.settings import Settings
from local.system import temporary_folder

PAIRS = 5
COMPARED = (8000, 6000)
LARGE = (12_500, 8000)
CEILING_MIB = 400.0
"""For a baseline JPEG of 100 megapixels."""

_PILLOW = """
import sys, time
from pathlib import Path
from PIL import Image
source, target, width, height = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
Image.MAX_IMAGE_PIXELS = None
begun = time.perf_counter()
photo = Image.open(source)
photo.draft("RGB", (width, height))
photo.resize((width, height), Image.Resampling.LANCZOS).save(target, quality=95, subsampling=0)
seconds = time.perf_counter() - begun
print(seconds, int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024)
"""
"""What a careful user of Pillow writes: the decoder shrinks by a power of two, Lanczos does the rest."""

_WRITTEN: Mapping[str, tuple[str, dict[str, Any]]] = {
    "JPEG baseline": (".jpg", {}),
    "JPEG baseline, on its side": (".jpg", {"turned": True}),
    "JPEG progressive, 4:2:0": (".jpg", {"interlace": True}),
    "JPEG progressive, 4:4:4": (".jpg", {"interlace": True, "subsample_mode": "off"}),
    "JPEG progressive, CMYK": (".jpg", {"interlace": True, "interpretation": "cmyk"}),
    "PNG": (".png", {"compression": 1}),
    "PNG interlaced": (".png", {"compression": 1, "interlace": True}),
    "PNG interlaced, 16 bits, alpha": (".png", {"compression": 1, "interlace": True, "interpretation": "rgb16"}),
    "WebP lossy": (".webp", {"effort": 0}),
    "TIFF in strips": (".tif", {"compression": "lzw"}),
    "TIFF of 16 bits, on its side": (".tif", {"interpretation": "rgb16", "turned": True}),
    "BMP": (".bmp", {}),
    "AVIF": (".avif", {"effort": 0}),
    "HEIC": (".heic", {}),
}


@dataclass(frozen=True)
class Run:
    """One photo made ready, in a process of its own."""

    seconds: float
    most_mib: float
    """Resident, the libraries' code included (VmHWM)."""


def measure() -> Report:
    """Compare on one large photo, then measure the most that each kind needs."""
    with temporary_folder("fit") as folder:
        photo = folder / "compared.jpg"
        _noise(COMPARED).jpegsave(str(photo), Q=90)
        pairs = [(_by_pillow(photo), _by_us(photo)) for _ in range(PAIRS + 1)][1:]
        large = _noise(LARGE, kept=True)
        ceilings = {kind: _ceiling(kind, large, folder) for kind in _WRITTEN}
    pillow, ours = (
        Run(statistics.median(run.seconds for run in runs), max(run.most_mib for run in runs))
        for runs in zip(*pairs, strict=True)
    )
    baseline = ceilings["JPEG baseline"]
    assert isinstance(baseline, Run)
    return Report(
        title="fit: what a large photo costs prepare",
        how=(
            f"Medians of {PAIRS} pairs, the two alternating, of a baseline JPEG of {_megapixels(COMPARED)} "
            "megapixels. It is shrunk to what the API takes and written as JPEG of quality 95, 4:4:4. Pillow: draft, "
            "resize with Lanczos, save, in a fresh interpreter, its start and import not counted. Ours: `fit` in a "
            "process of its own; fork, asking and answering counted. Memory is the most resident memory (VmHWM) of "
            f"each process. Below, one photo of {_megapixels(LARGE)} megapixels of each kind in a child of its own, "
            f"which may have {decoder_mib(Settings())} MiB of its own."
        ),
        tables=[
            Table(["a JPEG of 48 megapixels", "time", "memory"], [_row("Pillow", pillow), _row("ours", ours)]),
            Table(
                [f"a photo of {_megapixels(LARGE)} megapixels", "time", "memory"],
                [
                    _row(kind, run) if isinstance(run, Run) else [kind, "rejected", run]
                    for kind, run in ceilings.items()
                ],
            ),
        ],
        targets=[
            Target("time, ours / Pillow's", ours.seconds / pillow.seconds, 1.0, "x"),
            Target("memory, ours / Pillow's", ours.most_mib / pillow.most_mib, 1.0, "x", must_be_under=True),
            Target("memory for 100 megapixels, baseline", baseline.most_mib, CEILING_MIB, "MiB", must_be_under=True),
        ],
    )


def _by_pillow(photo: Path) -> Run:
    size = size_to_send(*COMPARED)
    done = subprocess.run(
        [sys.executable, "-c", _PILLOW, photo, photo.with_name("pillow.jpg"), *map(str, size)],
        env=clean(),
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, most_mib = map(float, done.stdout.split())
    return Run(seconds, most_mib)


def _by_us(photo: Path) -> Run:
    """Raises PictureRefusedError: it takes more memory than it may."""
    settings, target = Settings(), photo.with_name("ours.jpg")
    limits = DecodeLimits(max_pixels=round(settings.max_photo_megapixels * 1e6), max_frames=settings.max_frames)
    imaging = ImagingProcess(seconds=settings.imaging_seconds, memory_mib=decoder_mib(settings))
    with closing(imaging), Watch().watching() as watch:
        imaging.fit(SAMPLE, target, limits)
        begun = time.perf_counter()
        imaging.fit(photo, target, limits)
        return Run(time.perf_counter() - begun, watch.most_mib())


def _ceiling(kind: str, large: pyvips.Image, folder: Path) -> Run | str:
    """The run, or the code of the refusal."""
    suffix, options = _WRITTEN[kind]
    photo = folder / f"photo{suffix}"
    _write(large, photo, **options)
    try:
        return _by_us(photo)
    except PictureRefusedError as refusal:
        return refusal.code
    finally:
        photo.unlink()


def _write(image: pyvips.Image, photo: Path, *, interpretation: str = "", turned: bool = False, **options: Any) -> None:
    if photo.suffix in (".bmp", ".heic"):
        pillow = Image.frombytes("RGB", (image.width, image.height), image.write_to_memory())
        if photo.suffix == ".bmp":
            pillow.save(photo)
        else:
            pillow_heif.from_pillow(pillow).save(photo, quality=60, enc_params={"preset": "ultrafast"})
        return
    if interpretation == "rgb16":
        image = image.bandjoin(255).colourspace("rgb16")
    elif interpretation:
        image = image.colourspace(interpretation)
    if turned:
        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image.write_to_file(str(photo), **options)


def _noise(size: tuple[int, int], *, kept: bool = False) -> pyvips.Image:
    """Soft noise in three colours: no flat areas, as in a photo. Kept in a file, it is made once."""
    width, height = size
    grey = pyvips.Image.gaussnoise(width // 10, height // 10, mean=128, sigma=40).resize(10, kernel="cubic")
    image = grey.bandjoin([grey * 0.8 + 20, 255 - grey]).cast("uchar").copy(interpretation="srgb")
    if not kept:
        return image
    there = pyvips.Image.new_temp_file("%s.v")
    image.write(there)
    return there


def _megapixels(size: tuple[int, int]) -> str:
    return f"{size[0] * size[1] / 1e6:g}"


def _row(name: str, run: Run) -> list[str]:
    return [name, f"{run.seconds:.2f} s", f"{run.most_mib:.0f} MiB"]
