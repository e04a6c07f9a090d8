"""How long each entry takes to import, against importing only what it cannot do without."""

import os
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path

from bench.artifacts import STAGES, Built, synthesize
from bench.report import Report, Table, Target
from dropcut_cli.clone.surroundings import clean
from local.system import temporary_folder

RUNS = 21
LIMIT = 1.25

_POWERTOOLS = """
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType, async_process_partial_response
Logger(); Metrics()
"""
NECESSARY = {
    "prepare": f"import boto3\n{_POWERTOOLS}\nfor name in ('sqs', 's3', 'dynamodb'): boto3.client(name)",
    "cut": f"import boto3\n{_POWERTOOLS}\nimport requests\n"
    "for name in ('sqs', 's3', 'dynamodb', 'secretsmanager'): boto3.client(name)",
    "deliver": f"import boto3\n{_POWERTOOLS}\nfor name in ('sqs', 's3', 'dynamodb', 'events'): boto3.client(name)",
}
"""What no way of writing the entry could leave out. The entries make the same clients when they are imported."""

_TIMED = """
import time
started = time.perf_counter()
{statements}
print(time.perf_counter() - started)
"""


def measure() -> Report:
    """Alternate the two imports in fresh interpreters, for each entry."""
    rows, targets = [], []
    with temporary_folder("bench") as folder:
        built = synthesize(folder, "this_machine")
        for stage in STAGES:
            unpacked = built[stage].unpack(folder / stage)
            necessary, entry = _alternate(stage, built[stage], unpacked)
            rows.append([stage, _milliseconds(necessary), _milliseconds(entry), f"{entry / necessary:.2f}"])
            targets.append(Target(f"{stage}, entry / what it needs", entry / necessary, LIMIT, "x"))
    return Report(
        title="imports: how long a function takes to start",
        how=(
            f"Medians of {RUNS} fresh interpreters each, the two alternating, with nothing on the path but the "
            "artifact built for this machine and boto3. The artifact is without byte code, as on Lambda, for both. "
            "What it needs: boto3 with the stage's clients created, Powertools' logger, metrics and batch, and for "
            "cut requests. Both without the interpreter's own start; the image libraries are loaded by a process of "
            "their own, when the first photo comes."
        ),
        tables=[Table(["entry", "what it needs", "the entry", "ratio"], rows)],
        targets=targets,
    )


def _alternate(stage: str, built: Built, unpacked: Path) -> tuple[float, float]:
    """Median seconds of what is necessary, and of the entry, without the first pair, which fills the disk's cache."""
    entry = f"import {built.handler.rpartition('.')[0]}"
    pairs = [
        (import_seconds(NECESSARY[stage], built, unpacked), import_seconds(entry, built, unpacked))
        for _ in range(RUNS + 1)
    ][1:]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def import_seconds(statements: str, built: Built, unpacked: Path) -> float:
    """The seconds that the statements take in a fresh interpreter that is set up like the deployed function."""
    return float(run_as_function(_TIMED.format(statements=statements), built.variables, unpacked))


def run_as_function(program: str, variables: dict[str, str], unpacked: Path) -> str:
    """Run a program in a fresh interpreter with the function's variables and path; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-s", "-c", program],
        env=clean() | variables | function_surroundings(unpacked),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The measured interpreter failed:\n{done.stderr[-2000:]}")
    return done.stdout


def function_surroundings(unpacked: Path) -> dict[str, str]:
    """What Lambda's runtime sets; boto3 is found beside the artifact, which comes first."""
    return {
        "PYTHONPATH": os.pathsep.join([str(unpacked), sysconfig.get_path("purelib")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
