"""What the demo prints for each photo."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.text import Text

from local.demo import Result, line_for, shown
from local.photos import Photo


def result(state: str, name: str = "a.png", reason: str = "") -> Result:
    return Result(Photo(Path(name), name), name, state, reason, started=10.0, ended=11.25, credits=2)


@pytest.mark.parametrize(
    ("what", "line"),
    [
        (result("delivered"), "delivered a.png in 1.25 s, 2 credits"),
        (
            replace(result("delivered"), note="[b] is enlarged."),
            "delivered a.png in 1.25 s, 2 credits\n          [b] is enlarged.",
        ),
        (result("rejected", reason="Too small."), "rejected  a.png: Too small."),
        (result("failed", reason="Gave up."), "failed    a.png: Gave up."),
        (result("skipped"), "skipped   a.png: no reason given"),
        (result("unsent", reason="Not UTF-8."), "not sent  a.png: Not UTF-8."),
        (result("rejected", "[red]x[/red].png", "[bold]"), "rejected  [red]x[/red].png: [bold]"),
    ],
)
def test_one_line_for_each_photo(what: Result, line: str) -> None:
    """Names and reasons are shown as they are, never as markup."""
    assert Text.from_markup(line_for(what)).plain == line


def test_a_name_cannot_speak_to_the_terminal() -> None:
    """No colours, bells or line breaks out of a file's name; other scripts stay."""
    assert shown("a\x1b[31m\n\x07é日本.png") == "a\\x1b[31m\\x0a\\x07é日本.png"
