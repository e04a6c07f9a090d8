"""What every verb takes: which deployment, and whether the result is JSON."""

import functools
import re
from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import LOOK_HERE, LOOK_WHERE, CommandError, Exit, explained
from dropcut_cli.output import Output

_STAGE_HELP = "The deployment. Default: $DROPCUT_STAGE, or prod."
_STAGE = re.compile(r"[a-z][a-z0-9-]{0,15}")
_STACK_HELP = "Instead of a stage: the stack of a `Dropcut` in an app of your own. Default: $DROPCUT_STACK."
_WHICH = ("stage", "stack", "region", "profile", "local")
_NOT_TOGETHER = [("local", other) for other in ("stage", "stack", "region", "profile")] + [("stack", "stage")]


region_option = click.option(
    "--region", envvar="AWS_REGION", help="Its AWS region. Default: $AWS_REGION, or the profile's."
)
profile_option = click.option("--profile", help="The profile of your AWS credentials.")


def stage_option(default: str | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option("--stage", envvar="DROPCUT_STAGE", default=default, callback=_stage, help=_STAGE_HELP)


def _stage(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _STAGE.fullmatch(value):
        raise click.BadParameter("a stage has 1 to 16 characters: a-z, then a-z, 0-9 and hyphens.")
    return value


def as_json(function: Callable[..., Any]) -> Callable[..., Any]:
    """The verb is given `output`."""

    @click.option("--json", "wants_json", is_flag=True, help="The result as JSON, one object a line.")
    @functools.wraps(function)
    def with_output(*arguments: Any, wants_json: bool, **named: Any) -> Any:
        return function(*arguments, output=Output(wants_json), **named)

    return with_output


def on_a_deployment(function: Callable[..., Any]) -> Callable[..., Any]:
    """The verb is given `output` and `deployment`."""

    @stage_option(default="prod")
    @click.option("--stack", envvar="DROPCUT_STACK", default="", metavar="STACK[/CONSTRUCT]", help=_STACK_HELP)
    @region_option
    @profile_option
    @click.option("--local", is_flag=True, help="The system that `make up` has started on this machine.")
    @as_json
    @functools.wraps(function)
    def with_deployment(*arguments: Any, **named: Any) -> Any:
        which = {name: named.pop(name) for name in _WHICH}
        source = click.get_current_context().get_parameter_source
        written = {name for name in _WHICH if source(name) is ParameterSource.COMMANDLINE}
        for one, other in _NOT_TOGETHER:
            if written >= {one, other}:
                raise click.UsageError(f"--{one} and --{other} contradict each other: leave one out.")
        if "stage" in written:
            which["stack"] = ""  # that of the environment is not meant
        deployment = Deployment.find(**which)
        try:
            return function(*arguments, deployment=deployment, **named)
        except Exception as error:
            if deployment.local and LOOK_WHERE in str(explained(error)):  # no network is in between
                raise CommandError(LOOK_HERE, Exit.TEMPORARY) from error
            raise

    return with_deployment
