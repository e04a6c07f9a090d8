"""`dropcut failures` and `dropcut redrive`: what ended without a cut-out, by reason; and sent through again."""

import shlex
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import click

from dropcut_cli.deployment import STAGE_FUNCTIONS, Deployment
from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, counted

STAGES = {queue.lower(): queue for queue in STAGE_FUNCTIONS}
Group = tuple[str, str, str]
"""Stage, code and reason of failures."""


def on_failures(function: Callable[..., Any]) -> Callable[..., Any]:
    """The verb is given what narrows failures down."""
    for option in (
        on_a_deployment,
        click.option("--reason", default="", help="Only those whose reason holds this text."),
        click.option("--code", help="Only those that ended with this code, such as http_500."),
        click.option("--rejected", is_flag=True, help="Photos that the API rejected, instead of dead letters."),
        click.option("--queue", type=click.Choice(list(STAGES)), help="Only this stage's dead letters."),
        click.argument("key", required=False),
    ):
        function = option(function)
    return function


@click.command(epilog="Examples: `dropcut failures`, `dropcut failures --rejected --code content_moderation`")
@on_failures
def failures(deployment: Deployment, output: Output, **chosen: Any) -> int:
    """List what ended without a cut-out, grouped by reason, with an example.

    Dead letters, unless --rejected asks for what the API rejected. Nothing is changed. Ends with 9 when there is none.
    """
    return _show(deployment, output, chosen, send=False)


@click.command(epilog="Examples: `dropcut redrive --code http_500 --send`, `dropcut redrive shop/a.jpg --send`")
@click.option("--send", is_flag=True, help="Send them; without it they are only shown.")
@on_failures
def redrive(deployment: Deployment, output: Output, send: bool, **chosen: Any) -> int:
    """Send failed photos back to the stages they came from, or rejected ones through the pipeline again.

    Nothing that was paid for is paid for again. The record of a failure or a refusal is removed, and the API is asked
    again. If neither the prepared picture nor the paid answer is left, it starts from the photo itself. Run it again
    after an interruption: what was sent twice is done once. Ends with 9 when there is none.
    """
    return _show(deployment, output, chosen, send=send)


def _show(deployment: Deployment, output: Output, chosen: dict[str, Any], *, send: bool) -> int:
    """The groups that were chosen, the largest first."""
    found = sorted(find_failures(deployment, send=send, **chosen).items(), key=lambda group: -len(group[1]))
    for (stage, code, reason), keys in found:
        example = next(filter(None, keys), "")
        output.result(
            {"stage": stage, "code": code, "reason": reason, "count": len(keys), "example": example},
            f"{len(keys):6} x {stage:8} {code:22} {reason}" + (f" (such as {example})" if example else ""),
        )
    output.progress(_summary(deployment, chosen, sum(len(keys) for _group, keys in found), sent=send))
    return Exit.DONE if found else Exit.NOTHING


def find_failures(
    deployment: Deployment,
    *,
    key: str | None = None,
    queue: str | None = None,
    rejected: bool = False,
    code: str | None = None,
    reason: str = "",
    send: bool,
) -> dict[Group, list[str]]:
    """The keys of each group of failures; they are sent back when that is wanted."""
    from dropcut_cli.failed_photos import dead_letters, rejected_photos

    if rejected and queue:
        raise CommandError("Rejected photos lie in no queue: leave out --queue or --rejected.", Exit.USAGE)
    stages = [name for name in STAGES if STAGES[name] in deployment.queues and queue in (None, name)]
    if not stages:
        raise CommandError(f"{deployment.name} has no queue `{queue}`: it was deployed without `webhook_url`.")
    groups = defaultdict(list)
    for stage in ["rejected"] if rejected else stages:
        with nullcontext(rejected_photos(deployment)) if rejected else dead_letters(deployment, STAGES[stage]) as found:
            for each in found:
                if key in (None, each.key) and code in (None, each.code) and reason in each.reason:
                    groups[stage, each.code, each.reason].append(each.key)
                    if send:
                        each.send_back()
    return groups


def _summary(deployment: Deployment, chosen: dict[str, Any], count: int, *, sent: bool) -> str:
    noun = "rejected photo" if chosen["rejected"] else "dead letter"
    number = f"{counted(count, noun)} of {deployment.name}"
    if not count:
        which = "photo that the API rejected" if chosen["rejected"] else noun
        return f"No {which} matches in {deployment.name}."
    if not sent:
        return f"{number} found; `{how_to_send(deployment, chosen)}` sends what is shown back."
    from_where = "the stage it came from" if count == 1 else "the stages they came from"
    where = "sent through the pipeline again" if chosen["rejected"] else f"sent back to {from_where}"
    return f"{number} {where}."


def how_to_send(deployment: Deployment, chosen: dict[str, Any]) -> str:
    """The command that sends what was shown, and only that: with what narrowed it down."""
    words = ["dropcut", "redrive", *([chosen["key"]] if chosen["key"] else [])]
    for name in ("queue", "code", "reason"):
        words += [f"--{name}", chosen[name]] if chosen[name] else []
    words += ["--rejected"] if chosen["rejected"] else []
    return shlex.join([*words, "--send", *deployment.options])
