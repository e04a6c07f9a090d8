"""`dropcut pause` and `dropcut resume`: the gate, closed and opened by hand."""

import time

import click

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output

WHAT_COMES_NEXT = {
    "closed": "One picture is tried {when}; `dropcut resume` tries it at once.",
    "due": "The pause is over: the next picture is tried, and spending resumes if that goes well.",
    "probing": "One picture is being tried now: spending resumes if that goes well.",
    "opening": "Spending resumes: the gatekeeper lets the waiting pictures in within a minute.",
    "by hand": "An operator closed it: nothing is paid for until `dropcut resume`.",
}
"""By the state of a gate that is not open (dropcut.core.gate); `when` is such as `in 15 min`."""
_WITHIN_A_MINUTE = "The gatekeeper carries it out and publishes it within a minute."


@click.command(epilog='Example: `dropcut pause --reason "The shop moves its photos until noon."`')
@click.option("--reason", required=True, help="A sentence that events, `status` and waiting photos show.")
@on_a_deployment
def pause(deployment: Deployment, output: Output, reason: str) -> None:
    """Stop the spending: pictures wait until `dropcut resume`. A call that is being made ends; no photo is lost."""
    if not reason.strip():
        raise click.UsageError("--reason is empty: whoever waits reads it.")
    deployment.gate.close_by_hand(reason, now=time.time())
    output.result({"gate": "by hand", "reason": reason}, f"The gate of {deployment.name} is closed by hand: {reason}")
    output.progress(_WITHIN_A_MINUTE)


@click.command(epilog="Example: `dropcut resume --stage test`")
@on_a_deployment
def resume(deployment: Deployment, output: Output) -> int:
    """Let the spending go on. After a pause that trouble caused, one picture is tried first, now instead of later.

    Ends with 9 when the gate is open, or opens already.
    """
    gate = deployment.gate
    before = gate.get().state(time.time())
    if before == "open":
        output.progress(f"The gate of {deployment.name} is open: there is nothing to resume.")
        return Exit.NOTHING
    if before == "opening":
        output.progress(f"The gate of {deployment.name} opens already. {WHAT_COMES_NEXT[before]}")
        return Exit.NOTHING
    gate.resume_by_hand()
    after = gate.get().state(time.time())
    said = f"The gate of {deployment.name} was {before}, and is {after} now. {WHAT_COMES_NEXT.get(after, '')}"
    output.result({"gate": after}, said.rstrip())
    output.progress(_WITHIN_A_MINUTE)
    return Exit.DONE
