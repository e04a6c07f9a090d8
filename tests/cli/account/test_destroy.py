"""`make destroy`: photos are never deleted, and no other deployment is removed by a slip."""

import re
import shlex

import pytest
from botocore.exceptions import ClientError

from dropcut_cli.account import destroy
from dropcut_cli.account.real_account import RealAccount
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.steps import Steps
from dropcut_cli.exits import Exit
from tests.cli.account.conftest import OUTPUTS


@pytest.mark.parametrize("bucket", ["input", "output", "work"])
def test_destroy_stops_while_a_bucket_holds_something(account: RealAccount, bucket: str) -> None:
    """Unless FORCE is set; an older version counts."""
    s3 = account.client("s3")
    destroy.refuse_while_full(account, OUTPUTS, forced=False)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="a.jpg")
    with pytest.raises(Problem, match=f"s3://{bucket}"):
        destroy.refuse_while_full(account, OUTPUTS, forced=False)
    destroy.refuse_while_full(account, OUTPUTS, forced=True)


@pytest.mark.parametrize("versioned", [False, True])
def test_what_destroy_says_deletes_a_bucket_whether_it_is_versioned_or_not(
    account: RealAccount, steps: Steps, versioned: bool
) -> None:
    """Its older versions and delete markers, too."""
    s3 = account.client("s3")
    s3.put_object(Bucket="input", Key="unversioned.jpg", Body=b"1")
    if versioned:
        s3.put_bucket_versioning(Bucket="input", VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket="input", Key="a.jpg", Body=b"1")
        s3.delete_object(Bucket="input", Key="a.jpg")
    destroy.say_what_stays({"InputBucketName": "input"}, steps)
    (said,) = re.findall(r".*python -c .*", steps.console.export_text())
    python, option, code = shlex.split(said)
    assert (python, option) == (".venv/bin/python", "-c")
    exec(code, {})
    assert "input" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_the_hint_of_a_refusal_is_for_the_same_deployment(
    account: RealAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied without SETTINGS it would remove another one, buckets full of photos or not."""
    monkeypatch.setenv("SETTINGS", "stage=test")
    account.client("s3").put_object(Bucket="input", Key="a.jpg", Body=b"1")
    with pytest.raises(Problem, match='`make destroy SETTINGS="stage=test" FORCE=yes`'):
        destroy.refuse_while_full(account, OUTPUTS, forced=False)


@pytest.fixture
def removed(account: RealAccount, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The deployments that were removed; each that is asked for is there, without outputs."""
    removed: list[str] = []
    monkeypatch.setattr(RealAccount, "describe", lambda account, stack: {"StackName": stack})
    monkeypatch.setattr(destroy, "destroy", lambda account, stage, outputs, steps: removed.append(stage))
    return removed


def test_destroy_removes_the_stage_that_stays_in_cdk_json_and_says_so_first(
    removed: list[str], context: dict[str, object], capfd: pytest.CaptureFixture[str]
) -> None:
    """And not `prod`, which is deployed here as well."""
    assert destroy.main() == 0
    assert removed == ["shop"]
    assert capfd.readouterr().out.startswith("To remove: the deployment `shop` (its stage is from cdk.json)\n")


def test_destroy_removes_the_stage_of_settings_rather_than_the_one_that_stays(
    removed: list[str],
    context: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """And says of this one as well where it is from."""
    monkeypatch.setenv("SETTINGS", "stage=prod")
    assert destroy.main() == 0
    assert removed == ["prod"]
    assert "the deployment `prod` (its stage is from SETTINGS)" in capfd.readouterr().out


def test_a_removal_that_was_refused_is_tried_again_as_the_same_one(
    removed: list[str], context: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With FORCE when it was given: the buckets are as full as before."""

    def refuse(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "DeleteStack")

    monkeypatch.setattr(destroy, "destroy", refuse)
    monkeypatch.setenv("SETTINGS", "stage=test")
    monkeypatch.setenv("FORCE", "yes")
    with pytest.raises(Problem, match='`make destroy SETTINGS="stage=test" FORCE=yes` again') as problem:
        destroy.main()
    assert problem.value.exit_code == Exit.DENIED


@pytest.mark.usefixtures("account", "context")
def test_nothing_to_destroy_has_its_own_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RealAccount, "describe", lambda _account, _stack: {})
    assert destroy.main() == Exit.NOTHING


def test_destroy_goes_on_when_a_bucket_is_gone_already(account: RealAccount) -> None:
    """Somebody deleted it by hand."""
    assert not destroy.holds_objects(account, "was-never-there")
