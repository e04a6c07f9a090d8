"""Telling a person what happens, in a few lines: one for each step, with the time it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from rich.console import Console

SECONDS_BETWEEN_LINES = 5.0


class Steps:
    """Prints a line for each step when it is done. On a terminal a spinner shows the one at work.

    Elsewhere, such as in a CI's log, a line every few seconds says what goes on.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show `doing` while the body runs, and how long it took afterwards."""
        started = time.monotonic()
        with (
            self.console.status(doing)
            if self.console.is_terminal
            else self.saying_now(lambda: f"{doing}: {time.monotonic() - started:.0f} s so far")
        ):
            yield
        self.console.print(f"[green]✓[/green] {doing} [dim]{time.monotonic() - started:.1f} s[/dim]")

    @contextmanager
    def saying_now(self, now: Callable[[], str]) -> Iterator[None]:
        """Print what `now` returns (rich markup) every few seconds while the body runs, but not on a terminal."""
        if self.console.is_terminal:
            yield
            return
        ended = Event()

        def say() -> None:
            while not ended.wait(SECONDS_BETWEEN_LINES):
                self.console.print(f"  {now()}")

        thread = Thread(target=say, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def say(self, text: str = "") -> None:
        """Print a line (rich markup)."""
        self.console.print(text)
