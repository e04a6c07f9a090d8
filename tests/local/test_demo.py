"""What the demo prints for each photo."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from rich.text import Text

from local import demo, settings_line
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


def test_photos_are_dropped_under_the_prefix_that_stays_in_cdk_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo's own system is made with it, and looks for photos nowhere else."""
    given: list[Mapping[str, str]] = []
    (tmp_path / "cdk.json").write_text('{"context": {"input_prefix": "shop/"}}')
    monkeypatch.setattr(settings_line, "CDK_JSON", tmp_path / "cdk.json")
    monkeypatch.delenv("SETTINGS", raising=False)
    monkeypatch.setattr(demo, "run_demo", lambda photos, settings, out: given.append(settings))
    assert demo.main() == 0
    assert given == [{"input_prefix": "shop/"}]
