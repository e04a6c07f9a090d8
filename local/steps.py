"""Telling a person what happens, in a few lines: one for each step, with the time it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Steps:
    """Prints a line for each step when it is done; on a terminal a spinner shows the one at work."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show `doing` while the body runs, and how long it took afterwards."""
        started = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(doing):
                yield
        else:
            yield
        self.console.print(f"[green]✓[/green] {doing} [dim]{time.monotonic() - started:.1f} s[/dim]")

    def say(self, text: str = "") -> None:
        """Print a line (rich markup)."""
        self.console.print(text)


class Silence(Steps):
    """For tests: says nothing."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True))
