"""Dropping some photos into a running system, and what became of them."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from dropcut.core.plain_text import shown
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dropcut_cli.clone.places import pasted
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.steps import Steps
from local.out_folder import OutFolder
from local.outcomes import Outcome, SpendingChange, Subscription, from_tags, subscribed
from local.page import counted
from local.photos import Photo
from local.result import Cutout, Result, line_for
from local.system import System

_AT_ONCE = 4
_PATIENCE_WHILE_PAUSED_SECONDS = 30.0
_ASK_TAGS_AFTER_SECONDS = 60.0
"""A tag is set a moment before the event is published: while anything moves, the event will come."""
_KEY_CODES = ("key_refused", "no_key")
_KEY_ADVICE = "The demo's key comes from DROPCUT_API_KEY: put the right one there, and run the demo again."
"""The pipeline's own advice names its secret, which is gone with the demo."""
_TRANSFER_ERRORS = (Boto3Error, BotoCoreError, ClientError, OSError)

Report = Callable[[Result], None]


class Drop:
    """One demo's photos on their way."""

    def __init__(
        self, system: System, settings: Mapping[str, str], out: OutFolder, steps: Steps, patience_seconds: float
    ) -> None:
        self._system = system
        self.api_base_url = system.api_base_url
        self._bucket = system.outputs["InputBucketName"]
        self._prefix = settings.get("input_prefix", "")
        self._format = settings.get("output_format", "png")
        self._out = out
        self._steps = steps
        self._patience_seconds = patience_seconds
        self._paused = ""
        self._paid_as: dict[str, str] = {}
        """The first photo's name, by its picture's hash."""
        self.started = time.monotonic()
        self.ended = self.started

    def results_for(self, photos: Iterable[Photo]) -> list[Result]:
        """A result for each photo, of which nothing is known yet."""
        return [Result(photo, self._prefix + photo.name) for photo in photos]

    def all(self, results: Sequence[Result]) -> None:
        """Drop the photos; return when each has reached its end, or nothing happens any more.

        Stopped in the middle, it leaves the results as far as they are known.
        """
        name = f"dropcut-demo-{os.getpid()}"
        self.started = time.monotonic()
        with (
            subscribed(self._system, self._bucket, name=name) as subscription,
            ThreadPoolExecutor(_AT_ONCE) as uploads,
            ThreadPoolExecutor(_AT_ONCE) as fetches,
            self._progress() as progress,
            self._steps.saying_now(lambda: self._so_far(results)),
        ):
            bar = progress.add_task("", total=len(results))

            def report(result: Result) -> None:
                progress.console.print(line_for(result))
                progress.advance(bar)

            try:
                self._send(results, uploads, report)
                self._watch(results, subscription, fetches, report)
            except BaseException:
                uploads.shutdown(wait=False, cancel_futures=True)  # what was delivered is still fetched
                raise
            finally:
                self.ended = time.monotonic()
        for result in results:
            if result.state == "unanswered":
                result.reason = self._why or "Nothing was heard of it any more; the terminal says where the logs are."

    @property
    def _why(self) -> str:
        """Why photos get no answer; empty when nothing is known to stand in the way."""
        return f"Calls of the API are paused: {self._paused}" if self._paused else ""

    def no_answer(self, results: Iterable[Result]) -> str:
        """What to tell a person when photos reached no end; empty when all did."""
        names = [result.photo.name for result in results if result.state == "unanswered"]
        if not names:
            return ""
        return (
            f"{counted(len(names), 'photo')} reached no end: {listed(names)}. {shown(self._why)}".rstrip() + "\n"
            f"Look in {pasted(self._system.folder)}/*.log: what the functions said is in functions.log."
        )

    def _so_far(self, results: Sequence[Result]) -> str:
        ended = sum(result.state != "unanswered" for result in results)
        return f"{ended} of {counted(len(results), 'photo')} so far, {time.monotonic() - self.started:.0f} s"

    def _progress(self) -> Progress:
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("photos"), TimeElapsedColumn())
        console = self._steps.console
        return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

    def _send(self, results: Iterable[Result], uploads: ThreadPoolExecutor, report: Report) -> None:
        s3 = self._system.client("s3")

        def upload(result: Result) -> None:
            result.started = time.monotonic()
            try:
                s3.upload_file(str(result.photo.path), self._bucket, result.key)
            except _TRANSFER_ERRORS as error:
                result.state, result.reason = "unsent", f"It could not be uploaded: {error}"
                report(result)

        for result in results:
            if result.photo.unsendable:
                result.state, result.reason = "unsent", result.photo.unsendable
                report(result)
            else:
                uploads.submit(upload, result)

    def _watch(
        self, results: Sequence[Result], subscription: Subscription, fetches: ThreadPoolExecutor, report: Report
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
                    self._end(open_results.pop(event.key), event, fetches, report)
            patience = _PATIENCE_WHILE_PAUSED_SECONDS if self._paused else self._patience_seconds
            if time.monotonic() - last_news > min(patience, self._patience_seconds):
                return

    def _end(self, result: Result, outcome: Outcome, fetches: ThreadPoolExecutor, report: Report) -> None:
        """Note the outcome. A delivered photo is reported when its files are here, or cannot be."""
        result.ended = time.monotonic()
        result.note = outcome.note
        if outcome.kind != "delivered":
            result.state, result.reason, result.credits = outcome.kind, outcome.reason, outcome.detail.get("credits")
            report(result)
            return
        self._note_payment(result, outcome)
        unknown = [("full", f"{Path(result.key).with_suffix('')}.{self._format}")]
        renditions = outcome.renditions or unknown
        try:
            # Here and not in a thread: of two files that want one name, the second is to see the first.
            cutouts = [Cutout(name, self._out.path_for(key.removeprefix(self._prefix))) for name, key in renditions]
        except Problem as problem:
            result.state, result.reason = "unwritten", str(problem)
            report(result)
            return
        bucket = str(outcome.detail.get("output_bucket") or self._system.outputs["OutputBucketName"])
        keys = [key for _, key in renditions]
        fetches.submit(self._fetch, result, bucket, keys, cutouts, report)

    def _note_payment(self, result: Result, outcome: Outcome) -> None:
        """The event of a picture that was paid before tells the first one's credits: they are counted once."""
        picture = str(outcome.detail.get("picture_sha256") or result.key)
        first = self._paid_as.setdefault(picture, result.photo.name)
        if first == result.photo.name:
            result.credits = outcome.detail.get("credits")
        else:
            result.same_as = first

    def _fetch(
        self, result: Result, bucket: str, keys: Sequence[str], cutouts: Sequence[Cutout], report: Report
    ) -> None:
        """Bring the files of one photo here. It counts as delivered when all of them came."""
        reasons = []
        for key, cutout in zip(keys, cutouts, strict=True):
            try:
                self._system.client("s3").download_file(bucket, key, str(cutout.file))
                result.cutouts.append(cutout)
            except _TRANSFER_ERRORS as error:
                why = error.strerror if isinstance(error, OSError) and error.strerror else error
                reasons.append(f"{cutout.file.relative_to(self._out.folder)} could not be written: {why}.")
        result.reason = " ".join(reasons)
        result.state = "unwritten" if reasons else "delivered"
        report(result)

    def _note_spending(self, change: SpendingChange) -> None:
        advice = f" {_KEY_ADVICE}" if change.code in _KEY_CODES else ""
        self._paused = (change.reason or "No reason was given.") + advice if change.paused else ""
        self._steps.say(f"[yellow]{escape(shown(self._why or 'Calls of the API go on.'))}[/yellow]")


def listed(names: Sequence[str], *, at_most: int = 10) -> str:
    """Names in one line, the first few of them."""
    more = f" and {len(names) - at_most:,} more" if len(names) > at_most else ""
    return ", ".join(shown(name) for name in names[:at_most]) + more


def _without_outcome(results: Iterable[Result]) -> list[str]:
    """Some keys without an outcome: their events may have been lost."""
    return [result.key for result in results if result.state == "unanswered"][:20]
