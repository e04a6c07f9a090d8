"""How long `make demo` takes: once everything is set up, and, when asked for, on a fresh clone."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.report import Report, Table, Target
from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.surroundings import clean
from local.places import SAMPLES

LIMIT_SECONDS = 60.0
FIRST_TIME_LIMIT_SECONDS = 300.0


def measure() -> Report:
    """Run the command as a person would, after it has been set up."""
    surroundings = _surroundings()
    _make("ready", REPOSITORY, surroundings)
    seconds = _make("demo", REPOSITORY, surroundings)
    return Report(
        title="demo: five photos, once set up",
        how=(
            f"Wall time of `make demo` with the {_samples()} photos of `samples/`: embedded AWS, bootstrap, "
            "deployment, cut-outs, page, and all of it ended again. Its baseline is a person's patience."
        ),
        tables=[Table(["", "seconds"], [["make demo", f"{seconds:.0f} s"]])],
        targets=[Target("make demo", seconds, LIMIT_SECONDS, "s", must_be_under=True)],
    )


def measure_first_time() -> Report:
    """Clone the repository's last commit and run the command there, without anything that earlier runs have left."""
    with tempfile.TemporaryDirectory(prefix="dropcut-first-time-") as folder:
        clone, caches = Path(folder) / "clone", Path(folder) / "caches"
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True)
        # pip's and npm's caches are part of what a fresh machine does not have.
        fresh = {"XDG_CACHE_HOME": str(caches), "PIP_CACHE_DIR": str(caches / "pip"), "npm_config_cache": str(caches)}
        seconds = _make("demo", clone, _surroundings() | fresh)
    return Report(
        title="demo, the first time: set-up included",
        how=(
            "Wall time of `make demo` on a fresh clone of the last commit, with empty caches. Python packages, the "
            "CDK command line and the functions' packages are fetched from the registries that this machine uses."
        ),
        tables=[Table(["", "seconds"], [["make demo, the first time", f"{seconds:.0f} s"]])],
        targets=[Target("make demo, first", seconds, FIRST_TIME_LIMIT_SECONDS, "s", must_be_under=True)],
    )


def _make(target: str, repository: Path, surroundings: Mapping[str, str]) -> float:
    """Run `make`; return the seconds it took."""
    started = time.monotonic()
    done = subprocess.run(
        ["make", "--no-print-directory", target],
        cwd=repository,
        env=surroundings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"make {target} failed:\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}")
    return time.monotonic() - started


def _surroundings() -> dict[str, str]:
    """The person's own, without what would change the demo; `make bench` is no part of it."""
    left_out = ("PHOTOS", "SETTINGS", "FORCE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    return {name: value for name, value in clean(os.environ, keep_proxies=True).items() if name not in left_out}


def _samples() -> int:
    return sum(1 for path in SAMPLES.iterdir() if path.suffix != ".md")
