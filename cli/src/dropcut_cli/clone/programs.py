"""Programs in the background: each in its own process group, with a log and a record of who it is.

A record (`NAME.pid`) says which process was started and when. So `make down` ends exactly that process after a crash or
a restart of the machine. It never ends another one that was given the same number.
"""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dropcut_cli.clone.places import pasted
from dropcut_cli.clone.problem import Problem

_LEASH = Path(__file__).parent / "leash.py"
_SECONDS_TO_END = 1.0
"""Nothing that we start has state worth saving: this is only for a tidy end of its log."""
_TAIL_LINES = 15


@dataclass(frozen=True)
class Program:
    """A program that was started by us."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    record: Path

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Return as soon as `ready()` holds; otherwise nothing of it is left running.

        Raises:
            Problem: the program ended first, or `seconds` have passed; with the end of its log.
        """
        deadline = time.monotonic() + seconds
        try:
            while not ready():
                if (code := self.process.poll()) is not None:
                    raise self._problem(f"ended while it was starting (exit code {code})")
                if time.monotonic() > deadline:
                    raise self._problem(f"was not ready after {seconds:.0f} s")
                time.sleep(0.05)
        except BaseException:
            self.stop()
            raise

    def _problem(self, what: str) -> Problem:
        return Problem(f"The {self.name} {what}. The end of its log, {pasted(self.log)}:\n{tail(self.log)}")

    def stop(self) -> None:
        """End it and all that it started; return when nothing of it is left."""
        _end_group(self.process.pid, gone=lambda: self.process.poll() is not None)
        if self.process.stdin:
            self.process.stdin.close()
        self.record.unlink(missing_ok=True)


def start_program(
    name: str,
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    cwd: Path,
    leashed: bool,
) -> Program:
    """Start a program in the background; its output goes to a log in `folder`.

    Args:
        name: what a person calls it; names the log and the record.
        command: program and arguments.
        environment: all of its environment variables.
        folder: where its log and record are written.
        cwd: the directory it runs in.
        leashed: it ends when this process ends, whatever the reason; otherwise it stays (`make up`).
    """
    stem = name.replace(" ", "-").lower()
    log, record = folder / f"{stem}.log", folder / f"{stem}.pid"
    arguments = [str(each) for each in command]
    if leashed:
        arguments = [sys.executable, "-I", "-S", str(_LEASH), *arguments]
    with log.open("ab") as output:
        output.write(f"$ {shlex.join(str(each) for each in command)}\n".encode())
        output.flush()
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE if leashed else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
        )
    record.write_text(json.dumps({"name": name, "pid": process.pid, "born": birth(process.pid)}))
    return Program(name, process, log, record)


def tail(log: Path) -> str:
    """The last lines of a log, indented."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-_TAIL_LINES:]) or "    (empty)"


def recorded(folder: Path) -> dict[str, int]:
    """Process numbers, by name, of the programs recorded in `folder` that are still running."""
    running = {}
    for record in sorted(folder.glob("*.pid")):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            entry = json.loads(record.read_text())
            if entry["born"] is not None and birth(entry["pid"]) == entry["born"]:
                running[entry["name"]] = int(entry["pid"])
    return running


def stop_recorded(folder: Path) -> list[str]:
    """End the programs recorded in `folder`; return the names of those that were running."""
    running = recorded(folder)
    for pid in running.values():
        born = birth(pid)
        _end_group(pid, gone=lambda pid=pid, born=born: birth(pid) != born)  # type: ignore[misc]
    for record in folder.glob("*.pid"):
        record.unlink(missing_ok=True)
    return list(running)


def birth(pid: int) -> str | None:
    """When this process was started, in a form that no other process on this machine shares; None when it is gone."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _birth_from_ps(pid)
    try:
        # The name in parentheses may hold anything, also spaces and parentheses: read what follows the last one.
        fields = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, start_ticks = fields[0], fields[19]
    if state in "ZX":
        return None
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {start_ticks}"


def _birth_from_ps(pid: int) -> str | None:
    """The same on systems without /proc, such as macOS."""
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def _end_group(pid: int, gone: Callable[[], bool]) -> None:
    """Ask a process group to end, and after a while make it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)
    deadline = time.monotonic() + _SECONDS_TO_END
    while not gone() and time.monotonic() < deadline:
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    while not gone():
        time.sleep(0.02)
