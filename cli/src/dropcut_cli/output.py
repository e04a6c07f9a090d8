"""What a verb writes: its result to standard output, what goes on to standard error, and questions to a terminal."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import click
from dropcut.core.plain_text import shown

from dropcut_cli.exits import CommandError, Exit


@dataclass(frozen=True)
class Output:
    as_json: bool

    def result(self, values: Mapping[str, object], *lines: str) -> None:
        """One object of JSON on a line of its own, or the lines for people."""
        if self.as_json:
            click.echo(json.dumps(values))
            return
        for line in lines:
            click.echo(shown(line))

    def progress(self, line: str) -> None:
        click.echo(shown(line), err=True)

    def ask(self, question: str, *, yes: bool) -> bool:
        """Whether the person agrees; `yes` is the option that answers in advance.

        Raises:
            CommandError: there is no terminal to ask at.
        """
        if yes:
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise CommandError(f"{shown(question)} There is no terminal to ask at: say it with --yes.", Exit.USAGE)
        return click.confirm(shown(question), err=True)


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def for_people(seconds: float) -> str:
    """A length of time in the largest unit that fits, such as `3 min`."""
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
