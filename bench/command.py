"""How long the operator's command takes, and how much memory, against bare boto3 doing the same."""

import json
import random
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.deployed import deployed
from bench.report import Report, Table, Target
from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.surroundings import clean
from local.places import SAMPLES
from local.system import System

RUNS = 15
UPLOADS, FILES, FILE_BYTES = 3, 1000, 2000
HELP_SECONDS, STATUS_SECONDS = 0.08, 0.6
OUR_SHARE = 0.2
"""Of `status KEY`: the rest is Python, boto3 and AWS."""
UPLOAD_RATIO = 1.25
UPLOAD_MIB = 150.0

_BARE = """
import boto3, json, pathlib, sys
stack = json.loads(pathlib.Path(".local/stack.json").read_text())
session = boto3.Session(stack["access_key_id"], stack["secret_access_key"], region_name=stack["region"])
def client(name): return session.client(name, endpoint_url=stack["endpoint_url"], verify=stack["ca_bundle"])
outputs = stack["outputs"]
"""
_BARE_STATUS = f"""{_BARE}
key = {{"id": {{"S": "object#" + outputs["InputBucketName"] + "/" + sys.argv[1]}}}}
client("dynamodb").get_item(TableName=outputs["StateTableName"], Key=key, ConsistentRead=True)["Item"]
"""
_BARE_PUT = f"""{_BARE}
from concurrent.futures import ThreadPoolExecutor
s3, folder = client("s3"), pathlib.Path(sys.argv[1])
def put(path): s3.put_object(Bucket=outputs["InputBucketName"], Key=sys.argv[2] + path.name, Body=path.read_bytes())
with ThreadPoolExecutor(8) as pool: list(pool.map(put, folder.iterdir()))
"""
_STARTER = """
import os, sys, time
started, to_nowhere = time.perf_counter(), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[to_nowhere])
_, status, used = os.wait4(process, 0)
seconds, busy = time.perf_counter() - started, used.ru_utime + used.ru_stime
print(seconds, busy, used.ru_maxrss, os.waitstatus_to_exitcode(status))
"""
"""Of little memory itself: Linux counts that of whoever starts a process as the process's own."""


@dataclass(frozen=True)
class Run:
    seconds: float
    busy_seconds: float
    """Of the processors."""
    mib: float
    """The most memory that it held."""


def measure() -> Report:
    """By turns, in processes of their own."""
    with deployed({}) as system:
        folder = system.folder
        (folder / ".local").mkdir()
        (folder / ".local" / "stack.json").write_text(json.dumps(system.description()))
        photo = SAMPLES / "cat.webp"
        run(folder, *dropcut("put", str(photo), "--wait", "--local"))
        python = [sys.executable, "-c", "pass"]
        short = {
            "Python that does nothing": python,
            "dropcut --help": dropcut("--help"),
            "boto3 that reads the record": [sys.executable, "-c", _BARE_STATUS, photo.name],
            "dropcut status KEY": dropcut("status", photo.name, "--local"),
            "dropcut status": dropcut("status", "--local"),
        }
        found = by_turns(folder, short, RUNS) | _uploads(system)
    bare, status = found["boto3 that reads the record"].seconds, found["dropcut status KEY"].seconds
    bare_put, put = found["boto3 that uploads"], found["dropcut put"]
    return Report(
        title="command: how long the operator's command takes",
        how=(
            f"Medians of {RUNS} processes each, the commands by turns. Of the upload, {UPLOADS}: {FILES:,} files of "
            f"{FILE_BYTES:,} bytes, eight at a time, into a bucket whose events are off. Embedded AWS with IAM "
            "enforced and TLS on. boto3 is a program with nothing but the calls that are needed."
        ),
        tables=[
            Table(
                ["", "median", "of the processors", "memory"],
                [
                    [name, f"{each.seconds * 1e3:,.0f} ms", f"{each.busy_seconds * 1e3:,.0f} ms", f"{each.mib:.0f} MiB"]
                    for name, each in found.items()
                ],
            )
        ],
        targets=[
            Target("--help", found["dropcut --help"].seconds, HELP_SECONDS, "s", must_be_under=True),
            Target("status KEY", status, STATUS_SECONDS, "s", must_be_under=True),
            Target("status KEY, our share", (status - bare) / status, OUR_SHARE, "of it"),
            Target(f"put of {FILES:,} files / boto3's", put.seconds / bare_put.seconds, UPLOAD_RATIO, "x"),
            Target("put, memory", put.mib, UPLOAD_MIB, "MiB", must_be_under=True),
        ],
    )


def dropcut(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dropcut_cli", *arguments]


def _uploads(system: System) -> dict[str, Run]:
    """New files each time: what was uploaded is not looked at by anybody."""
    s3, bucket = system.client("s3"), system.outputs["InputBucketName"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    photos = system.folder / "photos"
    photos.mkdir()
    for number in range(FILES):
        (photos / f"{number}.jpg").write_bytes(b"\xff\xd8\xff" + random.randbytes(FILE_BYTES - 3))
    names = "boto3 that uploads", "dropcut put"
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for turn in range(UPLOADS):
        words = [sys.executable, "-c", _BARE_PUT, str(photos), f"bare-{turn}/"]
        runs[names[0]].append(run(system.folder, *words))
        words = dropcut("put", str(photos), "--to", f"ours-{turn}/", "--yes", "--local")
        runs[names[1]].append(run(system.folder, *words))
    return {name: _median(each) for name, each in runs.items()}


def by_turns(folder: Path, commands: Mapping[str, Sequence[str]], times: int) -> dict[str, Run]:
    """Medians, without the first turn, which fills the disk's cache."""
    turns = [{name: run(folder, *words) for name, words in commands.items()} for _ in range(times + 1)][1:]
    return {name: _median([turn[name] for turn in turns]) for name in commands}


def _median(runs: Sequence[Run]) -> Run:
    seconds, busy = (
        statistics.median(times) for times in zip(*((r.seconds, r.busy_seconds) for r in runs), strict=True)
    )
    return Run(seconds, busy, max(each.mib for each in runs))


def run(folder: Path, *words: str) -> Run:
    """Raises RuntimeError: it failed; with the end of what it said."""
    surroundings = clean() | {"PYTHONPATH": str(REPOSITORY / "cli" / "src")}
    starter = [sys.executable, "-S", "-c", _STARTER, *words]
    done = subprocess.run(starter, cwd=folder, env=surroundings, capture_output=True, text=True, check=True)
    seconds, busy, kib, exit_code = done.stdout.split()
    if exit_code != "0":
        raise RuntimeError(f"{words[2:5]} ended with {exit_code}:\n{done.stderr[-2000:]}")
    return Run(float(seconds), float(busy), int(kib) / 1024)
