"""The command's contract: results on standard output, one sentence for what is wrong, and the exit codes."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import boto3
import botocore.session
import click
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError
from botocore.utils import parse_timestamp
from dropcut import RELEASE

from dropcut_cli import deploy
from dropcut_cli.deployment import Deployment, new_session
from dropcut_cli.exits import CommandError, Exit, explained
from dropcut_cli.output import Output, for_people
from dropcut_cli.program import VERBS, cli
from tests.cli.conftest import Dropcut, Paged

CLI = Path(__file__).parents[2] / "cli" / "src"
HERE = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CLI), "AWS_CONFIG_FILE": os.devnull, "HOME": "/nonexistent"}


def command(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """As a process of its own, with nothing but these variables."""
    words = [sys.executable, "-m", "dropcut_cli", *arguments]
    return subprocess.run(words, env=HERE | more, capture_output=True, text=True, timeout=60, check=False)


def refused(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "Not for you."}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetItem")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "exit_code", "words"),
    [
        (refused("ExpiredToken"), Exit.DENIED, "have expired. Sign in"),
        (refused("UnrecognizedClientException"), Exit.DENIED, "refuses these credentials"),
        (refused("AccessDeniedException"), Exit.DENIED, "You lack the permission for GetItem: Not for you."),
        (refused("403", 403), Exit.DENIED, "permission for GetItem"),
        (refused("ThrottlingException"), Exit.TEMPORARY, "AWS is busy"),
        (refused("InternalError", 500), Exit.TEMPORARY, "Run this again."),
        (refused("ValidationError"), Exit.FAILED, "AWS refused GetItem: Not for you."),
        (NoCredentialsError(), Exit.DENIED, "no AWS credentials"),
        (NoRegionError(), Exit.USAGE, "--region eu-central-1"),
        (
            EndpointConnectionError(endpoint_url="https://x"),
            Exit.TEMPORARY,
            "Check the network, and the region",
        ),
        (OSError(28, "No space left on device", "a.png"), Exit.FAILED, "a.png: No space left on device."),
        (CommandError("No.", Exit.PAUSED), Exit.PAUSED, "No."),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(error: Exception, exit_code: Exit, words: str) -> None:
    said = explained(error)
    assert said is not None
    assert said.exit_code == exit_code
    assert words in str(said)


def test_what_is_a_defect_is_not_explained_away() -> None:
    assert explained(ValueError("no")) is None


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_json_and_has_examples(verb: str) -> None:
    found = cli.get_command(click.Context(cli), verb)
    assert found is not None
    assert found.name == verb
    for each in found.commands.values() if isinstance(found, click.Group) else [found]:
        assert "--json" in {option for parameter in each.params for option in parameter.opts}
        assert "dropcut " + verb in (each.epilog or "")


def test_help_lists_every_verb_and_imports_no_aws() -> None:
    ran = command("--help", PYTHONVERBOSE="")
    assert ran.returncode == 0
    assert all(verb in ran.stdout for verb in VERBS)
    code = "import sys; from dropcut_cli.program import run; run(['--help']); sys.exit('boto3' in sys.modules)"
    words = [sys.executable, "-c", code]
    assert subprocess.run(words, env=HERE, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["statu"], 2, "No such command 'statu'. See `dropcut --help`."),
        (["status", "--stage", "P R"], 2, "a stage has 1 to 16 characters"),
        (["status"], 2, "No AWS region is set, or it is none."),
        (["status", "--region", "no region"], 2, "or it is none. Name it, for example --region eu-central-1"),
        (["status", "--region", "eu-central-1", "--profile", "no"], 4, "Sign in"),
        (["status", "--region", "eu-central-1"], 4, "no AWS credentials"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(arguments: list[str], exit_code: int, words: str) -> None:
    ran = command(*arguments, AWS_EC2_METADATA_DISABLED="true")
    assert (ran.returncode, ran.stdout) == (exit_code, "")
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_a_closed_pipe_ends_without_a_word() -> None:
    words = [sys.executable, "-m", "dropcut_cli", "--help"]
    with subprocess.Popen(words, env=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_the_shell_is_given_the_verbs() -> None:
    ran = command(COMP_WORDS="dropcut re", COMP_CWORD="1", _DROPCUT_COMPLETE="bash_complete")
    assert {"plain,redrive", "plain,remake"} <= set(ran.stdout.split())


def test_a_question_without_a_terminal_names_the_option_that_answers_it() -> None:
    with pytest.raises(CommandError, match="say it with --yes") as refusal:
        Output(as_json=False).ask("Really?", yes=False)
    assert refusal.value.exit_code == Exit.USAGE
    Output(as_json=False).ask("Really?", yes=True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "exit_code", "said"), [("n\n", 1, "Nothing was done.\n"), ("y\n", 0, "")])
def test_a_no_ends_as_a_failure_and_not_as_a_wrong_command_line(
    dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch, typed: str, exit_code: int, said: str
) -> None:
    monkeypatch.setenv("SETTINGS", "")
    monkeypatch.setattr(deploy, "_run", lambda *_given: Exit.DONE)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    ran = dropcut("destroy", "--stage", "prod")
    question = "Remove the deployment `prod` (eu-central-1), its stage from --stage or $DROPCUT_STAGE?"
    assert (ran.exit_code, ran.out, ran.err) == (exit_code, "", f"{question} [y/N]: {said}")


class NoStacks:
    """CloudFormation, as it answers for a stack that is not there."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def describe_stacks(self, **asked: str) -> None:
        message = f"Stack with id {asked['StackName']} does not exist"
        raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")


def test_a_deployment_that_is_not_there_is_named(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Deployment(stage="other", session=deployment.session)
    other._clients["cloudformation"] = NoStacks()
    monkeypatch.setattr(Deployment, "find", lambda **_asked: other)
    ran = dropcut("status", "a.jpg")
    assert (ran.exit_code, ran.out) == (1, "")
    assert ran.err.startswith("There is no deployment `other` in region eu-central-1. Name the one you mean")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["--local", "--stage", "test"], "--local and --stage"),
        (["--local", "--stack", "Shop"], "--local and --stack"),
        (["--local", "--region", "eu-central-1"], "--local and --region"),
        (["--local", "--profile", "me"], "--local and --profile"),
        (["--stack", "Shop", "--stage", "test"], "--stack and --stage"),
    ],
)
def test_options_that_contradict_each_other_are_refused(dropcut: Dropcut, given: list[str], names: str) -> None:
    ran = dropcut("status", *given)
    said = f"{names} contradict each other: leave one out. See `dropcut status --help`.\n"
    assert (ran.exit_code, ran.out, ran.err) == (2, "", said)


def test_what_is_written_comes_before_the_environment(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DROPCUT_STAGE", "DROPCUT_STACK"):
        monkeypatch.setenv(name, "other")
    found: list[Mapping[str, object]] = []
    monkeypatch.setattr(Deployment, "find", lambda **which: found.append(which) or deployment)
    for given in (["--stage", "test"], ["--stack", "Shop"], ["--local"], []):
        dropcut("failures", *given)
    assert [(which["stage"], which["stack"], which["local"]) for which in found] == [
        ("test", "", False),
        ("other", "Shop", False),
        ("other", "other", True),
        ("other", "other", False),
    ]


def test_nothing_on_this_machine_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dropcut_cli.deployment._stack_file", lambda: tmp_path / "stack.json")
    with pytest.raises(CommandError, match="make up"):
        Deployment.find(stage="prod", region=None, profile=None, local=True)
    stack = {"endpoint_url": "https://127.0.0.1:1", "region": "us-east-1", "access_key_id": "a"}
    stack |= {"secret_access_key": "s", "ca_bundle": "c.pem"}
    outputs = {"DashboardName": "dropcut-shop", "InputBucketName": "b", "IntakeQueueUrl": "q"}
    (tmp_path / "stack.json").write_text(json.dumps({**stack, "outputs": outputs}))
    found = Deployment.find(stage="prod", region=None, profile=None, local=True)
    assert (found.stage, found.input_bucket, found.session.region_name) == ("shop", "b", "us-east-1")


def test_a_system_on_this_machine_that_has_ended_is_no_matter_of_the_network(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_asked: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://127.0.0.1:4999/")

    monkeypatch.setattr(Deployment, "client", ended)
    monkeypatch.setattr(Deployment, "find", lambda **_asked: replace(deployment, local=True))
    ran = dropcut("status", "a.jpg")
    assert (ran.exit_code, ran.out) == (5, "")
    assert ran.err == "What `make up` started has ended, or is broken: run `make down up`.\n"


@pytest.mark.parametrize("written", ["", "{", "{}", "[]", '{"region": 1}'])
def test_a_broken_description_of_this_machine_says_how_to_start_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    (tmp_path / "stack.json").write_text(written)
    monkeypatch.setattr("dropcut_cli.deployment._stack_file", lambda: tmp_path / "stack.json")
    with pytest.raises(CommandError, match="does not say how to reach the system: run `make down up`"):
        Deployment.find(stage="prod", region=None, profile=None, local=True)


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, "0 s"), (119, "119 s"), (180, "3 min"), (7200, "2 h"), (864000, "10 days")]
)
def test_times_are_said_in_the_unit_that_tells_them(seconds: float, said: str) -> None:
    assert for_people(seconds) == said


@pytest.mark.parametrize(
    "text",
    [
        "2024-07-27T12:00:00.000Z",
        "2024-07-27T12:00:00+00:00",
        "Sat, 27 Jul 2024 12:00:00 GMT",
        1722081600,
        "1722081600",
    ],
)
def test_times_are_read_as_botocore_reads_them(text: object) -> None:
    core = botocore.session.Session()
    new_session(core, region_name="eu-central-1")
    parser = core.get_component("response_parser_factory").create_parser("rest-xml")
    assert parser._timestamp_parser(text) == parse_timestamp(text) == datetime(2024, 7, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("no_color", "as_json", "said"),
    [
        ("", False, "\x1b[31mfailed\x1b[0m  a\\u001b.jpg\r\n"),
        ("1", False, "failed  a\\u001b.jpg\r\n"),
        ("", True, '{"a": 1}\r\n'),
    ],
)
def test_colours_are_for_a_terminal_that_wants_them(no_color: str, as_json: bool, said: str) -> None:
    ours, its = os.openpty()
    code = f"from dropcut_cli.output import Output; Output({as_json}).result({{'a': 1}}, 'failed  a\\x1b.jpg')"
    words, environment = [sys.executable, "-c", code], HERE | {"NO_COLOR": no_color}
    subprocess.run(words, env=environment, stdout=its, timeout=60, check=True)
    assert os.read(ours, 1000).decode() == said
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert "\x1b" not in ran.stdout
    os.close(ours)
    os.close(its)


def test_the_version_is_that_of_the_code() -> None:
    assert command("--version").stdout == f"dropcut {RELEASE}\n"


OF_TWO = {
    f"{path}{name}": f"{path.lower()}-{name}"
    for path in ("Cutouts", "Others")
    for name in ("InputBucketName", "IntakeQueueUrl", "StateTableName")
}


def of_stack(monkeypatch: pytest.MonkeyPatch, outputs: Mapping[str, str], stack: str) -> Deployment:
    monkeypatch.setattr(Deployment, "_outputs_of", lambda _self, name: dict(outputs) if name == "Shop" else {})
    return Deployment(stage="prod", stack=stack, session=boto3.Session(region_name="eu-central-1"))


def test_a_deployment_in_somebodys_app_is_found_by_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    one = {name: value for name, value in OF_TWO.items() if name.startswith("Cutouts")} | {"Theirs": "x"}
    deployment = of_stack(monkeypatch, one, "Shop")
    assert deployment.outputs["StateTableName"] == "cutouts-StateTableName"
    assert deployment.options == ["--stack", "Shop", "--region", "eu-central-1"]


def test_of_two_in_one_stack_the_construct_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="--stack Shop/Cutouts, --stack Shop/Others"):
        _ = of_stack(monkeypatch, OF_TWO, "Shop").outputs
    assert of_stack(monkeypatch, OF_TWO, "Shop/Others").outputs["StateTableName"] == "others-StateTableName"


@pytest.mark.parametrize(("stack", "names"), [("Shop/Cutouts", ["c"]), ("", ["c", "o", "t"] * 3)])
def test_resources_of_somebodys_app_are_not_ours(monkeypatch: pytest.MonkeyPatch, stack: str, names: list[str]) -> None:
    deployment = of_stack(monkeypatch, OF_TWO, stack)
    ids = {"CutoutsRoleA1": "c", "OthersRoleA1": "o", "TheirsB2": "t"}
    listed = [{"LogicalResourceId": id_, "ResourceType": "R", "PhysicalResourceId": ids[id_]} for id_ in ids]
    deployment._clients["cloudformation"] = Paged(list_stack_resources={"StackResourceSummaries": listed})
    assert list(deployment.resources()) == [("R", name) for name in names]


@pytest.mark.parametrize("stack", ["Elsewhere", "Shop/Nothing"])
def test_a_stack_without_a_deployment_is_a_sentence(monkeypatch: pytest.MonkeyPatch, stack: str) -> None:
    """It never falls back to a stage, which may be another deployment."""
    with pytest.raises(CommandError, match=f"There is no deployment `{stack}`.*or deploy it with `cdk deploy`"):
        _ = of_stack(monkeypatch, OF_TWO, stack).outputs
