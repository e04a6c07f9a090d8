"""How a command ends: with a sentence that a terminal can print."""

import errno
import signal
from pathlib import Path
from typing import NoReturn

import pytest

from dropcut_cli.clone import problem
from dropcut_cli.clone.problem import Problem, run_command
from dropcut_cli.exits import Exit


def test_a_problem_keeps_its_lines_and_speaks_to_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # those of pytest stay

    def fail() -> NoReturn:
        raise Problem("It names a\x1b[31m file.\nThen it says what to do.", Exit.TEMPORARY)

    with pytest.raises(SystemExit) as ended:
        run_command(fail, when_stopped="")
    assert ended.value.code == Exit.TEMPORARY
    assert capsys.readouterr().err == "\nIt names a\\u001b[31m file.\nThen it says what to do.\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space", "/a place/x.json"),
            "The disk is full: '/a place/x.json' could not be written. Make room",
        ),
        (OSError(errno.EDQUOT, "Quota"), "The disk is full: a file in "),
        (PermissionError(errno.EACCES, "Denied", "x.json"), "This was not expected: PermissionError: "),
    ],
)
def test_a_full_disk_is_named_in_a_sentence_wherever_it_is_met(
    error: OSError,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A command writes keys, state and logs in many places."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(problem, "LOCAL", tmp_path)

    def fail() -> NoReturn:
        raise error

    with pytest.raises(SystemExit) as ended:
        run_command(fail, when_stopped="")
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(f"\n{said}")
