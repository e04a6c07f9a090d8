"""`make deploy`: the three stacks into a real AWS account, and the API key into its secret."""

import getpass
import os
import shlex
import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from dropcut_cli.account.account_limits import with_numbers_that_fit
from dropcut_cli.account.real_account import RealAccount, problem_of, real_account
from dropcut_cli.clone.cdk import read_outputs, start_bootstrap, start_deploy, start_synth
from dropcut_cli.clone.places import LOCAL, private_folder
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.settings_line import make_command, refuse_wrong, settings_of_deployment
from dropcut_cli.clone.steps import Steps
from dropcut_cli.exits import Exit
from infra.settings import Settings

DAILY_LIMIT = "daily_credit_limit"
_NO_LIMIT = (
    f"The setting {DAILY_LIMIT} is not given: without it, uploads may spend as many credits as there are. "
    f'Write SETTINGS="{DAILY_LIMIT}=1000", or {DAILY_LIMIT}=0 for no limit, or put it into "context" in cdk.json.'
)


def main() -> int:
    """Deploy as cdk.json and the environment variables SETTINGS, DROPCUT_API_KEY and NEW_KEY ask for."""
    steps = Steps()
    settings = settings_of_deployment()
    refuse_wrong(settings)
    settings = with_daily_limit(settings, steps)
    account = real_account()
    steps.say(f"Account {account.account}, region {account.region}, as {account.arn}")
    settings = with_numbers_that_fit(account, settings, steps)
    outputs = deploy(account, settings, steps)
    has_key = put_key(account, outputs["ApiKeySecretName"], steps)
    say_what_next(outputs, Settings.from_context(settings), steps, has_key=has_key)
    return 0


def with_daily_limit(settings: dict[str, str], steps: Steps) -> dict[str, str]:
    """The settings with a daily credit limit, which a person is asked for: no limit has to be said.

    Raises:
        Problem: it is not given, and nobody is there to be asked.
    """
    if DAILY_LIMIT in settings:
        return settings
    if not sys.stdin.isatty():
        raise Problem(_NO_LIMIT, Exit.USAGE)
    steps.say("Whoever may put photos into the input bucket spends credits. A limit stops that until the next day.")
    while True:
        try:
            answer = input("Credits a day at the most (0 for no limit): ").strip()
            with_limit = {**settings, DAILY_LIMIT: answer}
            refuse_wrong(with_limit)
        except EOFError as nobody:
            raise Problem(_NO_LIMIT, Exit.USAGE) from nobody
        except Problem as wrong:
            steps.say(str(wrong))
        else:
            steps.say(f"The next deployment asks again, unless SETTINGS or cdk.json has {DAILY_LIMIT}={answer}.")
            return with_limit


def deploy(account: RealAccount, settings: Mapping[str, str], steps: Steps) -> dict[str, str]:
    """Bootstrap if needed, then deploy; return the stacks' outputs by key."""
    stage = settings.get("stage", "prod")
    steps.say(f"To deploy: `{stage}`")
    advice = f"What was deployed stays as it was before; put that right and run `{make_command('deploy')}` again."
    folder = LOCAL / f"deploy-{account.account}-{account.region}-{stage}"
    private_folder(LOCAL)
    private_folder(folder)
    for log in folder.glob("*.log"):
        log.unlink()
    synth = start_synth(folder, settings)
    try:
        with steps.step("cdk synth: templates, and the functions' packages"):
            synth.finish(advice)
        if not account.is_bootstrapped():
            with steps.step(f"cdk bootstrap of {account.account} in {account.region}, once"):
                bootstrap = start_bootstrap(folder, account.account, account.region, account.variables())
                bootstrap.finish(advice)
        with steps.step("cdk deploy: three stacks (some minutes the first time)"):
            start_deploy(folder, account.variables()).finish(advice)
    finally:
        synth.program.stop()
    return read_outputs(folder)


def put_key(account: RealAccount, secret: str, steps: Steps) -> bool:
    """Put the API key into the secret; return whether there is one in it afterwards.

    DROPCUT_API_KEY, when set, is the key. Otherwise a person is asked if the secret is empty, or with NEW_KEY=yes.
    """
    secrets = account.client("secretsmanager")
    try:
        has_key = _has_value(secrets, secret)
        key = _key(steps, secret, has_key=has_key)
        if key:
            secrets.put_secret_value(SecretId=secret, SecretString=key)
            steps.say(f"The API key is in the secret {secret}.")
    except (BotoCoreError, ClientError) as error:
        raise problem_of(
            f"The stacks are deployed, but the API key could not be put into the secret {secret}. "
            f"Run `{make_command('deploy')}` again: it goes on from here.",
            error,
        ) from error
    return has_key or bool(key)


def _has_value(secrets: Any, secret: str) -> bool:
    try:
        return bool(secrets.get_secret_value(SecretId=secret).get("SecretString"))
    except secrets.exceptions.ResourceNotFoundException:
        return False  # the secret is there, a value is not


def _key(steps: Steps, secret: str, *, has_key: bool) -> str:
    from_environment = os.environ.get("DROPCUT_API_KEY", "").strip()
    if from_environment:
        return from_environment
    if has_key and os.environ.get("NEW_KEY", "") != "yes":
        anew = make_command("deploy", "NEW_KEY=yes")
        steps.say(f"The secret {secret} has an API key already; `{anew}` asks for another.")
        return ""
    if not sys.stdin.isatty():
        return ""
    return getpass.getpass("API key (not shown; empty to do it later): ").strip()


def say_what_next(outputs: Mapping[str, str], settings: Settings, steps: Steps, *, has_key: bool) -> None:
    """What a person does now."""
    # The photo's name as well: after a prefix that does not end in a slash, the AWS CLI would add none.
    photo = shlex.quote(f"s3://{outputs['InputBucketName']}/{settings.input_prefix}photo.jpg")
    again = make_command("deploy")
    steps.say(
        f"""
Deployed. Next:
  Drop a photo     aws s3 cp photo.jpg {photo}
  Its cut-out      aws s3 ls --recursive s3://{outputs["OutputBucketName"]}/
  The dashboard    {outputs["DashboardName"]}, in CloudWatch"""
    )
    if not has_key:
        steps.say(f"  The API key      is missing: run `{again}` again at a terminal, or with DROPCUT_API_KEY set")
    if settings.alarm_email:
        steps.say(f"  Alarms           confirm the message that AWS has sent to {settings.alarm_email}")
    else:
        steps.say("  Alarms           reach nobody yet: add alarm_email=you@example.com to SETTINGS and deploy again")
