"""`dropcut sandbox-probe`: what holds the processes in which the deployed prepare function decodes photos."""

import json
from typing import Any

import click

from dropcut_cli.exits import CommandError
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output

MEANINGS = {
    "prctl": "the function's memory and environment are closed to other processes of its user",
    "no_new_privs": "no program that is run could gain rights",
    "landlock": "files outside of a photo's own folder, TCP, and other processes are out of reach",
    "seccomp": "no socket, program, process, tracing or signal to others",
    "exposed": "a taken-over decoder could read the function's credentials",
    "yama_ptrace_scope": "whom the kernel lets trace others; none without yama",
}


@click.command(epilog="Example: `dropcut sandbox-probe --stage test`")
@on_a_deployment
def sandbox_probe(deployment: Any, output: Output) -> None:
    """Ask the prepare function, once, what holds its decoders. It answers yes or no to each, and decodes nothing."""
    from dropcut.core.sandbox_probe import SANDBOX_PROBE  # noqa: PLC0415

    name = deployment.function("Intake")["FunctionName"]
    answer = deployment.client("lambda").invoke(FunctionName=name, Payload=json.dumps(SANDBOX_PROBE).encode())
    found = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise CommandError(f"The function {name} failed: {found}. Look into its logs.")
    found = {name: found.get(name) for name in MEANINGS}
    output.result(found, *(f"{name:18} {json.dumps(found[name]):6} {MEANINGS[name]}" for name in found))
