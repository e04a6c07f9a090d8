"""Runs benchmarks, prints their tables, and tells by the exit code whether every target is met."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench import (
    alpha,
    arm64,
    artifacts,
    backfill,
    billed,
    browser,
    chromium,
    command,
    corpus,
    cut_window,
    demo,
    fit,
    full_size,
    imports,
    kills,
    latencies,
    memory,
    overhead,
    pauses,
    plan,
    quality,
    rate,
    storm,
    upgrade,
    walk,
)
from bench.machine import facts, load
from bench.report import Report
from dropcut_cli.clone.problem import Problem, run_command

BENCHMARKS: dict[str, Callable[[], Report]] = {
    "artifacts": artifacts.measure,
    "arm64": arm64.measure,
    "imports": imports.measure,
    "overhead": overhead.measure,
    "latencies": latencies.measure,
    "memory": memory.measure,
    "billed": billed.measure,
    "cut_window": cut_window.measure,
    "fit": fit.measure,
    "alpha": alpha.measure,
    "full_size": full_size.measure,
    "quality": quality.measure,
    "corpus": corpus.measure,
    "browser": browser.measure,
    "demo": demo.measure,
    "rate": rate.measure,
    "pauses": pauses.measure,
    "backfill": backfill.measure,
    "plan": plan.measure,
    "storm": storm.measure,
    "kills": kills.measure,
    "upgrade": upgrade.measure,
    "walk": walk.measure,
    "command": command.measure,
}
ONLY_BY_NAME = ("arm64",)
"""Needs Debian's mirror, and minutes."""
COMPARED: dict[str, Callable[[Path], Report]] = {
    "latencies": latencies.measure,
    "upgrade": upgrade.measure,
    "walk": walk.measure,
}
"""Those that can measure another checkout beside this one, or begin with it."""
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> int:
    """Exit code 1: a target is missed."""
    chosen = _parser().parse_args()
    if chosen.write and BEGIN not in chosen.write.read_text(encoding="utf-8"):
        raise Problem(f"{chosen.write} has no line {BEGIN}, after which the results would go.")
    names = chosen.names or [name for name in BENCHMARKS if _is_for_all(name)]
    measures = [_measure(name, chosen.code) for name in names] + [demo.measure_first_time] * chosen.first_time
    machine = facts()
    print(f"Machine: {machine}\n", flush=True)
    reports, parts = [], []
    for measure in measures:
        before, report = load(), measure()
        busy = f"Load of the machine before: {before}, and after: {load()}."
        print(f"{report.as_text()}\n\n{busy}\n", flush=True)
        reports.append(report)
        parts.append(f"{report.as_markdown()}\n\n{busy}")
    if chosen.write:
        command = " ".join(["python -m bench", *chosen.names, *["--first-time"] * chosen.first_time])
        write(chosen.write, [f"`{command}` on {machine}.", *parts])
    return _verdict(reports)


def _is_for_all(name: str) -> bool:
    return name not in ONLY_BY_NAME and (name != "browser" or chromium.is_installed())


def _measure(name: str, code: Path | None) -> Callable[[], Report]:
    return partial(COMPARED[name], code.resolve()) if code and name in COMPARED else BENCHMARKS[name]


def write(document: Path, parts: Sequence[str]) -> None:
    """Put the results between the document's markers."""
    before, _, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    document.write_text("\n\n".join([before + BEGIN, *parts, END]) + after, encoding="utf-8")


def _verdict(reports: Sequence[Report]) -> int:
    missed = [f"{report.title}: {target}" for report in reports for target in report.targets if not target.met]
    print("\n".join(["Missed:", *missed]) if missed else "Every target is met.")
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add(
        "names",
        nargs="*",
        type=_name,
        metavar="name",
        help=f"some of {', '.join(BENCHMARKS)}; left out: all but {', '.join(ONLY_BY_NAME)}",
    )
    add("--first-time", action="store_true", help="also run the demo on a fresh clone, set-up included (minutes)")
    add("--code", type=_checkout, metavar="FOLDER", help=f"measure another checkout as well: {', '.join(COMPARED)}")
    add("--write", type=Path, metavar="FILE", help="put the results into this file, between its markers")
    return parser


def _checkout(text: str) -> Path:
    if not (Path(text) / "functions" / "dropcut").is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no checkout of this repository")
    return Path(text)


def _name(text: str) -> str:
    if text not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"there is no benchmark {text!r}; there are {', '.join(BENCHMARKS)}")
    return text


if __name__ == "__main__":
    run_command(main, when_stopped="nothing was left running")
