"""How the CDK is run, and what a person reads when it fails."""

from pathlib import Path

import pytest

from dropcut_cli.clone import cdk
from dropcut_cli.clone.cdk import start_synth, what_it_said
from dropcut_cli.clone.problem import Problem

FAILED_DEPLOY = """$ node cdk deploy --all
x | 1/9 | CREATE_COMPLETE | AWS::S3::Bucket | Error/Bucket

Failed resources:
x | 8:15:54 AM | CREATE_FAILED | AWS::SQS::Queue | Queue The name is taken.
❌  Dropcut-x-Pipeline failed to deploy
Source Location: ...aws-cdk-lib, jsii runtime, node internals...
"""
REFUSED = """$ node cdk synth --context rate=3
There is no setting rate. Allowed: stage, provider.
python app.py: Subprocess exited with error 1
"""
CRASHED = """$ node cdk synth
Traceback (most recent call last):
  File "app.py", line 3, in <module>
    main()
    ~~~~^^
ValueError: the bucket's name is invalid
Subprocess exited with error 1
"""


@pytest.mark.parametrize(
    ("log", "expected", "left_out"),
    [
        (FAILED_DEPLOY, "The name is taken.", "Error/Bucket"),
        (REFUSED, "There is no setting rate.", "Subprocess"),
        (CRASHED, "ValueError: the bucket's name is invalid", "main()"),
        ("$ node cdk\nstrange\n", "strange", "$ node"),
        ("", "(empty)", "$"),
    ],
)
def test_the_lines_that_tell_why_are_shown(tmp_path: Path, log: str, expected: str, left_out: str) -> None:
    """And not the hundred others."""
    (tmp_path / "cdk.log").write_text(log)
    shown = what_it_said(tmp_path / "cdk.log")
    assert expected in shown
    assert left_out not in shown


@pytest.mark.parametrize("folder", ["my clone", "it's $HOME"])
def test_the_app_is_run_in_a_folder_whose_path_a_shell_would_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """The real CDK runs it, through a shell."""
    python = tmp_path / folder / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "run with: $*"\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr(cdk, "PYTHON", str(python))
    monkeypatch.setattr(cdk, "REPOSITORY", python.parent)
    with pytest.raises(Problem, match=r"run with: app\.py"):
        start_synth(tmp_path, {}).finish("")


@pytest.mark.parametrize(("settings", "stage"), [({}, "prod"), ({"stage": "shop"}, "shop")])
def test_the_stage_is_always_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], stage: str
) -> None:
    """One in a person's own ~/.cdk.json would be deployed, and `make destroy` would not know of it."""
    given: list[str] = []
    monkeypatch.setattr(cdk, "_start", lambda what, arguments, **options: given.extend(map(str, arguments)))
    start_synth(tmp_path, settings)
    assert [each for each in given if each.startswith("stage=")] == [f"stage={stage}"]
