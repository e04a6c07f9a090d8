"""`make demo`: photos in, cut-outs out, on a system of its own that is gone afterwards."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.markup import escape

from dropcut_cli.clone.places import LOCAL, pasted
from dropcut_cli.clone.problem import Interrupted, Problem, writing_to
from dropcut_cli.clone.settings_line import settings_on_this_machine
from dropcut_cli.clone.steps import Steps
from local.drop import Drop, listed
from local.one_at_a_time import alone
from local.out_folder import OutFolder
from local.page import Further, Picture, Row, Run, counted, render_page
from local.photos import find_photos
from local.places import OUT
from local.preview import make_preview
from local.result import Result
from local.system import bring_up, run_few_processes, temporary_folder

_PATIENCE_SECONDS = 180.0
"""How long nothing may happen before the photos without an outcome are given up: longer than a lock-out of 60 s."""
_AT_WORK = "Another `make demo` is at work in this folder, and both would write to out/."


def main() -> int:
    """Run the demo as the environment variables PHOTOS and SETTINGS ask for."""
    with alone(LOCAL / "demo.lock", _AT_WORK):
        run_demo(os.environ.get("PHOTOS", ""), settings_on_this_machine(), OUT)
    return 0


def run_demo(
    folder: str, settings: Mapping[str, str], out_folder: Path, *, patience_seconds: float = _PATIENCE_SECONDS
) -> Path:
    """Drop the photos, fetch the cut-outs, write the page; return the page's path.

    Raises:
        Problem: something is not there, did not start, a photo reached no end, or a result could not be written.
    """
    steps = Steps()
    found = find_photos(folder, out=out_folder)
    if found.left_out:
        steps.say(escape(found.left_out))
    out = OutFolder(out_folder)
    with ExitStack() as undo:
        with writing_to(LOCAL, "The demo's state and logs"):
            state = undo.enter_context(temporary_folder("demo"))
        system = bring_up(state, settings, steps=steps)
        undo.callback(system.stop)
        run_few_processes(system)
        drop = Drop(system, settings, out, steps, patience_seconds)
        ending = Ending(out, drop, steps, stands_in="api_base_url" not in settings)
        results = drop.results_for(found.photos)
        try:
            drop.all(results)
            problems = ending.finish(results, photos=len(results))
        except Interrupted:
            came = [result for result in results if result.state != "unanswered"]
            for problem in ending.finish(came, photos=len(results)) if came else []:
                steps.say(escape(problem))
            raise
        if problems:
            raise Problem("\n".join(problems))
    return out.page


class Ending:
    """What a demo leaves when its photos are through: the page, and how many were cut out."""

    def __init__(self, out: OutFolder, drop: Drop, steps: Steps, *, stands_in: bool) -> None:
        self._out = out
        self._drop = drop
        self._steps = steps
        self._stands_in = stands_in

    def finish(self, results: Sequence[Result], *, photos: int) -> list[str]:
        """Write the page and say how it ended; return what went wrong, in sentences.

        Args:
            results: those that the page shows.
            photos: how many photos were to be dropped; more than the results when the demo was stopped.
        """
        problems = [self._drop.no_answer(results), self._not_written(results)]
        look = f" Look at them: {escape(pasted(self._out.page))}"
        try:
            with self._steps.step("Write the page"):
                self._write_page(results, photos)
        except Problem as unwritable:
            problems.append(str(unwritable))
            look = ""
        delivered = sum(result.state == "delivered" for result in results)
        self._steps.say(f"\n{delivered} of {counted(photos, 'photo')} cut out.{look}")
        return [problem for problem in problems if problem]

    def _not_written(self, results: Sequence[Result]) -> str:
        names = [result.photo.name for result in results if result.state == "unwritten"]
        if not names:
            return ""
        return (
            f"{counted(len(names), 'photo')} cut out but not written to {pasted(self._out.folder)}: {listed(names)}. "
            "The reasons stand above. Make room there, then run the demo again."
        )

    def _write_page(self, results: Sequence[Result], photos: int) -> None:
        """With small pictures of everything that can be shown."""
        rows = [_row(number, result, self._out) for number, result in enumerate(results, start=1)]
        run = Run(self._drop.ended - self._drop.started, self._stands_in, self._drop.api_base_url, photos=photos)
        self._out.write_page(render_page(rows, run, folder=self._out.folder))


def _row(number: int, result: Result, out: OutFolder) -> Row:
    before = _picture(result.photo.path, out.page_file(f"{number}-before.webp"))
    cutouts = result.cutouts
    after = _picture(cutouts[0].file, out.page_file(f"{number}-after.webp")) if cutouts else None
    return Row(
        name=result.photo.name,
        state=result.state,
        before=before,
        after=after,
        reason=result.reason,
        seconds=result.seconds,
        credits=result.credits,
        note=" ".join(filter(None, [result.remarks, result.reason if after else ""])),
        further=tuple(Further(cutout.rendition, cutout.file, _size_bytes(cutout.file)) for cutout in cutouts[1:]),
    )


def _picture(file: Path, preview: Path) -> Picture:
    return Picture(file, make_preview(file, preview), _size_bytes(file))


def _size_bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
