"""Every command in the documents: each is read by the parser of the program that it calls."""

import importlib
import importlib.util
import inspect
import json
import re
import shlex
import subprocess
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import click
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.settings_line import parse_settings
from dropcut_cli.program import VERBS, cli
from infra.settings import Settings
from tests.documents import DOCUMENTS

MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
VARIABLES = {*re.findall(r"^export (.+)$", MAKEFILE, re.MULTILINE)[0].split(), "ARGS", "AWS_PORT", "API_PORT"}
PROGRAMS = (
    "make",
    "./dropcut",
    "dropcut",
    "python",
    ".venv/bin/python",
    "aws",
    "cdk",
    "pip",
    "git",
    "npm",
    "pre-commit",
)
"""How a command begins that stands in a sentence."""
NOT_OURS = {"pip", "git", "ln", "pre-commit", "cdk", "apt-get", "sudo", "cd", "export"}
"""Programs that others define, and that no model here describes."""
PLACEHOLDERS = {"VERB", "NAME", "X", "...", "NAME..."}
AWS_GLOBAL = {"query", "output", "region", "endpoint-url", "profile", "cli-binary-format"}
S3_COMMANDS = {
    "cp": {"metadata", "recursive", "tagging", "content-type", "quiet", "exclude", "include"},
    "ls": {"recursive"},
    "sync": {"metadata", "quiet", "exclude", "include"},
    "rm": {"recursive"},
}
"""`aws s3` is a program of its own, which no model describes: these are its commands and options that we name."""


def test_every_command_is_one_that_its_program_takes() -> None:
    wrong = {}
    for name, command in commands():
        try:
            check(shlex.split(command, comments=True))
        except (AssertionError, ValueError, click.ClickException, SystemExit) as problem:
            wrong[f"{name}: {command}"] = str(problem)
    assert wrong == {}


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("make deplyo", "no target"),
        ("make deploy SETTINGS='daily_credit_limt=1'", "no setting daily_credit_limt"),
        ("make deploy COLOUR=red", "no variable"),
        ("./dropcut sttaus", "no verb"),
        ("./dropcut redrive --sent", "No such option"),
        ("make redrive ARGS=--sent", "No such option"),
        (".venv/bin/python -m tools.settings_tables", "no module"),
        (".venv/bin/python -m local deploi", "no command"),
        (".venv/bin/python -m bench kils", "exit code 2"),
        (".venv/bin/python -m pytest tests/infra/test_setting.py", "no file"),
        (".venv/bin/python -m pytest tests/infra/test_settings.py -k jittre", "no test"),
        ("aws sqs send-mesage --queue-url URL", "no operation"),
        ("aws sqs send-message --queue-url URL --message-boddy x", "no option"),
        ("aws sqs send-message --queue-url URL", "MessageBody"),
        ('aws dynamodb get-item --table-name T --key \'{"id": "gate"}\'', "Invalid type"),
        ("aws s3 copy a b", "no command"),
        ("dropcuts status", "unknown program"),
    ],
)
def test_a_wrong_command_is_found(command: str, problem: str) -> None:
    with pytest.raises((AssertionError, click.ClickException), match=problem):
        check(shlex.split(command))


def test_the_shells_completion_is_defined_by_its_command() -> None:
    """It is the one command that only a shell can judge."""
    (command,) = {command for _, command in commands() if command.startswith("eval ")}
    shell = subprocess.run(
        ["bash", "-c", f"{command} && complete -p"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "_dropcut_completion" in shell.stdout


def commands() -> Iterator[tuple[str, str]]:
    """Each command with its document: those of blocks of `sh`, and those in a sentence."""
    for name, text in DOCUMENTS.items():
        for block in re.findall(r"^ *```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
            yield from ((name, command) for command in whole_commands(block))
        prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
        for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose):
            command = " ".join(span.split())
            if command.startswith(tuple(f"{program} " for program in PROGRAMS)):
                yield name, command.replace("\\|", "|")


def whole_commands(block: str) -> Iterator[str]:
    """Lines, joined where a quote or a backslash goes on."""
    gathered = ""
    for line in block.splitlines():
        gathered += line
        if gathered.endswith("\\"):
            gathered = gathered[:-1]
            continue
        try:
            words = shlex.split(gathered, comments=True)
        except ValueError:
            gathered += "\n"
            continue
        if words:
            yield gathered.strip()
        gathered = ""
    assert not gathered, f"a quote is not closed: {gathered}"


def check(words: Sequence[str]) -> None:
    """Find the program and let its parser read the rest.

    Raises:
        AssertionError, click.ClickException: the program does not take it.
    """
    words = list(words)
    while words and re.match(r"\w+=", words[0]):
        words.pop(0)
        if words and words[-1].endswith(")"):  # NAME=$(command)
            return
    if not words:
        return
    for operator in ("&&", "|", ";"):
        if operator in words:
            at = words.index(operator)
            check(words[:at])
            check(words[at + 1 :])
            return
    program, *arguments = words
    if program in NOT_OURS or program == "eval":
        return
    assert program in CHECKS, f"unknown program {program}"
    CHECKS[program](arguments)


def check_make(arguments: Sequence[str]) -> None:
    targets = [each for each in arguments if "=" not in each and not each.startswith("-")]
    assert set(targets) - PLACEHOLDERS <= TARGETS, f"no target: {targets}"
    given = dict(each.split("=", 1) for each in arguments if "=" in each)
    assert given.keys() <= VARIABLES, f"no variable: {given}"
    check_settings(parse_settings(given.get("SETTINGS", "")))
    if "ARGS" in given:
        check_dropcut([*targets, *shlex.split(given["ARGS"])])


def check_settings(given: Mapping[str, str]) -> None:
    try:
        Settings.from_context({name: value for name, value in given.items() if name != "name"})
    except ValueError as wrong:
        raise AssertionError(str(wrong)) from wrong


def check_dropcut(arguments: Sequence[str]) -> None:
    verb, *rest = arguments
    if verb in PLACEHOLDERS or verb.startswith("--"):
        cli.make_parser(click.Context(cli)).parse_args([each for each in arguments if each not in PLACEHOLDERS])
        return
    assert verb in VERBS, f"no verb {verb}"
    command = cli.get_command(click.Context(cli), verb)
    assert command
    command.make_parser(click.Context(command, info_name=verb)).parse_args(list(rest))


def check_python(arguments: Sequence[str]) -> None:
    flag, module, *rest = arguments
    assert flag == "-m"
    if module in PLACEHOLDERS:
        return
    assert has_module(module), f"no module {module}"
    if module == "pytest":
        files = [each for each in rest if "/" in each or each.endswith(".py")]
        paths = [REPOSITORY / each.partition("::")[0] for each in files]
        assert all(path.exists() for path in paths), f"no file: {files}"
        if "-k" in rest:
            assert has_tests_named(rest[rest.index("-k") + 1], paths), f"no test: {rest}"
    elif module in ("local", "tools"):
        assert rest[0] in importlib.import_module(f"{module}.__main__").COMMANDS, f"no command {rest[0]}"
    elif rest:
        check_options(module, rest)


def has_tests_named(word: str, paths: Sequence[Path]) -> bool:
    """Whether a test's name, or its file's, holds the word."""
    sources = [source for path in paths for source in ([path] if path.is_file() else path.rglob("test_*.py"))]
    return any(
        word in source.name or re.search(rf"^def test_\w*{word}", source.read_text(encoding="utf-8"), re.MULTILINE)
        for source in sources
    )


def has_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def check_options(module: str, arguments: Sequence[str]) -> None:
    """By the `_parser` of the module, or of the module that its first argument names (`fault` is `fault_command`)."""
    main = f"{module}.__main__" if has_module(f"{module}.__main__") else module
    package = f"{module}.{arguments[0]}_command"
    name, rest = (package, arguments[1:]) if has_module(package) else (main, arguments)
    found = importlib.import_module(name)
    if not hasattr(found, "_parser"):
        assert "sys.argv" in inspect.getsource(found), f"{name} takes no arguments"
        return
    parser: ArgumentParser = found._parser()
    try:
        parser.parse_args([each for each in rest if each not in PLACEHOLDERS])
    except SystemExit as ended:
        assert not ended.code, f"exit code {ended.code} of {parser.prog}"


def check_aws(arguments: Sequence[str]) -> None:
    service, operation, *rest = arguments
    given = options(rest)
    if service == "s3":
        assert operation in S3_COMMANDS, f"no command {operation}"
        assert given.keys() <= S3_COMMANDS[operation] | AWS_GLOBAL, f"no option: {given}"
        return
    model = service_model(service)
    named = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in named, f"no operation {operation}"
    shape = model.operation_model(named[operation]).input_shape
    members = {xform_name(name, "-"): name for name in shape.members}
    ours = {name: value for name, value in given.items() if name not in AWS_GLOBAL - members.keys()}
    assert ours.keys() <= members.keys(), f"no option: {sorted(ours.keys() - members.keys())}"
    values = {members[name]: as_member(shape.members[members[name]], value) for name, value in ours.items()}
    report = ParamValidator().validate(values, shape)
    assert not report.has_errors(), report.generate_report()


def options(words: Sequence[str]) -> Mapping[str, str]:
    """What stands after each `--option`, up to the next one."""
    found: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word.removeprefix("--")
            found[name] = []
        elif name:
            found[name].append(word)
    return {name: " ".join(values) for name, values in found.items()}


def as_member(shape: Any, value: str) -> Any:
    """An option's text as the request has it; the AWS CLI takes JSON for what is no text."""
    if shape.type_name == "string":
        return value
    return json.loads(value) if value else True


@cache
def service_model(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)


CHECKS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "make": check_make,
    "./dropcut": check_dropcut,
    "dropcut": check_dropcut,
    "python": check_python,
    ".venv/bin/python": check_python,
    "aws": check_aws,
}
