"""`dropcut deploy` and `dropcut destroy`: what `make deploy` and `make destroy` do, from the clone."""

import os
import subprocess
import sys
from pathlib import Path

import click

from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.options import as_json
from dropcut_cli.output import Output

_CLONE = Path(__file__).parents[3]

settings_option = click.option("--settings", envvar="SETTINGS", default="", help='As in SETTINGS="name=value ...".')


@click.command(epilog='Example: `dropcut deploy --settings "stage=test output_format=webp"`')
@settings_option
@as_json
def deploy(output: Output, settings: str) -> int:
    """Deploy this clone to your AWS account, and put the API key into its secret."""
    return _run(output, "deploy", SETTINGS=settings)


@click.command(epilog='Example: `dropcut destroy --settings "stage=test" --yes`')
@settings_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also while buckets hold objects, which stay.")
@as_json
def destroy(output: Output, settings: str, yes: bool, force: bool) -> int:
    """Remove the deployment from your AWS account; buckets that hold objects stay."""
    output.ask("Remove the deployment?", yes=yes)
    return _run(output, "destroy", SETTINGS=settings, FORCE="yes" if force else "")


def _run(output: Output, command: str, **variables: str) -> int:
    """In a process of its own, with what it says on standard error.

    Raises:
        CommandError: this is not a clone, or it failed, which it has said.
    """
    if not (_CLONE / "infra" / "stacks.py").is_file():
        raise CommandError(f"`dropcut {command}` needs the clone with the stacks: run it there.", Exit.USAGE)
    words = [sys.executable, "-m", "dropcut_cli.account", command]
    path = os.pathsep.join(filter(None, [str(_CLONE / "cli" / "src"), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **variables, "PYTHONPATH": path}
    ended = subprocess.run(words, cwd=_CLONE, env=environment, stdout=sys.stderr, check=False)  # noqa: S603
    done = ended.returncode == 0
    output.result({"command": command, "done": done}, f"{command}: {'done' if done else 'failed'}")
    return Exit.DONE if done else Exit.FAILED
