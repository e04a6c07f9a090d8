"""`dropcut deploy` and `dropcut destroy`: what `make deploy` and `make destroy` do, from the clone."""

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.options import as_json, profile_option, region_option, stage_option
from dropcut_cli.output import Output

_CLONE = Path(__file__).parents[3]


def from_the_clone(function: Callable[..., Any]) -> Callable[..., Any]:
    """The verb is given `output`, the `target` in words, and the `variables` for the code of `make`."""

    @stage_option(default=None)
    @region_option
    @profile_option
    @click.option("--settings", envvar="SETTINGS", default="", help='As in SETTINGS="name=value ...".')
    @as_json
    @functools.wraps(function)
    def with_target(*, stage: str | None, region: str | None, profile: str | None, settings: str, **named: Any) -> Any:
        if not (_CLONE / "infra" / "stacks.py").is_file():
            raise CommandError("This verb needs the clone with the stacks: run it there.", Exit.USAGE)
        if os.environ.get("DROPCUT_STACK") and not stage:
            raise click.UsageError("$DROPCUT_STACK is in an app of your own: run `cdk` there, or name a --stage here.")
        # Two stages are refused, and not chosen from: what is meant here may be removed.
        os.environ["SETTINGS"] = f"stage={stage} {settings}".strip() if stage else settings
        meant, source = _stage_meant()
        target = Deployment.find(stage=meant, region=region, profile=profile, local=False)
        variables = {"AWS_REGION": target.session.region_name, **({"AWS_PROFILE": profile} if profile else {})}
        words = f"{target.name}, its stage {'from --stage or $DROPCUT_STAGE' if stage else source}"
        return function(target=words, variables=variables, **named)

    return with_target


def _stage_meant() -> tuple[str, str]:
    """The stage by SETTINGS and `cdk.json`, and where it is set. Raises CommandError: a setting is wrong."""
    from dropcut_cli.clone.problem import Problem
    from dropcut_cli.clone.settings_line import refuse_wrong, settings_of_deployment, where_it_is_set

    try:
        settings = settings_of_deployment()
        refuse_wrong(settings)
        return settings.get("stage", "prod"), where_it_is_set("stage")
    except Problem as wrong:
        raise CommandError(str(wrong), Exit(wrong.exit_code)) from wrong


@click.command(epilog='Example: `dropcut deploy --stage test --settings "output_format=webp"`')
@from_the_clone
def deploy(output: Output, target: str, variables: Mapping[str, str]) -> int:
    """Deploy this clone to your AWS account, and put the API key into its secret."""
    output.progress(f"To deploy: {target}")
    return _run(output, "deploy", variables)


@click.command(epilog="Example: `dropcut destroy --stage test --region eu-central-1 --yes`")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also while buckets hold objects, which stay.")
@from_the_clone
def destroy(output: Output, target: str, variables: Mapping[str, str], yes: bool, force: bool) -> int:
    """Remove the deployment from your AWS account; buckets that hold objects stay. Ends with 9 when there is none."""
    output.ask(f"Remove the deployment {target}?", yes=yes)
    return _run(output, "destroy", {**variables, "FORCE": "yes" if force else ""})


def _run(output: Output, command: str, variables: Mapping[str, str]) -> int:
    """In a process of its own, with what it says on standard error."""
    words = [sys.executable, "-m", "dropcut_cli.account", command]
    path = os.pathsep.join(filter(None, [str(_CLONE / "cli" / "src"), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **variables, "PYTHONPATH": path}
    ended = subprocess.run(words, cwd=_CLONE, env=environment, stdout=sys.stderr, check=False)  # noqa: S603
    code = ended.returncode if ended.returncode >= 0 else Exit.FAILED  # a signal ended it
    said = {0: "done", 9: "there is nothing to do"}.get(code, "failed")
    output.result({"command": command, "done": code == Exit.DONE}, f"{command}: {said}")
    return code
