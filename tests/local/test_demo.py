"""What the demo prints for each photo, and what it does before and after there is a system."""

import errno
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from dropcut_cli.clone import settings_line
from dropcut_cli.clone.problem import Interrupted, Problem
from dropcut_cli.clone.steps import Steps
from local import demo, drop, system
from local.demo import Ending, run_demo
from local.drop import Drop
from local.out_folder import OutFolder
from local.outcomes import Outcome, SpendingChange
from local.photos import Found, Photo
from local.places import SAMPLES
from local.result import Result
from local.system import System


def test_photos_are_dropped_under_the_prefix_that_stays_in_cdk_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo's own system is made with it, and looks for photos nowhere else."""
    given: list[Mapping[str, str]] = []
    (tmp_path / "cdk.json").write_text('{"context": {"input_prefix": "shop/"}}')
    monkeypatch.setattr(settings_line, "CDK_JSON", tmp_path / "cdk.json")
    monkeypatch.delenv("SETTINGS", raising=False)
    monkeypatch.setattr(demo, "LOCAL", tmp_path / "local")
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

    monkeypatch.setattr(drop, "subscribed", lambda *_, name: nullcontext(Heard(news)))
    dropped = drop_into(OutFolder(tmp_path), patience_seconds=0.05)
    (result,) = results = dropped.results_for([Photo(SAMPLES / "cat.webp", "cat.webp")])
    dropped.all(results)
    assert result.state == "unanswered"
    assert result.reason.startswith(reason)


class Heard:
    """A subscription on which these events are received, and then the stop."""

    def __init__(self, news: Sequence[SpendingChange | Outcome | Interrupted]) -> None:
        self.news = list(news)

    def receive(self) -> Iterator[SpendingChange | Outcome]:
        if self.news and isinstance(self.news[0], Interrupted):
            raise self.news[0]
        while self.news and not isinstance(self.news[0], Interrupted):
            yield cast(SpendingChange | Outcome, self.news.pop(0))


class Account:
    """The system as a demo sees it. Downloads are one byte; one of a key in `full` finds the disk full."""

    def __init__(self, full: Collection[str] = ()) -> None:
        self.outputs = {"InputBucketName": "in", "OutputBucketName": "out"}
        self.api_base_url = "http://127.0.0.1:1"
        self.folder = Path("a folder")
        self.full = full

    def client(self, service: str) -> "Account":
        return self

    def upload_file(self, *_: str) -> None:
        pass

    def download_file(self, bucket: str, key: str, file: str) -> None:
        if key in self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file)
        Path(file).write_text("x")


def drop_into(out: OutFolder, *, full: Collection[str] = (), patience_seconds: float = 5) -> Drop:
    return Drop(cast(System, Account(full)), {}, out, Steps(Console(quiet=True)), patience_seconds)


def delivered(name: str, picture: str, *renditions: str) -> Outcome:
    """The event of a photo `NAME.jpg`, delivered in these renditions."""
    made = [{"name": each, "key": f"{name}-{each}.png"} for each in renditions or ("full",)]
    return Outcome(f"{name}.jpg", "delivered", {"credits": 2, "picture_sha256": picture, "renditions": made})


def outcome_of(
    news: Sequence[SpendingChange | Outcome | Interrupted],
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    full: Collection[str] = (),
) -> tuple[list[Result], list[str]]:
    """The results of photos `a.jpg` to `c.jpg` of which this is heard, and the problems that the demo ends with."""
    monkeypatch.setattr(drop, "subscribed", lambda *_, name: nullcontext(Heard(news)))
    dropped = drop_into(OutFolder(out), full=full)
    names = [event.key for event in news if isinstance(event, Outcome)]
    results = dropped.results_for([Photo(SAMPLES / "cat.webp", name) for name in names])
    dropped.all(results)
    return results, Ending(OutFolder(out), dropped, Steps(Console(quiet=True)), stands_in=True).finish(
        results, photos=len(results)
    )


def test_a_picture_that_was_paid_before_is_said_to_be_the_same_and_paid_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its event tells the credits of the first payment."""
    news = [delivered("a", "1"), delivered("b", "2"), delivered("c", "1")]
    results, problems = outcome_of(news, tmp_path, monkeypatch)
    assert [(result.same_as, result.credits) for result in results] == [("", 2), ("", 2), ("a.jpg", None)]
    assert results[2].remarks == "Not paid again: the same picture as a.jpg."
    assert problems == []


@pytest.mark.parametrize("full", ["b-full.png", "b-web.png"])
def test_a_photo_counts_as_cut_out_only_when_all_its_files_are_in_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    """With a full disk it does not, and the demo fails."""
    news = [delivered("a", "1"), delivered("b", "2", "full", "web")]
    results, problems = outcome_of(news, tmp_path, monkeypatch, full=[full])
    assert [result.state for result in results] == ["delivered", "unwritten"]
    assert results[1].reason == f"{full} could not be written: No space left on device."
    assert len(problems) == 1
    assert problems[0].startswith(f"1 photo cut out but not written to {tmp_path}: b.jpg.")
    assert "1 of 2 photos cut out" in (tmp_path / "index.html").read_text()


def test_a_folder_of_results_that_fills_up_ends_no_photos_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where a file is to be noted, nor where the page is written."""

    def full(_: OutFolder, name: str) -> Path:
        raise Problem(f"no space for {name}")

    monkeypatch.setattr(OutFolder, "path_for", full)
    monkeypatch.setattr(OutFolder, "page_file", full)
    results, problems = outcome_of([delivered("a", "1")], tmp_path, monkeypatch)
    assert (results[0].state, results[0].reason) == ("unwritten", "no space for a-full.png")
    assert [problem.split(":")[0] for problem in problems] == [
        f"1 photo cut out but not written to {tmp_path}",
        "no space for 1-before.webp",
    ]


def test_a_stopped_demo_writes_the_page_for_the_photos_that_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """And is still stopped: nothing else is begun."""
    out = tmp_path / "my out"
    photos = [Photo(SAMPLES / "cat.webp", f"{number}.jpg") for number in range(60)]
    monkeypatch.setattr(drop, "subscribed", lambda *_, name: nullcontext(Heard([delivered("7", "1"), Interrupted(2)])))
    monkeypatch.setattr(demo, "find_photos", lambda *_, out: Found(photos))
    monkeypatch.setattr(demo, "bring_up", lambda *_, steps: StoppableAccount())
    monkeypatch.setattr(demo, "run_few_processes", lambda _: None)
    for module in (system, demo):
        monkeypatch.setattr(module, "LOCAL", tmp_path / "local")
    with pytest.raises(Interrupted):
        run_demo("", {}, out)
    page = (out / "index.html").read_text()
    assert "1 of 60 photos cut out" in page
    assert "59 photos had reached no end" in page
    assert f"1 of 60 photos cut out. Look at them: '{out}/index.html'" in capfd.readouterr().out


class StoppableAccount(Account):
    def stop(self) -> None:
        pass
