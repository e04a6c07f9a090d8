"""`make demo`: photos in, cut-outs out, on a system of its own that is gone afterwards."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from dropcut.core.plain_text import shown
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local.out_folder import OutFolder
from local.outcomes import Outcome, SpendingChange, Subscription, from_tags, subscribed
from local.page import Further, Picture, Row, Run, counted, counted_credits, human_seconds, render_page
from local.photos import Photo, find_photos
from local.places import LOCAL, OUT
from local.preview import make_preview
from local.problem import Problem, writing_to
from local.settings_line import settings_on_this_machine
from local.steps import Steps
from local.system import System, bring_up, run_few_processes, temporary_folder

_UPLOADS_AT_ONCE = 4
_PATIENCE_SECONDS = 180.0
"""How long nothing may happen before the photos without an outcome are given up: longer than a lock-out of 60 s."""
_PATIENCE_WHILE_PAUSED_SECONDS = 30.0
_ASK_TAGS_AFTER_SECONDS = 60.0
"""A tag is set a moment before the event is published: while anything moves, the event will come."""
_KEY_CODES = ("key_refused", "no_key")
_KEY_ADVICE = "The demo's key comes from DROPCUT_API_KEY: put the right one there, and run the demo again."
"""The pipeline's own advice names its secret, which is gone with the demo."""
_COLOURS = {"delivered": "green", "rejected": "red", "failed": "red", "unanswered": "red"}


def main() -> int:
    """Run the demo as the environment variables PHOTOS and SETTINGS ask for."""
    run_demo(os.environ.get("PHOTOS", ""), settings_on_this_machine(), OUT)
    return 0


def run_demo(
    folder: str, settings: Mapping[str, str], out_folder: Path, *, patience_seconds: float = _PATIENCE_SECONDS
) -> Path:
    """Drop the photos, fetch the cut-outs, write the page; return the page's path.

    Raises:
        Problem: something is not there, did not start, or a photo reached no end.
    """
    steps = Steps()
    photos = find_photos(folder, out=out_folder)
    out = OutFolder(out_folder)
    with ExitStack() as undo:
        with writing_to(LOCAL, "The demo's state and logs"):
            state = undo.enter_context(temporary_folder("demo"))
        system = bring_up(state, settings, steps=steps)
        undo.callback(system.stop)
        run_few_processes(system)
        drop = Drop(system, settings, out, steps.console, patience_seconds)
        results = drop.all(photos)
        with steps.step("Write the page"):
            write_page(out, results, drop, stands_in="api_base_url" not in settings)
        _say_how_it_ended(results, out, steps)
        if any(result.state == "unanswered" for result in results):
            raise Problem(drop.no_answer(results))
    return out.page


@dataclass(frozen=True)
class Cutout:
    """One rendition of a photo, on its way into the folder of results."""

    rendition: str
    file: Path
    fetching: Future[None]

    @property
    def fetched(self) -> bool:
        """Whether it has arrived; waits for it."""
        return self.fetching.exception() is None


@dataclass
class Result:
    """What is known of one photo so far."""

    photo: Photo
    key: str
    state: str = "unanswered"
    reason: str = ""
    started: float = 0.0
    ended: float = 0.0
    note: str = ""
    credits: float | None = None
    cutouts: list[Cutout] = field(default_factory=list)
    """The first is the one that the page shows."""

    @property
    def seconds(self) -> float | None:
        """From the start of the upload until the outcome was known."""
        return self.ended - self.started if self.ended and self.started else None


class Drop:
    """Dropping some photos into a running system, and what became of them."""

    def __init__(
        self, system: System, settings: Mapping[str, str], out: OutFolder, console: Console, patience_seconds: float
    ) -> None:
        self._system = system
        self.api_base_url = system.api_base_url
        self._bucket = system.outputs["InputBucketName"]
        self._prefix = settings.get("input_prefix", "")
        self._format = settings.get("output_format", "png")
        self._out = out
        self._console = console
        self._patience_seconds = patience_seconds
        self._paused = ""
        self.started = time.monotonic()
        self.ended = self.started

    def all(self, photos: Iterable[Photo]) -> list[Result]:
        """Drop the photos and return when each has reached its end, or nothing happens any more."""
        results = [Result(photo, self._prefix + photo.name) for photo in photos]
        name = f"dropcut-demo-{os.getpid()}"
        with (
            subscribed(self._system, self._bucket, name=name) as subscription,
            ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool,
            self._progress() as progress,
        ):
            bar = progress.add_task("", total=len(results))

            def tell(result: Result) -> None:
                progress.console.print(line_for(result))
                progress.advance(bar)

            self.started = time.monotonic()
            try:
                self._send(results, pool, tell)
                self._watch(results, subscription, pool, tell)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            self.ended = time.monotonic()
        for result in results:
            if result.state == "unanswered":
                result.reason = self._why or "Nothing was heard of it any more; the terminal says where the logs are."
        return results

    @property
    def _why(self) -> str:
        """Why photos get no answer; empty when nothing is known to stand in the way."""
        return f"Calls of the API are paused: {self._paused}" if self._paused else ""

    def no_answer(self, results: Iterable[Result]) -> str:
        """What to tell a person when photos reached no end."""
        names = [shown(result.photo.name) for result in results if result.state == "unanswered"]
        listed = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
        return (
            f"{counted(len(names), 'photo')} reached no end: {listed}. {shown(self._why)}".rstrip() + "\n"
            f"Look in {self._system.folder}/*.log: what the functions said is in embedded-aws.log."
        )

    def _progress(self) -> Progress:
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("photos"), TimeElapsedColumn())
        return Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal)

    def _send(self, results: Iterable[Result], pool: ThreadPoolExecutor, tell: Callable[[Result], None]) -> None:
        s3 = self._system.client("s3")

        def upload(result: Result) -> None:
            result.started = time.monotonic()
            try:
                s3.upload_file(str(result.photo.path), self._bucket, result.key)
            except (BotoCoreError, ClientError, OSError) as error:
                result.state, result.reason = "unsent", f"It could not be uploaded: {error}"
                tell(result)

        for result in results:
            if result.photo.unsendable:
                result.state, result.reason = "unsent", result.photo.unsendable
                tell(result)
            else:
                pool.submit(upload, result)

    def _watch(
        self,
        results: list[Result],
        subscription: Subscription,
        pool: ThreadPoolExecutor,
        tell: Callable[[Result], None],
    ) -> None:
        open_results = {result.key: result for result in results if not result.photo.unsendable}
        last_news = time.monotonic()
        while any(result.state == "unanswered" for result in open_results.values()):
            news = list(subscription.receive())
            if not news and time.monotonic() - last_news > _ASK_TAGS_AFTER_SECONDS:
                news += from_tags(self._system, self._bucket, _without_outcome(open_results.values()))
            for event in news:
                last_news = time.monotonic()
                if isinstance(event, SpendingChange):
                    self._note_spending(event)
                elif event.key in open_results:
                    result = open_results.pop(event.key)
                    self._end(result, event, pool)
                    tell(result)
            patience = _PATIENCE_WHILE_PAUSED_SECONDS if self._paused else self._patience_seconds
            if time.monotonic() - last_news > min(patience, self._patience_seconds):
                return

    def _end(self, result: Result, outcome: Outcome, pool: ThreadPoolExecutor) -> None:
        result.ended = time.monotonic()
        result.state, result.reason = outcome.kind, outcome.reason
        result.credits = outcome.detail.get("credits")
        result.note = outcome.note
        if outcome.kind == "delivered":
            unknown = [("full", f"{Path(result.key).with_suffix('')}.{self._format}")]
            result.cutouts = [self._fetch(name, key, outcome, pool) for name, key in outcome.renditions or unknown]

    def _fetch(self, rendition: str, key: str, outcome: Outcome, pool: ThreadPoolExecutor) -> Cutout:
        file = self._out.path_for(key.removeprefix(self._prefix))
        bucket = str(outcome.detail.get("output_bucket") or self._system.outputs["OutputBucketName"])
        return Cutout(rendition, file, pool.submit(self._system.client("s3").download_file, bucket, key, str(file)))

    def _note_spending(self, change: SpendingChange) -> None:
        advice = f" {_KEY_ADVICE}" if change.code in _KEY_CODES else ""
        self._paused = (change.reason or "No reason was given.") + advice if change.paused else ""
        self._console.print(f"[yellow]{escape(shown(self._why or 'Calls of the API go on.'))}[/yellow]")


def _without_outcome(results: Iterable[Result]) -> list[str]:
    """Some keys without an outcome: their events may have been lost."""
    return [result.key for result in results if result.state == "unanswered"][:20]


def line_for(result: Result) -> str:
    """One line about one photo (rich markup)."""
    colour = _COLOURS.get(result.state, "yellow")
    name = escape(shown(result.photo.name))
    if result.state == "delivered":
        credits = f", {counted_credits(result.credits)}" if result.credits else ""
        note = f"\n          {escape(shown(result.note))}" if result.note else ""
        return f"[{colour}]delivered[/] {name} [dim]in {human_seconds(result.seconds or 0)}{credits}[/]{note}"
    state = "not sent" if result.state == "unsent" else result.state
    return f"[{colour}]{state:<9}[/] {name}: {escape(shown(result.reason or 'no reason given'))}"


def write_page(out: OutFolder, results: Iterable[Result], drop: Drop, *, stands_in: bool) -> None:
    """Write the page, with small pictures of everything that can be shown."""
    rows = [_row(number, result, out) for number, result in enumerate(results, start=1)]
    run = Run(drop.ended - drop.started, stands_in, drop.api_base_url)
    out.write_page(render_page(rows, run, folder=out.folder))


def _row(number: int, result: Result, out: OutFolder) -> Row:
    before = _picture(result.photo.path, out.page_file(f"{number}-before.webp"))
    fetched = [cutout for cutout in result.cutouts if cutout.fetched]
    after = _picture(fetched[0].file, out.page_file(f"{number}-after.webp")) if fetched else None
    return Row(
        name=result.photo.name,
        state=result.state,
        before=before,
        after=after,
        reason=result.reason,
        seconds=result.seconds,
        credits=result.credits,
        note=result.note,
        further=tuple(Further(cutout.rendition, cutout.file, _size_bytes(cutout.file)) for cutout in fetched[1:]),
    )


def _picture(file: Path, preview: Path) -> Picture:
    return Picture(file, make_preview(file, preview), _size_bytes(file))


def _size_bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _say_how_it_ended(results: list[Result], out: OutFolder, steps: Steps) -> None:
    delivered = sum(result.state == "delivered" for result in results)
    steps.say(f"\n{delivered} of {counted(len(results), 'photo')} cut out. Look at them: {out.page}")
