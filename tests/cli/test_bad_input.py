"""What goes wrong is one sentence and the right exit code, at any verb, and leaves the deployment as it was."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from botocore.exceptions import ClientError

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.deployment import Deployment
from dropcut_cli.program import VERBS
from tests.cli.conftest import Dropcut, bodies
from tests.cli.recorded import photo
from tests.cli.test_program import HERE, NoStacks

NOT_HERE = ("deploy", "destroy", "doctor", "set-key")
"""What works on no deployment, finds such things instead of failing over them, or waits for input."""
ON_A_DEPLOYMENT = [verb for verb in VERBS if verb not in NOT_HERE]
ARGUMENTS = {
    "put": ["samples/cat.webp"],
    "remake": ["--all", "--send"],
    "backfill": ["list"],
    "accept": ["a.jpg"],
    "reject": ["a.jpg"],
    "replace": ["a.jpg", __file__],
    "pause": ["--reason", "r"],
    "logs": ["a.jpg"],
    "forget": ["a.jpg", "--yes"],
    "redrive": ["--send"],
    "watch": ["--for", "1"],
    "events": ["--for", "1"],
    "review": ["--serve"],
}
"""Without which a verb has nothing to do."""


class Refusing:
    """A client of any service that refuses every call with this code."""

    def __init__(self, code: str) -> None:
        self._code = code
        names = ("ClientError", "NoSuchEntityException", "ResourceNotFoundException")
        self.exceptions = SimpleNamespace(**dict.fromkeys(names, KeyError))

    def get_paginator(self, _name: str) -> Any:
        return type("Pages", (), {"paginate": self.refuse})()

    def refuse(self, *_given: Any, **_asked: Any) -> Any:
        answer = {"Error": {"Code": self._code, "Message": "not authorized to perform: s3:GetObject"}}
        raise ClientError(answer, "SomeCall")  # type: ignore[arg-type]

    def __getattr__(self, _name: str) -> Any:
        return self.refuse


@pytest.fixture
def refusing(deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have every service refuse everything."""

    def refuse(code: str) -> None:
        monkeypatch.setattr(Deployment, "client", lambda _self, _service: Refusing(code))
        monkeypatch.setattr(Deployment, "resource", lambda _self, _service: Refusing(code))

    return refuse


@pytest.mark.parametrize(
    ("code", "exit_code", "words"),
    [
        (
            "AccessDenied",
            4,
            "You lack the permission for SomeCall: not authorized to perform: s3:GetObject. Ask for it.",
        ),
        ("ExpiredToken", 4, "These AWS credentials have expired. Sign in"),
        ("SlowDown", 5, "AWS is busy"),
    ],
)
def test_what_aws_refuses_is_one_sentence_at_every_verb(
    dropcut: Dropcut, refusing: Callable[[str], None], code: str, exit_code: int, words: str
) -> None:
    refusing(code)
    for verb in ON_A_DEPLOYMENT:
        ran = dropcut(verb, *ARGUMENTS.get(verb, []))
        assert (verb, ran.exit_code, ran.out) == (verb, exit_code, "")
        assert ran.err.splitlines()[-1].startswith(words)


def test_another_region_or_stage_is_said_at_every_verb(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Deployment(stage="other", session=deployment.session)
    other._clients["cloudformation"] = NoStacks()
    monkeypatch.setattr(Deployment, "find", lambda **_asked: other)
    monkeypatch.setattr(Deployment, "setting", lambda self, queue, _name: self.queue_url(queue))  # comes first
    for verb in ON_A_DEPLOYMENT:
        ran = dropcut(verb, *ARGUMENTS.get(verb, []))
        assert (verb, ran.exit_code, ran.out) == (verb, 1, "")
        assert "There is no deployment `other` in region eu-central-1." in ran.err.splitlines()[-1]


def test_an_unknown_key_is_said_and_nothing_is_sent(deployment: Deployment, dropcut: Dropcut) -> None:
    for verb in ("accept", "reject", "replace", "remake", "status", "logs"):
        more = {"replace": [__file__], "remake": ["--send"]}.get(verb, [])
        ran = dropcut(verb, "a.jpg", *more)
        assert (verb, ran.exit_code, ran.out) == (verb, 1, "")
        assert ran.err.startswith("No photo 'a.jpg' is on record in `prod` (eu-central-1). Name it as")
        assert len(ran.err.splitlines()) == 1
    assert bodies(deployment, "Deliver") == []


# With standard output and error as a shell gives them.


MODULE = [sys.executable, "-m", "dropcut_cli"]

RUN = """
import click, sys, time
from dropcut_cli import __main__, output, program
@click.command()
def verb():
    said = output.Output(as_json=False)
    {does}
program.Verbs.get_command = lambda *_: verb
sys.argv = ["dropcut", "verb"]
__main__.main()
"""
"""The program with a verb that does this."""
SPEAKING = RUN.format(
    does="time.sleep(0.3); [(said.result({}, 'line'), said.progress('line')) for _ in 'abc']; return 8"
)
WAITING = RUN.format(does="said.result({}, 'line'); time.sleep(60)")


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_verb_whose_reader_has_gone_ends_with_its_own_code(closed: str) -> None:
    words = [sys.executable, "-c", SPEAKING]
    with subprocess.Popen(words, env=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        streams = {"stdout": process.stdout, "stderr": process.stderr}
        gone, read = streams.pop(closed), *streams.values()
        assert gone and read
        gone.close()
        assert read.read() == "line\n" * 3
        assert process.wait(timeout=60) == 8


def test_a_result_that_finds_no_room_names_standard_output(
    dropcut: Dropcut, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(deployment, "a.jpg", "rejected")
    echo = click.echo

    def full(line: str, *, err: bool = False) -> None:
        if not err:
            raise OSError(28, "No space left on device")
        echo(line, err=err)

    monkeypatch.setattr(click, "echo", full)
    ran = dropcut("status", "a.jpg")
    assert (ran.exit_code, ran.err.startswith("standard output: No space left on device.")) == (1, True)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_full_disk_under_the_output_is_no_traceback(stream: str) -> None:
    words = [sys.executable, "-m", "dropcut_cli", "--help" if stream == "stdout" else "no-verb"]
    with Path("/dev/full").open("w") as full:
        other = "stderr" if stream == "stdout" else "stdout"
        streams: dict[str, Any] = {stream: full, other: subprocess.PIPE}
        ran = subprocess.run(words, env=HERE, timeout=60, check=False, text=True, **streams)
    if stream == "stdout":
        said = "No space left on device. Put that right, then run this again.\n"
        assert (ran.returncode, ran.stderr) == (1, said)
    else:
        assert (ran.returncode, ran.stdout) == (2, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_a_verb_with_a_sentence(number: signal.Signals) -> None:
    def as_in_a_terminal() -> None:
        """Tests in the background of a shell, or under nohup, are started with signals ignored."""
        signal.signal(number, signal.SIG_DFL)

    words = [sys.executable, "-c", WAITING]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # The rule is about threads that hold a lock at the fork, and these tests have none.
    with subprocess.Popen(words, env=HERE, preexec_fn=as_in_a_terminal, **streams) as process:  # noqa: PLW1509
        assert process.stdout and process.stderr
        assert process.stdout.readline() == "line\n"
        process.send_signal(number)
        assert process.wait(timeout=60) == 130
        assert process.stderr.read() == "\nStopped. Run the same command to go on.\n"


@pytest.mark.parametrize(
    ("words", "said"), [(["set-key"], "That is no key"), (["destroy", "--stage", "prod"], "say it with --yes")]
)
def test_closed_standard_input_is_a_wrong_command_line(
    dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    """As after `<&-`: Python then has none."""
    monkeypatch.setenv("SETTINGS", "")
    monkeypatch.setattr(sys, "stdin", None)
    ran = dropcut(*words)
    assert (ran.exit_code, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.parametrize(("module", "words"), [("sitecustomize", ["./dropcut"]), ("signal", MODULE), ("click", MODULE)])
def test_ctrl_c_while_modules_are_imported_shows_no_traceback(tmp_path: Path, module: str, words: list[str]) -> None:
    """Each is imported in the place of one of the same name, and Ctrl-C comes right then."""
    (tmp_path / f"{module}.py").write_text("import os\nos.kill(os.getpid(), 2)\n")
    path = f"{tmp_path}:{HERE['PYTHONPATH']}"
    ran = subprocess.run(
        [*words, "--help"],
        cwd=REPOSITORY,
        env=HERE | {"PYTHONPATH": path},
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (-signal.SIGINT, b"", b"")
