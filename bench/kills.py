"""Every stage killed in every way at every boundary between two side effects: `python -m bench.kills`. And AWS refuses
each call of each stage for a minute.

The tests run a part of this (`tests/resilience`); here is the whole product, on two deployments side by side.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.report import Report, Table, Target
from tests.resilience.deployment import STAGES, Deployment, deployed
from tests.resilience.kills import COMPANIES, Company, every_kill, record, suffer
from tests.resilience.sandbox import WAYS

LANES = 2
Row = tuple[list[str], list[str]]
"""A line of the table, and what went wrong."""


def measure() -> Report:
    """Kill everywhere; the target is that nothing goes wrong."""
    lots = [(stage, company) for company in reversed(COMPANIES) for stage in reversed(STAGES)]
    with TemporaryDirectory() as folder, ThreadPoolExecutor(LANES) as lanes:
        results = list(lanes.map(lambda lane: _lane(Path(folder) / str(lane), lots[lane::LANES]), range(LANES)))
    rows = sorted((row for lane in results for row in lane), key=lambda row: row[0])
    wrong = [what for _, said in rows for what in said]
    headings = ["stage", "photos", "way", "kills", "wrong", "seconds"]
    return Report(
        title="Kill at every step",
        how="Each stage is stopped before and after each of its side effects. These are AWS calls and HTTP requests, "
        "listed by a run without a stop. Then the queues bring the work back. Or AWS refuses one of its calls "
        "(denied, throttled), and that operation on that place, for a minute of a virtual clock. In that minute all "
        "is tried again as the queues have it. Each photo has to be delivered, with an event, and no message may be "
        "in a dead-letter queue. A picture may be paid for twice only if its call was cut off or its answer refused, "
        "never three times. Each second payment has to be counted." + "".join(f"\n  {what}" for what in wrong),
        tables=[Table(headings, [line for line, _ in rows])],
        targets=[Target("What went wrong", len(wrong), 0, "")],
    )


def _lane(folder: Path, lots: list[tuple[str, Company]]) -> list[Row]:
    folder.mkdir()
    with deployed(folder) as deployment:
        rows = [row for stage, company in lots for row in _all_ways(deployment, stage, company)]
        left_over = deployment.left_over()
        if left_over or deployment.strays:
            rows[-1][1].append(f"left in the queues: {left_over}; connections not seen: {deployment.strays}")
        return rows


def _all_ways(deployment: Deployment, stage: str, company: Company) -> list[Row]:
    effects = record(deployment, stage, company)
    rows = []
    for way in WAYS:
        begun = time.monotonic()
        kills = list(every_kill(stage, company, effects, way))
        wrong = [what for kill in kills for what in suffer(deployment, kill)]
        seconds = time.monotonic() - begun
        rows.append(([stage, company, way, str(len(kills)), str(len(wrong)), f"{seconds:.0f}"], wrong))
    return rows


if __name__ == "__main__":
    report = measure()
    print(report.as_text())
    sys.exit(not report.met)
