"""How a command ends: with a sentence that a terminal can print."""

import signal
from typing import NoReturn

import pytest

from local.problem import Problem, run_command


def test_a_problem_keeps_its_lines_and_speaks_to_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # those of pytest stay

    def fail() -> NoReturn:
        raise Problem("It names a\x1b[31m file.\nThen it says what to do.")

    with pytest.raises(SystemExit) as ended:
        run_command(fail, when_stopped="")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "\nIt names a\\u001b[31m file.\nThen it says what to do.\n"
