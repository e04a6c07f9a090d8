"""`dropcut watch` and `dropcut events`: what happens, live."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import click

from dropcut_cli.deployment import Deployment
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, amount

for_seconds = click.option("--for", "seconds", type=click.IntRange(1), help="Stop after so many seconds.")


@click.command(epilog="Examples: `dropcut watch`, `dropcut watch --for 600 --json`")
@for_seconds
@on_a_deployment
def watch(deployment: Deployment, output: Output, seconds: int | None) -> None:
    """Show each photo that ends, and each pause, in a line of its own, until Ctrl-C.

    A queue and a rule are made in the account for that, and removed at the end.
    """
    output.progress(f"Watching {deployment.name}; Ctrl-C ends it.")
    for event in _live(deployment, output, seconds):
        output.result(event, _line(event))


@click.command(epilog="Examples: `dropcut events`, `dropcut events --for 60 --json`")
@for_seconds
@on_a_deployment
def events(deployment: Deployment, output: Output, seconds: int | None) -> None:
    """Show what is published, whole, as other programs receive it, until Ctrl-C.

    A queue and a rule are made in the account for that, and removed at the end.
    """
    output.progress(f"Listening to the events of {deployment.name}; Ctrl-C ends it.")
    for event in _live(deployment, output, seconds):
        output.result(event, f"{event['detail-type']}  {json.dumps(event['detail'], ensure_ascii=False)}")


def _live(deployment: Deployment, output: Output, seconds: int | None) -> Iterator[Mapping[str, Any]]:
    """The events about this deployment's photos, and about its spending, as they come."""
    from dropcut_cli.subscription import LONGEST_WAIT_SECONDS, MOST_AT_ONCE, received, subscribed

    service = deployment.setting("Cut", "POWERTOOLS_SERVICE_NAME")  # before anything is made
    ends = time.monotonic() + seconds if seconds else float("inf")
    with subscribed(deployment, name=f"{service[:40]}-watch-{uuid.uuid4().hex[:8]}") as url:
        while output.is_read and (left := ends - time.monotonic()) > 0:
            came = list(received(deployment, url, wait_seconds=round(min(LONGEST_WAIT_SECONDS, left))))
            for event in came:
                if event["detail"]["service"] == service:
                    yield event
            if len(came) < MOST_AT_ONCE:  # a full answer may have left some behind
                time.sleep(min(1.0, left))


def _line(event: Mapping[str, Any]) -> str:
    detail = event["detail"]
    what = str(event["detail-type"]).removeprefix("Cutout ").lower()
    why = f": {detail['reason']}" if detail.get("reason") else ""
    credits = f" ({amount(detail['credits'])} credits)" if detail.get("credits") else ""
    return f"{time.strftime('%H:%M:%S')}  {what:16} {detail.get('key', '')}{credits}{why}"
