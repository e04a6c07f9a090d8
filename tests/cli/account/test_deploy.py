"""The commands for a real account: who is asking, the key that is never shown, and photos that are never deleted."""

import builtins
import getpass
from pathlib import Path

import pytest

from dropcut_cli.account import deploy, destroy
from dropcut_cli.account.real_account import RealAccount, real_account
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.steps import Steps
from dropcut_cli.exits import Exit
from infra.settings import Settings
from local.embedded_aws import start_embedded_aws
from local.ports import any_free_port
from tests.cli.account.conftest import OUTPUTS, SECRET


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
    """A synth that fails; the test says what to advise."""

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
        assert destroy.main() == Exit.NOTHING
        assert "Nothing of stage real is deployed here." in capfd.readouterr().out
    finally:
        program.stop()
