"""The line that the demo prints for each photo."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.text import Text

from local.photos import Photo
from local.result import Result, line_for


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
        (
            replace(result("delivered"), credits=None, same_as="[b].png"),
            "delivered a.png in 1.25 s, not paid again: the same picture as [b].png",
        ),
        (result("unwritten", reason="Disk full."), "not written a.png: Disk full."),
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


def test_neither_a_name_nor_a_reason_nor_a_note_speaks_to_the_terminal() -> None:
    """No colours, bells, line breaks or reversed order; other scripts stay."""
    text, escaped = "a\x1b[31m\n\x07é日本\u202e.png", r"a\u001b[31m\u000a\u0007é日本\u202e.png"
    assert Text.from_markup(line_for(result("rejected", text, text))).plain == f"rejected  {escaped}: {escaped}"
    noted = replace(result("delivered", text), note=text)
    assert Text.from_markup(line_for(noted)).plain.count(escaped) == 2
