"""What the demo prints for each photo, and what it does before and after there is a system."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from rich.text import Text

from local import demo, settings_line, system
from local.demo import Drop, Result, line_for, run_demo
from local.out_folder import OutFolder
from local.outcomes import SpendingChange
from local.photos import Photo
from local.places import SAMPLES
from local.problem import Problem
from local.steps import Silence
from local.system import System


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


def test_neither_a_name_nor_a_reason_nor_a_note_speaks_to_the_terminal() -> None:
    """No colours, bells, line breaks or reversed order; other scripts stay."""
    text, escaped = "a\x1b[31m\n\x07é日本\u202e.png", r"a\u001b[31m\u000a\u0007é日本\u202e.png"
    assert Text.from_markup(line_for(result("rejected", text, text))).plain == f"rejected  {escaped}: {escaped}"
    noted = replace(result("delivered", text), note=text)
    assert Text.from_markup(line_for(noted)).plain.count(escaped) == 2


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


def test_wrong_settings_leave_the_last_demos_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may have been paid for."""
    monkeypatch.setattr(system, "LOCAL", tmp_path / "local")
    OutFolder(tmp_path / "out").path_for("a.png").write_text("paid for")
    with pytest.raises(Problem, match="Allowed: png or webp"):
        run_demo("", {"output_format": "gif"}, tmp_path / "out")
    assert (tmp_path / "out" / "a.png").read_text() == "paid for"


def test_a_place_for_the_demos_state_that_cannot_be_written_to_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a sentence."""
    (tmp_path / "local").symlink_to("gone")
    for module in (system, demo):
        monkeypatch.setattr(module, "LOCAL", tmp_path / "local")
    with pytest.raises(Problem, match="local cannot be written to: it is a link to gone, which is not there"):
        run_demo("", {}, tmp_path / "out")


@pytest.mark.parametrize(
    ("news", "reason"),
    [
        (
            [SpendingChange(True, "HTTP 402: no credits.", "no_credits")],
            "Calls of the API are paused: HTTP 402: no credits.",
        ),
        (
            [SpendingChange(True, "HTTP 401: wrong key.", "key_refused")],
            "Calls of the API are paused: HTTP 401: wrong key. The demo's key comes from DROPCUT_API_KEY: ",
        ),
        ([SpendingChange(True, "x", "x"), SpendingChange(False, "")], "Nothing was heard of it any more; "),
        ([], "Nothing was heard of it any more; "),
    ],
)
def test_a_photo_without_an_answer_has_the_reason_that_the_terminal_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, news: list[SpendingChange], reason: str
) -> None:
    """It stands on the page. The key of a demo is not put into a secret by hand."""

    class Deaf:
        def __init__(self) -> None:
            self.outputs = {"InputBucketName": "in"}
            self.api_base_url = "http://127.0.0.1:1"

        def client(self, service: str) -> "Deaf":
            return self

        def upload_file(self, *_: str) -> None:
            pass

    class Heard:
        def receive(self) -> Iterator[SpendingChange]:
            while news:
                yield news.pop(0)

    monkeypatch.setattr(demo, "subscribed", lambda *_, name: nullcontext(Heard()))
    drop = Drop(cast(System, Deaf()), {}, OutFolder(tmp_path), Silence().console, patience_seconds=0.05)
    (result,) = drop.all([Photo(SAMPLES / "cat.webp", "cat.webp")])
    assert result.state == "unanswered"
    assert result.reason.startswith(reason)
