"""Programs in the background: started, waited for, ended to the last child, and found again after a crash."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.programs import Program, birth, recorded, start_program, stop_recorded

WITH_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def start(code: str, folder: Path, *, leashed: bool) -> Program:
    """A Python program with this code."""
    return start_program(
        "test program",
        [sys.executable, "-c", code],
        environment=dict(os.environ),
        folder=folder,
        cwd=folder,
        leashed=leashed,
    )


def said(program: Program) -> list[str]:
    """Its output, but for the first line, which is the command (of several lines, when the code is)."""
    return program.log.read_text().splitlines()


def child_of(program: Program) -> int:
    """The number that WITH_A_CHILD prints."""
    program.wait_until(lambda: said(program)[-1].isdigit() is True, seconds=10)
    return int(said(program)[-1])


def soon(holds: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether it comes to hold within some seconds."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


@pytest.mark.parametrize("leashed", [True, False])
def test_stopping_a_program_ends_its_children_too(tmp_path: Path, leashed: bool) -> None:
    """The embedded AWS has the functions as children."""
    program = start(WITH_A_CHILD, tmp_path, leashed=leashed)
    child = child_of(program)
    program.stop()
    assert birth(program.process.pid) is None
    assert soon(lambda: birth(child) is None)
    assert not program.record.exists()


def test_a_program_that_is_deaf_to_the_polite_signal_is_ended_all_the_same(tmp_path: Path) -> None:
    """After a second."""
    program = start(DEAF, tmp_path, leashed=False)
    program.wait_until(lambda: said(program)[-1] == "deaf", seconds=10)
    program.stop()
    assert birth(program.process.pid) is None


def test_a_leashed_program_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    """Nothing of the owner runs any more that could stop it."""
    owner_code = f"""
import os, sys, time
from pathlib import Path
sys.path[:0] = {sys.path!r}
from dropcut_cli.clone.programs import start_program
program = start_program("held", [sys.executable, "-c", {WITH_A_CHILD!r}], environment=dict(os.environ),
                        folder=Path({str(tmp_path)!r}), cwd=Path("/"), leashed=True)
time.sleep(60)
"""
    owner = subprocess.Popen([sys.executable, "-c", owner_code])
    log = tmp_path / "held.log"
    assert soon(lambda: log.exists() and (log.read_text().splitlines() or [""])[-1].isdigit())
    child = int(log.read_text().splitlines()[-1])
    assert birth(child)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert soon(lambda: birth(child) is None)


def test_a_program_that_dies_while_starting_is_a_problem_with_its_last_words(tmp_path: Path) -> None:
    """So that nobody has to look for the log."""
    program = start("raise SystemExit('no room on the device')", tmp_path, leashed=True)
    with pytest.raises(Problem, match=r"(?s)exit code 1.*no room on the device"):
        program.wait_until(lambda: False, seconds=10)
    assert birth(program.process.pid) is None
    assert recorded(tmp_path) == {}


def test_a_program_that_never_gets_ready_is_a_problem(tmp_path: Path) -> None:
    """After the time that it was given."""
    program = start("import time; time.sleep(60)", tmp_path, leashed=True)
    with pytest.raises(Problem, match="was not ready after"):
        program.wait_until(lambda: False, seconds=0.2)
    assert birth(program.process.pid) is None
    assert recorded(tmp_path) == {}


def test_recorded_programs_are_found_and_ended_by_another_process(tmp_path: Path) -> None:
    """As `make down` does."""
    program = start("import time; time.sleep(60)", tmp_path, leashed=False)
    assert recorded(tmp_path) == {"test program": program.process.pid}
    assert stop_recorded(tmp_path) == ["test program"]
    assert program.process.wait(timeout=5) != 0
    assert stop_recorded(tmp_path) == []


def test_a_stranger_with_a_recorded_number_is_left_alone(tmp_path: Path) -> None:
    """Numbers are given out again; the time of birth tells."""
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    record = {"name": "embedded AWS", "pid": stranger.pid, "born": "another boot 1234"}
    (tmp_path / "embedded-aws.pid").write_text(json.dumps(record))
    assert stop_recorded(tmp_path) == []
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "12", '{"name": "x", "pid": "y", "born": "z"}', "null"])
def test_a_damaged_record_harms_nothing(tmp_path: Path, content: str) -> None:
    """A crash may have come in the middle of writing it."""
    (tmp_path / "embedded-aws.pid").write_text(content)
    assert stop_recorded(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
