"""Photos of every kind, whole and broken, through the imaging process: each is delivered or rejected, in its limits."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from dropcut.adapters.imaging_process import ImagingProcess
from dropcut.core.api_limits import MAX_PICTURE_BYTES, MAX_PIXELS, MIN_SIDE_PIXELS
from dropcut.core.formats.picture_header import read_header
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError

from bench.corpus_files import Case, corpus
from bench.decoder_memory import Watch
from bench.report import Report, Table, Target
from dropcut_cdk.sizes import PHOTOS_AT_ONCE, decoder_mib
from infra.settings import Settings
from local.system import temporary_folder

LEAST_FILES = 3000


@dataclass
class Tally:
    """What became of the files of one group."""

    ends: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    unhandled: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0
    most_mib: float = 0.0

    def row(self, group: str) -> list[str]:
        refused = sum(count for end, count in self.ends.items() if end != "delivered")
        figures = [sum(self.ends.values()), self.ends["delivered"], refused, len(self.unhandled), len(self.surprises)]
        return [
            group,
            *(f"{figure:,}" for figure in figures),
            f"{self.slowest_seconds:.2f} s",
            f"{self.most_mib:.0f} MiB",
        ]


def measure() -> Report:
    """Run the whole corpus."""
    settings = Settings()
    tallies = run(corpus(), settings)
    groups = [tally.row(group) for group, tally in tallies.items()]
    together = Counter[str]()
    for tally in tallies.values():
        together.update(tally.ends)
    files = sum(together.values())
    unhandled = [name for tally in tallies.values() for name in tally.unhandled]
    surprises = [name for tally in tallies.values() for name in tally.surprises]
    for name in [*unhandled, *surprises]:
        print(f"  {name}")
    return Report(
        title="corpus: every kind of photo, whole and broken, through the imaging process",
        how=(
            f"{files:,} generated files, each through the process that decodes, with the default settings: "
            f"{decoder_mib(settings)} MiB, {settings.imaging_seconds:g} s, {settings.max_photo_megapixels:g} "
            "megapixels. Unhandled: neither delivered nor rejected, or what was made of it is not within the API's "
            "limits. Surprises: a whole photo rejected, or a broken one delivered. Files with flipped bytes may go "
            "either way, but what is delivered of them must not depend on what memory held. It is made twice more, "
            "with other values in fresh memory. Slowest is on the clock, with two at once. Memory is the most "
            "resident memory (VmHWM) that a decoding process had had until then."
        ),
        tables=[
            Table(
                ["files", "number", "delivered", "rejected", "unhandled", "surprises", "slowest", "memory"],
                groups,
            ),
            Table(["became", "files"], [[end, f"{count:,}"] for end, count in together.most_common()]),
        ],
        targets=[
            Target(f"files short of {LEAST_FILES:,}", max(0, LEAST_FILES - files), 0, "files"),
            Target("unhandled", len(unhandled), 0, "files"),
            Target("surprises", len(surprises), 0, "files"),
            Target("slowest", max(t.slowest_seconds for t in tallies.values()), settings.imaging_seconds, "s"),
            Target("most memory", max(t.most_mib for t in tallies.values()), decoder_mib(settings), "MiB"),
        ],
    )


def run(cases: Iterator[Case], settings: Settings) -> dict[str, Tally]:
    """Each case through a child, two at once; the tallies by group.

    What is delivered of the changed files is made twice more, with other values in fresh memory. If a picture comes out
    differently then, its decoder made up some of its pixels.
    """
    tallies: dict[str, Tally] = {}
    limits = DecodeLimits(max_pixels=round(settings.max_photo_megapixels * 1e6), max_frames=settings.max_frames)
    with (
        temporary_folder("corpus") as folder,
        closing(ImagingProcess(seconds=settings.imaging_seconds, memory_mib=decoder_mib(settings))) as imaging,
        ThreadPoolExecutor(PHOTOS_AT_ONCE) as pool,
        Watch().watching() as watch,
    ):
        again = folder / "again"
        again.mkdir()
        names: dict[str, Case] = {}

        def run_one(numbered: tuple[int, Case]) -> tuple[Case, str, float, float]:
            number, case = numbered
            source, target = folder / f"{number}.photo", folder / f"{number}.sendable"
            source.write_bytes(case.content)
            begun = time.monotonic()
            end = _end(imaging, source, target, limits)
            seconds = time.monotonic() - begun
            if end == "delivered" and "flipped" in case.group:
                names[source.name] = case
                source.rename(again / source.name)
            source.unlink(missing_ok=True)
            target.unlink(missing_ok=True)
            return case, end, seconds, watch.most_mib()

        numbered = enumerate(cases)
        while batch := list(islice(numbered, 64)):  # the pool would take all of them into memory at once
            for case, end, seconds, mib in pool.map(run_one, batch):
                _count(tallies.setdefault(case.group, Tally()), case, end, seconds, mib)
        for name in _made_up(again):
            case = names[name]
            tallies[case.group].surprises.append(f"{case.group}, {case.name}: pixels come from memory")
    return tallies


def _made_up(folder: Path) -> list[str]:
    """The photos of a folder of which something else is sent when memory holds something else."""
    first, second = (_sent_with(canary, folder) for canary in _CANARIES)
    return [name for name, sent in first.items() if sent != second.get(name)]


_CANARIES = ("90", "165")


def _sent_with(canary: str, folder: Path) -> dict[str, str]:
    """A hash by each photo's name."""
    paths = os.pathsep.join(("functions", "."))
    ran = subprocess.run(
        [sys.executable, "-m", "bench.canary_probe", str(folder)],
        env={**os.environ, "PYTHONPATH": paths, "MALLOC_PERTURB_": canary, "VIPS_CONCURRENCY": "1"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return dict(line.split(" ", 1) for line in ran.stdout.splitlines())


def _end(imaging: ImagingProcess, source: Path, target: Path, limits: DecodeLimits) -> str:
    """`delivered`, the code of the refusal, or what went wrong with a `!` before it."""
    try:
        imaging.fit(source, target, limits)
    except PictureRefusedError as refusal:
        return refusal.code
    except Exception as error:
        return f"!{type(error).__name__}: {error}"
    sent = target.read_bytes()
    header = read_header(sent)
    fits = min(header.width, header.height) >= MIN_SIDE_PIXELS and header.width * header.height <= MAX_PIXELS
    return "delivered" if fits and len(sent) <= MAX_PICTURE_BYTES else "!what was made of it is over the API's limits"


def _count(tally: Tally, case: Case, end: str, seconds: float, mib: float) -> None:
    tally.ends[end] += 1
    tally.slowest_seconds = max(tally.slowest_seconds, seconds)
    tally.most_mib = max(tally.most_mib, mib)
    if end.startswith("!"):
        tally.unhandled.append(f"{case.group}, {case.name}: {end[1:]}")
    elif case.expected != "either" and (end == "delivered") is not (case.expected == "delivered"):
        tally.surprises.append(f"{case.group}, {case.name}: {end}")
