"""A deployment over a running one: photos are dropped all the time while the stacks are updated to this code."""

import io
import json
import subprocess
import tarfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

from PIL import Image

from bench.deployed import EventSource, api, deployed, drop
from bench.photos import SAMPLE, marked
from bench.report import Report, Table, Target
from dropcut_cli.clone.cdk import start_deploy, start_synth
from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.problem import Problem
from local.system import System, run_few_processes, temporary_folder

BEFORE = "2662018b5860e4ca90ec12dcfda41159104342c2"
"""The commit before buying was rebuilt: its messages and its items of the state table look different."""
EVERY_SECONDS = 0.4
SECONDS_BEFORE, SECONDS_AFTER = 20.0, 20.0
ROLES_AHEAD_SECONDS = 15.0
"""CloudFormation updates a role before its function, and a function waits for those after it. Here that takes no
time."""
LONGEST_WAIT_SECONDS = 60.0
API_SECONDS = 0.5
"""So that calls are in flight whenever a function is updated."""
SETTINGS = {"api_timeout_seconds": "3", "imaging_seconds": "5"}
"""A message whose function failed comes back after six of its time-outs: shorter ones make the wait shorter."""
SAME_PICTURE_EVERY = 10
"""Each tenth photo is the picture of one dropped forty before it, which may be of the time before the update."""
PATIENCE_SECONDS = 1000.0
_QUEUES, _DEAD = ("Intake", "Cut", "Deliver"), "DeadLetter"


@dataclass
class Dropped:
    """Photos that are dropped by and by, and when."""

    system: System
    seconds: dict[str, float] = field(default_factory=dict)
    """When each was dropped (epoch seconds), by its key."""

    @contextmanager
    def all_the_time(self) -> Iterator[None]:
        """Drop one after the other while the body runs."""
        stopping = Event()
        with ThreadPoolExecutor(1) as threads:
            dropping = threads.submit(self._until, stopping)
            try:
                yield
            finally:
                stopping.set()
        dropping.result()

    def _until(self, stopping: Event) -> None:
        while not stopping.wait(EVERY_SECONDS):
            number = len(self.seconds)
            key = f"upgrade/{number:05d}.jpg"
            self.seconds[key] = time.time()
            is_copy = number > 40 and number % SAME_PICTURE_EVERY == 0
            drop(self.system, key, _picture(number - 40 if is_copy else number))


def _picture(number: int) -> bytes:
    """A photo that nobody dropped before. Every other one is small enough to travel inside its message."""
    return marked(f"upgrade {number}", _small_photo() if number % 2 else None)


@cache
def _small_photo() -> bytes:
    photo, content = Image.open(SAMPLE), io.BytesIO()
    photo.reduce(2).save(content, "JPEG")
    return content.getvalue()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What became of the photos."""

    begun: float
    finished: float
    """Of the update (epoch seconds)."""
    dropped: Mapping[str, float]
    jobs: Mapping[str, Mapping[str, str]]
    charged: Counter[str]
    """How often each picture was charged."""
    dead_letters: int

    @property
    def slowest_seconds(self) -> float:
        """From the upload to the record that says that it is delivered."""
        return self._slowest(self.dropped)

    def _slowest(self, keys: Iterable[str]) -> float:
        delivered = [key for key in keys if self.jobs.get(key, {}).get("status") == "delivered"]
        return max((float(self.jobs[key]["updated_at"]) - self.dropped[key] for key in delivered), default=0.0)

    @property
    def undelivered(self) -> list[str]:
        return [
            f"{key} is {self.jobs.get(key, {}).get('status', 'unknown')}"
            for key in self.dropped
            if self.jobs.get(key, {}).get("status") != "delivered"
        ]

    def rows(self) -> Iterator[list[str]]:
        """Photos by when they were dropped: how many, and how long the slowest took to be delivered."""
        for name, since, until in (
            ("before the update", 0.0, self.begun),
            ("during the update", self.begun, self.finished),
            ("after the update", self.finished, float("inf")),
        ):
            keys = [key for key, dropped in self.dropped.items() if since <= dropped < until]
            yield [name, str(len(keys)), f"{self._slowest(keys):.1f} s"]


def measure(before: Path | None = None) -> Report:
    """Update the stacks of the code in the folder `before`, else those of the commit before, to those of this code."""
    with temporary_folder("upgrade") as folder, deployed(SETTINGS, code=before or _checkout(folder)) as system:
        seen = _update(system, folder)
    twice = sum(times > 1 for times in seen.charged.values())
    return Report(
        title="upgrade: a deployment over a running one",
        how=(
            f"Stacks of commit {BEFORE[:7]}, or of another checkout, on the embedded AWS. A photo is dropped every "
            f"{EVERY_SECONDS:g} s, one in {SAME_PICTURE_EVERY} of a picture that came before; the API answers after "
            f"{API_SECONDS:g} s. After {SECONDS_BEFORE:g} s the functions get their new roles, and "
            f"{ROLES_AHEAD_SECONDS:g} s later `cdk deploy` updates the stacks to this code. Photos go on coming for "
            f"{SECONDS_AFTER:g} s. Then the queues are worked off. The update took "
            f"{seen.finished - seen.begun:.0f} s." + "".join(f"\n  {what}" for what in seen.undelivered)
        ),
        tables=[Table(["photos dropped", "number", "the slowest"], list(seen.rows()))],
        targets=[
            Target("not delivered", len(seen.undelivered), 0, ""),
            Target("pictures paid twice", twice, 0, ""),
            Target("dead letters", seen.dead_letters, 0, ""),
            Target("the slowest photo", seen.slowest_seconds, LONGEST_WAIT_SECONDS, "s"),
        ],
    )


def _checkout(folder: Path) -> Path:
    """The files of the commit before."""
    archive = subprocess.run(["git", "archive", BEFORE], cwd=REPOSITORY, capture_output=True, check=False)
    if archive.returncode:
        said = archive.stderr.decode(errors="replace").strip()
        raise Problem(f"Commit {BEFORE[:7]} is not in this clone ({said}). Clone with the whole history.")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder / "code", filter="data")
    return folder / "code"


def _update(system: System, folder: Path) -> Seen:
    run_few_processes(system)
    api(system, "PATCH", "config", {"latency_seconds": API_SECONDS})
    synth = start_synth(folder, {**SETTINGS, "api_base_url": system.api_base_url, "bundle_for": "this_machine"})
    synth.finish("Put that right and run the command again.")
    dropped = Dropped(system)
    with dropped.all_the_time():
        time.sleep(SECONDS_BEFORE)
        begun = time.time()
        _update_roles(system, folder)
        time.sleep(ROLES_AHEAD_SECONDS)
        start_deploy(folder, system.account.variables()).finish("The stacks could not be updated.")
        finished = time.time()
        time.sleep(SECONDS_AFTER)
    for name in _QUEUES:
        EventSource(system, system.outputs[f"{name}QueueUrl"]).wait_until_empty(patience_seconds=PATIENCE_SECONDS)
    calls = api(system, "GET", "calls")["calls"]
    return Seen(
        begun=begun,
        finished=finished,
        dropped=dropped.seconds,
        jobs=_jobs(system),
        charged=Counter(str(call["picture_sha256"]) for call in calls if call["charged"]),
        dead_letters=sum(_waiting(system, f"{name}{_DEAD}QueueUrl") for name in _QUEUES),
    )


def _update_roles(system: System, folder: Path) -> None:
    """Put the roles of the new stack into the one that is there."""
    (new,) = (folder / "cdk.out").glob("*-Pipeline.template.json")
    stack, cloudformation = new.name.partition(".")[0], system.client("cloudformation")
    roles = {
        name: resource
        for name, resource in json.loads(new.read_text())["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    template = cloudformation.get_template(StackName=stack)["TemplateBody"]
    template["Resources"] |= roles
    cloudformation.update_stack(
        StackName=stack, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})


def _jobs(system: System) -> dict[str, dict[str, str]]:
    """The record of each key."""
    pages = system.client("dynamodb").get_paginator("scan").paginate(TableName=system.outputs["StateTableName"])
    prefix = f"object#{system.outputs['InputBucketName']}/"
    return {
        item["id"]["S"].removeprefix(prefix): {name: str(next(iter(value.values()))) for name, value in item.items()}
        for page in pages
        for item in page["Items"]
        if item["id"]["S"].startswith(prefix)
    }


def _waiting(system: System, output: str) -> int:
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    answer: Any = system.client("sqs").get_queue_attributes(QueueUrl=system.outputs[output], AttributeNames=names)
    return sum(int(number) for number in answer["Attributes"].values())
