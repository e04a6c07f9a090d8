"""`dropcut deploy` and `dropcut destroy`."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dropcut_cli import deploy
from dropcut_cli.clone import settings_line
from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.program import run


class Process:
    """What was started, in place of a process that works on an account."""

    returncode = 0
    started: ClassVar[list[tuple[str, ...]]] = []

    def __init__(self, words: list[str], *, env: Mapping[str, str], **_more: Any) -> None:
        names = ("SETTINGS", "AWS_REGION", "AWS_PROFILE", "FORCE")
        self.started.append((words[-1], *(env.get(name, "") for name in names)))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, ...]]:
    """The processes that were started; cdk.json has no settings, and AWS's configuration a profile."""
    (tmp_path / "cdk.json").write_text("{}")
    monkeypatch.setattr(settings_line, "CDK_JSON", tmp_path / "cdk.json")
    (tmp_path / "config").write_text("[profile shop]\nregion = us-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "DROPCUT_STAGE", "DROPCUT_STACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SETTINGS", "")
    monkeypatch.setattr(deploy.subprocess, "run", Process)
    monkeypatch.setattr(Process, "returncode", 0)
    monkeypatch.setattr(Process, "started", [])
    return Process.started


def dropcut(*arguments: str) -> int:
    return run(arguments)


@pytest.mark.parametrize(
    ("arguments", "variables", "ran"),
    [
        ("deploy --region r1", {}, ("deploy", "", "r1", "", "")),
        ("deploy --region r1 --settings stage=test", {}, ("deploy", "stage=test", "r1", "", "")),
        ("destroy --yes --stage test", {"AWS_REGION": "r2"}, ("destroy", "stage=test", "r2", "", "")),
        ("destroy --yes", {"AWS_REGION": "r2", "DROPCUT_STAGE": "test"}, ("destroy", "stage=test", "r2", "", "")),
        ("destroy --yes --force --profile shop", {}, ("destroy", "", "us-east-1", "shop", "yes")),
        (
            "deploy --stage test --region r1",
            {"SETTINGS": "output_format=webp", "DROPCUT_STAGE": "other"},
            ("deploy", "stage=test output_format=webp", "r1", "", ""),
        ),
    ],
)
def test_the_code_of_make_is_given_the_deployment_that_is_meant(
    started: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    variables: Mapping[str, str],
    ran: tuple[str, ...],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert dropcut(*arguments.split()) == 0
    assert started == [ran]


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        ("destroy --stage test --settings stage=shop", {}, "SETTINGS gives stage twice: 'test' and 'shop'"),
        ("destroy --settings stag=shop", {}, "stag"),
        ("destroy", {"DROPCUT_STACK": "Shop"}, "$DROPCUT_STACK is in an app of your own"),
        ("destroy --stage P", {}, "a stage has 1 to 16 characters"),
        (
            "destroy --region r1",
            {"DROPCUT_STAGE": "test"},
            "Remove the deployment `test` (r1), its stage from --stage or $DROPCUT_STAGE?",
        ),
        ("destroy --region r1", {"SETTINGS": "stage=a"}, "Remove the deployment `a` (r1), its stage from SETTINGS?"),
        ("destroy --region r1", {}, "Remove the deployment `prod` (r1), its stage the default?"),
        ("destroy", {}, "No AWS region is set"),
    ],
)
def test_what_is_not_clear_or_not_agreed_removes_nothing(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    variables: Mapping[str, str],
    words: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert dropcut(*arguments.split()) == 2
    assert words in capsys.readouterr().err
    assert Process.started == []


@pytest.mark.parametrize(("ended", "code", "words"), [(4, 4, "failed"), (9, 9, "nothing to do"), (-9, 1, "failed")])
@pytest.mark.usefixtures("started")
def test_the_exit_code_is_that_of_the_code_of_make(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ended: int, code: int, words: str
) -> None:
    monkeypatch.setattr(Process, "returncode", ended)
    assert dropcut("destroy", "--yes", "--region", "r1") == code
    assert words in capsys.readouterr().out


def test_a_wrong_setting_is_said_from_any_folder(tmp_path: Path) -> None:
    """A stage may hold no capitals."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY / "cli" / "src"), "HOME": str(tmp_path)}
    words = [sys.executable, "-m", "dropcut_cli", "deploy", "--settings", "stage=TEST", "--json"]
    ran = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "Setting stage is 'TEST'" in ran.stderr
