"""What a verb writes: its result to standard output, what goes on to standard error, and questions to a terminal."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

import click
from dropcut.core.plain_text import shown

from dropcut_cli.exits import CommandError, Exit

SECONDS_BETWEEN_LINES = 5.0
"""Of a verb that says how far it is."""
_COLOURS = {"ok": "green", "delivered": "green", "wrong": "red", "rejected": "red", "failed": "red", "held": "yellow"}
"""Of a line's first word, on a terminal."""


@dataclass
class Output:
    as_json: bool
    is_read: bool = True
    """Whether somebody still reads standard output: `| head` stops reading, and the verb still ends with its code."""

    def result(self, values: Mapping[str, object], *lines: str) -> None:
        """One object of JSON on a line of its own, or the lines for people."""
        for line in [json.dumps(values)] if self.as_json else map(_coloured, lines):
            self.is_read = say(line) and self.is_read

    def progress(self, line: str) -> None:
        say(shown(line), err=True)

    def ask(self, question: str, *, yes: bool) -> None:
        """Go on only if the person agrees; `yes` is the option that answers in advance.

        Raises:
            CommandError: the answer is no, or there is no terminal to ask at.
        """
        if yes:
            return
        if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
            raise CommandError(f"{shown(question)} There is no terminal to ask at: say it with --yes.", Exit.USAGE)
        if not click.confirm(shown(question), err=True):
            raise CommandError("Nothing was done.")


def is_terminal(stream: TextIO | None) -> bool:
    """None after `<&-` or `2>&-`."""
    return bool(stream and stream.isatty())


def say(line: str, *, err: bool = False) -> bool:
    """Write a line, to nowhere once its reader has gone; whether it was read.

    Raises:
        OSError: standard output cannot be written, as on a full disk; standard error is not worth stopping for.
    """
    try:
        click.echo(line, err=err)
        return True
    except OSError as error:
        if not err and not isinstance(error, BrokenPipeError):
            error.filename = "standard output"
            raise
        stream = sys.stderr if err else sys.stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False


def _coloured(line: str) -> str:
    """For a terminal; click takes colours out of what goes anywhere else."""
    word = line.partition(" ")[0]
    if word not in _COLOURS or os.environ.get("NO_COLOR"):
        return shown(line)
    return click.style(word, fg=_COLOURS[word]) + shown(line.removeprefix(word))


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def amount(value: float) -> str:
    """A number, such as credits, in full: `2,000,000` or `0.5`."""
    return f"{value:,.15g}"


def for_people(seconds: float) -> str:
    """A length of time in the largest unit that fits, such as `3 min`."""
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
