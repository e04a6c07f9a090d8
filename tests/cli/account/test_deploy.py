"""The commands for a real account: who is asking, the key that is never shown, and photos that are never deleted."""

import builtins
import getpass
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from rich.console import Console

from dropcut_cli.account import deploy, destroy
from dropcut_cli.account.real_account import RealAccount, real_account
from dropcut_cli.clone import settings_line
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.steps import Steps
from infra.settings import Settings
from local.embedded_aws import start_embedded_aws
from local.ports import any_free_port

SECRET = "dropcut-prod-api-key"
OUTPUTS = {
    "InputBucketName": "input",
    "OutputBucketName": "output",
    "WorkBucketName": "work",
    "StateTableName": "state",
    "DashboardName": "dropcut-prod",
    "ApiKeySecretName": SECRET,
}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[RealAccount]:
    """An account with an empty secret and three empty buckets."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("DROPCUT_API_KEY", raising=False)
    monkeypatch.delenv("NEW_KEY", raising=False)
    with mock_aws():
        found = real_account()
        found.client("secretsmanager").create_secret(Name=SECRET)
        for bucket in ("input", "output", "work"):
            found.client("s3").create_bucket(Bucket=bucket)
        yield found


@pytest.fixture
def steps() -> Steps:
    """Remembers what was said."""
    return Steps(Console(record=True, quiet=False, width=200, highlight=False))


def key_in(account: RealAccount) -> str | None:
    """What is in the secret."""
    secrets = account.client("secretsmanager")
    try:
        return secrets.get_secret_value(SecretId=SECRET).get("SecretString")
    except secrets.exceptions.ResourceNotFoundException:
        return None


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> list[str]:
    """Somebody sits there and types this; returns the questions."""
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return typed

    monkeypatch.setattr(deploy.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", answer)
    return asked


def test_the_key_is_asked_for_and_never_shown(
    account: RealAccount, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spaces from the clipboard are taken off."""
    asked = at_a_terminal(monkeypatch, "  sk-1234 \n")
    assert deploy.put_key(account, SECRET, steps)
    assert key_in(account) == "sk-1234"
    assert len(asked) == 1
    assert "sk-1234" not in steps.console.export_text()


def test_a_key_that_is_there_stays_unless_a_new_one_is_wanted(
    account: RealAccount, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second deployment asks nothing."""
    account.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString="old")
    asked = at_a_terminal(monkeypatch, "new")
    assert deploy.put_key(account, SECRET, steps)
    assert (key_in(account), asked) == ("old", [])
    monkeypatch.setenv("NEW_KEY", "yes")
    assert deploy.put_key(account, SECRET, steps)
    assert key_in(account) == "new"


def test_a_key_in_the_environment_needs_nobody(
    account: RealAccount, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For automation."""
    monkeypatch.setenv("DROPCUT_API_KEY", "sk-env")
    assert deploy.put_key(account, SECRET, steps)
    assert key_in(account) == "sk-env"


@pytest.mark.parametrize("terminal", [True, False])
def test_without_a_key_it_is_said_how_to_put_one(
    account: RealAccount, steps: Steps, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    """Nobody there, or nothing typed."""
    if terminal:
        at_a_terminal(monkeypatch, "")
    else:
        monkeypatch.setattr(deploy.sys.stdin, "isatty", lambda: False, raising=False)
    has_key = deploy.put_key(account, SECRET, steps)
    deploy.say_what_next(OUTPUTS, Settings(), steps, has_key=has_key)
    assert not has_key
    said = steps.console.export_text()
    assert "DROPCUT_API_KEY" in said
    assert "aws s3 cp photo.jpg s3://input/" in said


@pytest.mark.parametrize("bucket", ["input", "output", "work"])
def test_destroy_stops_while_a_bucket_holds_something(account: RealAccount, bucket: str) -> None:
    """Unless told; an older version counts."""
    s3 = account.client("s3")
    destroy.refuse_while_full(account, OUTPUTS, told=False)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="a.jpg")
    with pytest.raises(Problem, match=f"s3://{bucket}"):
        destroy.refuse_while_full(account, OUTPUTS, told=False)
    destroy.refuse_while_full(account, OUTPUTS, told=True)


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
        destroy.refuse_while_full(account, OUTPUTS, told=False)


def test_hints_of_a_deployment_are_for_the_same_one(
    account: RealAccount, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SETTINGS", "stage=test")
    with monkeypatch.context() as with_key:
        with_key.setenv("DROPCUT_API_KEY", "sk-env")
        with pytest.raises(Problem, match='`make deploy SETTINGS="stage=test"` again'):
            deploy.put_key(account, "was-never-there", steps)
    account.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString="old")
    deploy.put_key(account, SECRET, steps)
    deploy.say_what_next(OUTPUTS, Settings(), steps, has_key=False)
    said = steps.console.export_text()
    assert '`make deploy SETTINGS="stage=test" NEW_KEY=yes` asks for another' in said
    assert 'run `make deploy SETTINGS="stage=test"` again' in said


def typing(monkeypatch: pytest.MonkeyPatch, *typed: str) -> list[str]:
    """Somebody sits there and types these lines, then ends the input; returns those that are left."""
    left = list(typed)

    def answer(_prompt: str) -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    monkeypatch.setattr(deploy.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(builtins, "input", answer)
    return left


@pytest.mark.parametrize("limit", ["0", "1000"])
def test_a_daily_limit_that_is_given_is_not_asked_for(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """No limit, too, when it is said."""
    left = typing(monkeypatch, "never read")
    settings = {"stage": "test", "daily_credit_limit": limit}
    assert deploy.with_daily_limit(settings, steps) == settings
    assert left == ["never read"]


@pytest.mark.parametrize("limit", ["0", "250.5"])
def test_a_daily_limit_is_asked_for_until_it_is_one(steps: Steps, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    left = typing(monkeypatch, "", "many", "-1", "1", f" {limit} ", "never read")
    settings = deploy.with_daily_limit({"stage": "test"}, steps)
    assert settings == {"stage": "test", "daily_credit_limit": limit}
    assert left == ["never read"]
    said = steps.console.export_text()
    assert "less than one cut-out costs" in said
    assert f"unless SETTINGS or cdk.json has daily_credit_limit={limit}" in said


@pytest.mark.parametrize("terminal", [True, False])
def test_without_a_daily_limit_and_an_answer_nothing_is_deployed(
    account: RealAccount, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    """In automation, say: the sentence names the setting, and the command fails."""
    typing(monkeypatch)
    monkeypatch.setattr(deploy.sys.stdin, "isatty", lambda: terminal, raising=False)
    monkeypatch.setenv("SETTINGS", "stage=test")
    monkeypatch.setattr(deploy, "deploy", lambda *_: pytest.fail("it was deployed"))
    with pytest.raises(Problem, match='SETTINGS="daily_credit_limit=1000"'):
        deploy.main()


class Refused:
    """A synth that fails; it is told what to advise."""

    def __init__(self) -> None:
        self.program = self

    def stop(self) -> None:
        """Nothing runs."""

    def finish(self, advice: str) -> None:
        raise Problem(advice)


def test_a_deployment_that_failed_is_tried_again_as_the_same_one(
    account: RealAccount, steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SETTINGS", "stage=test")
    monkeypatch.setattr(deploy, "LOCAL", tmp_path)
    monkeypatch.setattr(deploy, "start_synth", lambda folder, settings: Refused())
    with pytest.raises(Problem, match='`make deploy SETTINGS="stage=test"` again'):
        deploy.deploy(account, {"stage": "test"}, steps)


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The context of cdk.json, with a stage, a prefix and an address in it."""
    context: dict[str, object] = {
        "stage": "shop",
        "input_prefix": "new/",
        "alarm_email": "a@example.com",
        "daily_credit_limit": "500",
    }
    (tmp_path / "cdk.json").write_text(json.dumps({"context": context}))
    monkeypatch.setattr(settings_line, "CDK_JSON", tmp_path / "cdk.json")
    monkeypatch.delenv("SETTINGS", raising=False)
    return context


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
    with pytest.raises(Problem, match='`make destroy SETTINGS="stage=test" FORCE=yes` again'):
        destroy.main()


def test_deploy_speaks_of_the_settings_that_stay_in_cdk_json(
    account: RealAccount,
    context: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Of the address that gets the alarms, and of the prefix under which photos are looked for."""
    given = []
    monkeypatch.setenv("DROPCUT_API_KEY", "sk-env")
    monkeypatch.setattr(deploy, "deploy", lambda account, settings, steps: given.append(settings) or OUTPUTS)
    assert deploy.main() == 0
    assert given == [context]
    said = capfd.readouterr().out
    assert "aws s3 cp photo.jpg s3://input/new/photo.jpg\n" in said
    assert "AWS has sent to a@example.com" in said
    assert "reach nobody yet" not in said


def test_destroy_goes_on_when_a_bucket_is_gone_already(account: RealAccount) -> None:
    """Somebody deleted it by hand."""
    assert not destroy.holds_objects(account, "was-never-there")


@pytest.mark.end_to_end
@pytest.mark.timeout(180)
def test_deploy_and_destroy_against_the_embedded_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It takes the place of a real account: bootstrapped, deployed, asked, refused, emptied of stacks, used again."""
    folder = tmp_path / "aws"
    folder.mkdir()
    program, account = start_embedded_aws(folder, port=any_free_port(), leashed=True)
    try:
        for name, value in account.variables().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(deploy, "LOCAL", tmp_path)
        monkeypatch.setenv("SETTINGS", "stage=real bundle_for=this_machine daily_credit_limit=0")
        monkeypatch.setenv("DROPCUT_API_KEY", "sk-real")
        assert deploy.main() == 0
        found = real_account()
        outputs = found.outputs("real")
        assert found.is_bootstrapped()
        secret = found.client("secretsmanager").get_secret_value(SecretId=outputs["ApiKeySecretName"])
        assert secret["SecretString"] == "sk-real"
        assert "sk-real" not in capfd.readouterr().out

        found.client("s3").put_object(Bucket=outputs["InputBucketName"], Key="a.jpg", Body=b"1")
        with pytest.raises(Problem, match=outputs["InputBucketName"]):
            destroy.main()
        assert found.outputs("real") == outputs
        monkeypatch.setenv("FORCE", "yes")
        assert destroy.main() == 0
        assert f'Bucket("{outputs["InputBucketName"]}")' in capfd.readouterr().out
        found.client("s3").head_object(Bucket=outputs["InputBucketName"], Key="a.jpg")
        assert found.outputs("real") == {}
        found.client("secretsmanager").create_secret(Name=outputs["ApiKeySecretName"])
        assert destroy.main() == 0
        assert "Nothing of stage real is deployed here." in capfd.readouterr().out
    finally:
        program.stop()


def test_no_region_is_a_problem_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's own words name no variable."""
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(Problem, match="export AWS_REGION="):
        real_account()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no AWS credentials here"),
        ({"AWS_PROFILE": "nobody"}, "profile .nobody. could not be found"),
    ],
)
def test_who_cannot_sign_in_is_told_how(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str) -> None:
    """With AWS's own reason."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
        if not value:
            monkeypatch.delenv(name)
    with pytest.raises(Problem, match=f"(?s){words}.*aws sso login"):
        real_account()


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [("mars-1", "http://127.0.0.1:9"), ("mars 1", "http://127.0.0.1:9"), ("mars-1", "http://nowhere.invalid")],
)
def test_where_nothing_answers_nobody_is_sent_to_sign_in(
    monkeypatch: pytest.MonkeyPatch, region: str, endpoint: str
) -> None:
    """The network is down, or the region is invented: the addresses of its hosts are then not found."""
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(Problem, match=f"Check the network, and the region: {region} ") as problem:
        real_account()
    assert "sso login" not in str(problem.value)


def test_a_stack_that_cannot_be_asked_for_is_a_problem(account: RealAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network may go in between."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", "http://127.0.0.1:9")
    with mock_aws(config={"core": {"mock_credentials": True, "passthrough": {"urls": [r".*127\.0\.0\.1.*"]}}}):
        asking = RealAccount(boto3.Session(region_name="us-east-1"), "1", "us-east-1", "arn")
        with pytest.raises(Problem, match="Check the network, and the region: us-east-1 "):
            asking.describe("Dropcut-prod-Storage")


def test_the_cdk_gets_a_persons_access_to_aws_and_not_their_api_key(
    account: RealAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROPCUT_API_KEY", "sk-real")
    variables = account.variables()
    assert variables["AWS_REGION"] == "us-east-1"
    assert "sk-real" not in variables.values()


def test_sessions_are_real_ones(account: RealAccount) -> None:
    """So that profiles and single sign-on work as with every other tool."""
    assert isinstance(account.session, boto3.Session)
    assert account.region == "us-east-1"
    assert not account.is_bootstrapped()
