"""What a person is told when the CDK fails."""

from pathlib import Path

import pytest

from local.cdk import what_it_said

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
    ("log", "told", "untold"),
    [
        (FAILED_DEPLOY, "The name is taken.", "Error/Bucket"),
        (REFUSED, "There is no setting rate.", "Subprocess"),
        (CRASHED, "ValueError: the bucket's name is invalid", "main()"),
        ("$ node cdk\nstrange\n", "strange", "$ node"),
        ("", "(empty)", "$"),
    ],
)
def test_the_lines_that_tell_why_are_shown(tmp_path: Path, log: str, told: str, untold: str) -> None:
    """And not the hundred others."""
    (tmp_path / "cdk.log").write_text(log)
    shown = what_it_said(tmp_path / "cdk.log")
    assert told in shown
    assert untold not in shown
