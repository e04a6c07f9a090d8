"""`dropcut pause` and `dropcut resume`: the gate, closed and opened by hand."""

import time
from typing import Any

import click

from dropcut_cli.exits import Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output

_WITHIN_A_MINUTE = "The gatekeeper carries it out and publishes it within a minute."


@click.command(epilog='Example: `dropcut pause --reason "The shop moves its photos until noon."`')
@click.option("--reason", required=True, help="A sentence that events, `status` and waiting photos show.")
@on_a_deployment
def pause(deployment: Any, output: Output, reason: str) -> None:
    """Stop the spending: pictures wait until `dropcut resume`. A call that is being made ends; no photo is lost."""
    deployment.gate.close_by_hand(reason, now=time.time())
    output.result({"gate": "by hand", "reason": reason}, f"The gate of {deployment.name} is closed by hand: {reason}")
    output.progress(_WITHIN_A_MINUTE)


@click.command(epilog="Example: `dropcut resume --stage test`")
@on_a_deployment
def resume(deployment: Any, output: Output) -> int:
    """Let the spending go on. After a pause that trouble caused, one picture is tried first, now instead of later.

    Ends with 9 when the gate is open.
    """
    gate = deployment.gate
    before = gate.get().state(time.time())
    if before == "open":
        output.progress(f"The gate of {deployment.name} is open: there is nothing to resume.")
        return Exit.NOTHING
    gate.resume_by_hand()
    after = gate.get().state(time.time())
    output.result({"gate": after}, f"The gate of {deployment.name} was {before}, and is {after} now.")
    output.progress(_WITHIN_A_MINUTE)
    return Exit.DONE
