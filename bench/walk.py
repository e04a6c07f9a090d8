"""How many files one photo crosses in each stage, and how often the code goes from one file to another."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.artifacts import STAGES
from bench.report import Report, Table, Target
from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.surroundings import clean
from local.system import temporary_folder

BEFORE = {"prepare": (13, 24), "cut": (21, 58), "deliver": (15, 45)}
"""Files and calls as commit 2662018 has them."""
LIMITS = {"prepare": BEFORE["prepare"], "cut": (12, 25), "deliver": BEFORE["deliver"]}
_DRIVER = Path(__file__).with_name("walk_driver.py")


@dataclass(frozen=True)
class Walk:
    """What one photo crosses in one stage."""

    files: int
    calls: int


def measure(other: Path | None = None) -> Report:
    """Walk through this checkout, and through `other` (a checkout's folder) as well."""
    walks = {"this code": walk(REPOSITORY)} | ({"the other": walk(other)} if other else {})
    ours = walks["this code"]
    headings = ["stage", *(f"{name}, {what}" for name in walks for what in ("files", "calls"))]
    rows = [
        [stage, *(str(figure) for found in walks.values() for figure in (found[stage].files, found[stage].calls))]
        for stage in STAGES
    ]
    return Report(
        title="walk: the files that one photo crosses",
        how=(
            "The first photo (a PNG, two renditions) that a process of each stage handles, under `sys.setprofile`, in "
            "all threads. It runs on the embedded AWS without Lambda. A file of `functions/` counts when one of its "
            "functions runs. A call counts when the nearest frame of `functions/` beneath it is of another file, or "
            "is missing. It is missing for the handler and for what a thread begins with. A generator that is resumed "
            "counts again. The imports and the process that decodes pictures are left out; starting that process is "
            "not."
        ),
        tables=[Table(headings, rows)],
        targets=[
            Target(f"{stage}, {what}", measured, limit, "")
            for stage in STAGES
            for what, measured, limit in zip(
                ("files", "calls"), (ours[stage].files, ours[stage].calls), LIMITS[stage], strict=True
            )
        ],
    )


def walk(code: Path) -> Mapping[str, Walk]:
    """What a photo crosses in the stages of a checkout, which brings its own deployment (`tests/resilience`)."""
    with temporary_folder("bench") as folder:
        done = subprocess.run(
            [sys.executable, "-s", "-P", _DRIVER, folder],
            cwd=code,
            env=clean() | {"PYTHONPATH": f"{code}:{code / 'functions'}", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{code} could not be measured:\n{done.stderr[-2000:]}")
    return {stage: Walk(**figures) for stage, figures in json.loads(done.stdout.splitlines()[-1]).items()}
