"""`make up`: brings the system up and leaves it running."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dropcut_cli.clone.places import LOCAL, private_folder
from dropcut_cli.clone.problem import Problem, writing_to
from dropcut_cli.clone.programs import recorded, stop_recorded
from dropcut_cli.clone.settings_line import refuse_wrong, settings_on_this_machine
from dropcut_cli.clone.steps import Steps
from local.embedded_aws import Account, is_healthy
from local.one_at_a_time import alone
from local.places import STACK_FILE, UP
from local.ports import choose_port, port_asked_for
from local.system import Ports, System, bring_up, keep_logs_only
from stand_in.stand_in import USUAL_KEY

AWS_PORT, API_PORT = 4566, 8650
AT_WORK = "Another `make up` or `make down` is at work in this folder."
_REAL_KEY = (
    "[yellow]A real API key is in this system's secret.[/yellow] Whoever runs programs as you, or has "
    ".local/stack.json, can read it and spend with it. Run `make down` when you are done; it is then gone from here."
)


def main() -> int:
    """Bring it up unless it is up."""
    settings = settings_on_this_machine()
    refuse_wrong(settings)
    with alone(lock_file(), AT_WORK):
        steps = Steps()
        running = what_is_up()
        if running:
            return _say_it_is_up(running, settings, steps)
        if put_away():
            steps.say("Cleared away what an interrupted `make up` had left.")
        shutil.rmtree(UP, ignore_errors=True)
        with writing_to(UP, "The system's state and logs"):
            private_folder(UP)
        ports = choose_ports()
        try:
            system = bring_up(UP, settings, ports=ports, leashed=False, steps=steps)
        except BaseException:
            put_away()
            raise
        _write_stack_file(system, settings)
        _say_what_next(system.description(), steps)
        if system.api_key != USUAL_KEY:
            steps.say(_REAL_KEY)
    return 0


def lock_file() -> Path:
    """Held by whatever starts or ends the system."""
    return LOCAL / "up.lock"


def choose_ports() -> Ports:
    """Two ports; one that was asked for is given, and the other gives way to it.

    Raises:
        Problem: a port asked for is not a port, is taken, or is asked for twice.
    """
    aws = choose_port(AWS_PORT, "AWS_PORT", taken=port_asked_for("API_PORT"))
    return Ports(aws, choose_port(API_PORT, "API_PORT", taken=aws))


def what_is_up() -> dict[str, Any] | None:
    """The contents of `stack.json` when what it describes is running and answers."""
    try:
        stack: dict[str, Any] = json.loads(STACK_FILE.read_text())
        account = Account.described(stack)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    expected = {"embedded AWS"} if _settings_of_up().get("api_base_url") else {"embedded AWS", "stand-in API"}
    return stack if expected <= set(recorded(UP)) and is_healthy(account) else None


def put_away() -> list[str]:
    """Stop everything that `make up` started and remove its state. The logs stay: they may say what went wrong.

    Returns:
        the names of what was running.
    """
    stopped = stop_recorded(UP)
    with writing_to(LOCAL, "The state and logs of what runs here"):
        STACK_FILE.unlink(missing_ok=True)
        keep_logs_only(UP)
    return stopped


def _settings_file() -> Path:
    return UP / "settings.json"


def _settings_of_up() -> dict[str, str]:
    try:
        settings: dict[str, str] = json.loads(_settings_file().read_text())
    except (OSError, ValueError):
        return {}
    return settings


def _say_it_is_up(stack: dict[str, Any], settings: dict[str, str], steps: Steps) -> int:
    """Being up already is what was wanted, unless it was wanted with other settings or at another port."""
    ports_of_up = {"AWS_PORT": urlsplit(stack["endpoint_url"]).port, "API_PORT": urlsplit(stack["api_base_url"]).port}
    for variable, port in ports_of_up.items():
        asked = port_asked_for(variable)
        if asked not in (None, port):
            raise Problem(
                f"A system is up already, at port {port} and not at {asked}, which {variable} asks for. "
                "End it with `make down`, then run `make up` again."
            )
    if settings != _settings_of_up():
        raise Problem(
            f"A system with other settings is up already ({_as_line(_settings_of_up()) or 'the defaults'}). "
            "End it with `make down`, then run `make up` again."
        )
    steps.say(
        f"The system is up already: AWS at {stack['endpoint_url']}, the API at {stack['api_base_url']}.\n"
        f"{_how_to_drop(stack)}\n"
        "All that a program needs is in .local/stack.json. `make down` ends it; `make down up` starts it afresh."
    )
    return 0


def _as_line(settings: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in settings.items())


def _write_stack_file(system: System, settings: dict[str, str]) -> None:
    """Write the settings and, last and in one move, the file that others wait for."""
    _settings_file().write_text(json.dumps(settings))
    unfinished = UP / "stack.json"
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(system.description(), indent=2) + "\n")
    unfinished.replace(STACK_FILE)


def _say_what_next(stack: dict[str, Any], steps: Steps) -> None:
    outputs = stack["outputs"]
    steps.say(
        f"""
The system is up.
    AWS         {stack["endpoint_url"]}   (region {stack["region"]}, access key {stack["access_key_id"]})
    API         {stack["api_base_url"]}
    Input       s3://{outputs["InputBucketName"]}
    Output      s3://{outputs["OutputBucketName"]}
    For programs: .local/stack.json
    Logs        .local/up/functions.log is what the functions said, one JSON object a line; beside it, the programs'
    Faults      .venv/bin/python -m stand_in fault --help   lets the stand-in fail on purpose
{_how_to_drop(stack)}
`make down` ends it."""
    )


def _how_to_drop(stack: dict[str, Any]) -> str:
    """Variables before the one command: exported, they would turn the next `make deploy` to this system."""
    variables = {
        "AWS_ACCESS_KEY_ID": stack["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": stack["secret_access_key"],
        "AWS_CA_BUNDLE": stack["ca_bundle"],
    }
    photos = shlex.quote(f"s3://{stack['outputs']['InputBucketName']}/{_settings_of_up().get('input_prefix', '')}")
    environment = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    return (
        "To drop a photo, and wait for its end:\n"
        "    ./dropcut put samples/cat.webp --local --wait\n"
        "The same with the AWS CLI (the cut-outs are listed by `s3 ls --recursive` of the output bucket):\n"
        f"    {environment} aws --region {stack['region']} --endpoint-url {stack['endpoint_url']} "
        f"s3 cp samples/cat.webp {photos}"
    )
