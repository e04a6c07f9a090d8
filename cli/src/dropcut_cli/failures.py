"""`dropcut failures` and `dropcut redrive`: what ended without a cut-out, by reason; and sent through again."""

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, counted

STAGES = {"intake": "Intake", "cut": "Cut", "deliver": "Deliver", "notify": "Notify"}
REJECTED = "It was rejected by the API, and somebody asked for it to be tried again."


@dataclass(frozen=True, kw_only=True)
class Failure:
    stage: str
    """Of the queue it lies behind; `rejected` for what the API rejected."""
    code: str
    reason: str
    key: str
    send_back: Callable[[], None]


@dataclass
class Group:
    """Failures of one stage, code and reason."""

    stage: str
    code: str
    reason: str
    count: int = 0
    example: str = ""

    def add(self, failure: Failure) -> None:
        self.count += 1
        self.example = self.example or failure.key

    @property
    def line(self) -> str:
        example = f" (such as {self.example})" if self.example else ""
        return f"{self.count:6} x {self.stage:8} {self.code:22} {self.reason}{example}"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which failures are meant."""

    queue: str | None = None
    rejected: bool = False
    code: str | None = None
    reason: str = ""
    key: str | None = None

    def matches(self, failure: Failure) -> bool:
        of_the_key = self.key in (None, failure.key)
        return of_the_key and self.code in (None, failure.code) and self.reason in failure.reason


def selection(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that narrow failures down."""
    options = (
        click.argument("key", required=False),
        click.option("--queue", type=click.Choice(list(STAGES)), help="Only this stage's dead letters."),
        click.option("--rejected", is_flag=True, help="Photos that the API rejected, instead of dead letters."),
        click.option("--code", help="Only those that ended with this code, such as http_500."),
        click.option("--reason", default="", help="Only those whose reason holds this text."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command(epilog="Examples: `dropcut failures`, `dropcut failures --rejected --code content_moderation`")
@selection
@on_a_deployment
def failures(deployment: Any, output: Output, **chosen: Any) -> int:
    """List what ended without a cut-out, grouped by reason, with an example.

    Dead letters, unless --rejected asks for what the API rejected. Nothing is changed. Ends with 9 when there is none.
    """
    found = find_failures(deployment, _selected(chosen), send=False)
    _show(output, found)
    output.progress(_summary(deployment, chosen, found, sent=False))
    return Exit.DONE if found else Exit.NOTHING


@click.command(epilog="Examples: `dropcut redrive --code http_500 --send`, `dropcut redrive shop/a.jpg --send`")
@selection
@click.option("--send", is_flag=True, help="Send them; without it they are only shown.")
@on_a_deployment
def redrive(deployment: Any, output: Output, send: bool, **chosen: Any) -> int:
    """Send failed photos back to the stages they came from, or rejected ones through the pipeline again.

    Nothing that was paid for is paid for again. The record of a failure or a refusal is removed, and the API is asked
    again. If neither the prepared picture nor the paid answer is left, it starts from the photo itself. Run it again
    after an interruption: what was sent twice is done once. Ends with 9 when there is none.
    """
    found = find_failures(deployment, _selected(chosen), send=send)
    _show(output, found)
    output.progress(_summary(deployment, chosen, found, sent=send))
    return Exit.DONE if found else Exit.NOTHING


def _selected(chosen: dict[str, Any]) -> Selection:
    if chosen["rejected"] and chosen["queue"]:
        raise CommandError("Rejected photos lie in no queue: leave out --queue or --rejected.", Exit.USAGE)
    return Selection(**chosen)


def find_failures(deployment: Any, wanted: Selection, *, send: bool) -> list[Group]:
    """The failures that are meant, by group, the largest first; sent back when that is wanted."""
    groups: dict[tuple[str, str, str], Group] = {}
    queues = [name for name in STAGES if STAGES[name] in deployment.queues and wanted.queue in (None, name)]
    if not queues:
        raise CommandError(f"{deployment.name} has no queue `{wanted.queue}`: it was deployed without `webhook_url`.")
    for source in [_rejected] if wanted.rejected else [_dead_letters_of(queue) for queue in queues]:
        with source(deployment) as found:
            for failure in filter(wanted.matches, found):
                name = failure.stage, failure.code, failure.reason
                groups.setdefault(name, Group(*name)).add(failure)
                if send:
                    failure.send_back()
    return sorted(groups.values(), key=lambda group: -group.count)


def _dead_letters_of(queue: str) -> Callable[[Any], Any]:
    @contextmanager
    def source(deployment: Any) -> Iterator[Iterator[Failure]]:
        from dropcut_cli.dead_letters import dead_letters, send_back  # noqa: PLC0415

        with dead_letters(deployment, STAGES[queue]) as letters:
            yield (
                Failure(
                    stage=queue,
                    code=letter.code,
                    reason=letter.reason,
                    key=letter.key,
                    send_back=lambda letter=letter: send_back(deployment, letter),  # type: ignore[misc]
                )
                for letter in letters
            )

    return source


@contextmanager
def _rejected(deployment: Any) -> Iterator[Iterator[Failure]]:
    from dropcut_cli.rejected import rejected_photos  # noqa: PLC0415

    yield (
        Failure(
            stage="rejected",
            code=photo.code,
            reason=photo.reason,
            key=photo.key,
            send_back=lambda event=photo.event: deployment.send("Intake", event, REJECTED),  # type: ignore[misc]
        )
        for photo in rejected_photos(deployment)
    )


def _show(output: Output, groups: list[Group]) -> None:
    for group in groups:
        output.result(vars(group), group.line)


def _summary(deployment: Any, chosen: dict[str, Any], groups: list[Group], *, sent: bool) -> str:
    noun = "rejected photo" if chosen["rejected"] else "dead letter"
    if not groups:
        return f"No {noun} of {deployment.name} matches."
    number = counted(sum(group.count for group in groups), noun)
    if not sent:
        return f"{number} of {deployment.name} found; `{how_to_send(deployment, chosen)}` sends what is shown back."
    where = "sent through the pipeline again" if chosen["rejected"] else "sent back to the stages they came from"
    return f"{number} of {deployment.name} {where}."


def how_to_send(deployment: Any, chosen: dict[str, Any]) -> str:
    """The command that sends what was shown, and only that: with what narrowed it down."""
    words = ["dropcut", "redrive", *([chosen["key"]] if chosen["key"] else [])]
    for name in ("queue", "code", "reason"):
        words += [f"--{name}", chosen[name]] if chosen[name] else []
    words += ["--rejected"] if chosen["rejected"] else []
    where = ["--local"] if deployment.local else _where(deployment)
    return shlex.join([*words, "--send", *where])


def _where(deployment: Any) -> list[str]:
    profile = deployment.session.profile_name
    named = ["--profile", profile] if profile != os.environ.get("AWS_PROFILE", "default") else []
    return ["--stage", deployment.stage, "--region", deployment.session.region_name, *named]
