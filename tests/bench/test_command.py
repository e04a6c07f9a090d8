"""Commands are run as processes of their own, with the time and memory that they take."""

import sys
from pathlib import Path

import pytest

from bench.command import dropcut, run


def test_a_command_is_told_by_the_memory_that_it_held(tmp_path: Path) -> None:
    small, large = (run(tmp_path, sys.executable, "-c", f"b'x' * {mib} * 2**20") for mib in (1, 64))
    assert 55 < large.mib - small.mib < 75
    assert small.seconds > 0


def test_a_command_that_fails_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="No such command"):
        run(tmp_path, *dropcut("no-verb"))
