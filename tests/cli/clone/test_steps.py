"""What is printed of a step, on a terminal and elsewhere."""

import io
import time

import pytest
from rich.console import Console

from dropcut_cli.clone import steps
from dropcut_cli.clone.steps import Steps


@pytest.mark.parametrize(("is_terminal", "is_said"), [(True, False), (False, True)])
def test_where_no_terminal_is_a_line_says_now_and_then_what_goes_on(
    is_terminal: bool, is_said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal a spinner does."""
    monkeypatch.setattr(steps, "SECONDS_BETWEEN_LINES", 0.01)
    written = io.StringIO()
    console = Console(file=written, force_terminal=is_terminal, width=80)
    with Steps(console).step("Make tea"):
        time.sleep(0.2)
    assert ("  Make tea: 0 s so far\n" in written.getvalue()) is is_said
    assert "Make tea" in written.getvalue().splitlines()[-1]


def test_nothing_is_said_once_a_step_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither that it goes on nor that it is done."""
    monkeypatch.setattr(steps, "SECONDS_BETWEEN_LINES", 0.05)
    written = io.StringIO()
    with pytest.raises(ValueError, match="cold"), Steps(Console(file=written)).step("Make tea"):
        raise ValueError("cold")
    time.sleep(0.1)
    assert written.getvalue() == ""
