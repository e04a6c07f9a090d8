"""`make destroy`: removes a deployment from a real AWS account, and never a photo."""

import os
from collections.abc import Mapping
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from dropcut_cli.account.real_account import RealAccount, real_account, stack_names
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.settings_line import make_command, refuse_wrong, settings_of_deployment, where_it_is_set
from dropcut_cli.clone.steps import Steps

_BUCKETS = ("InputBucketName", "OutputBucketName", "WorkBucketName")
_DELETE_BUCKET = (
    ".venv/bin/python -c 'import boto3; "
    'bucket = boto3.resource("s3").Bucket("{}"); '
    "bucket.object_versions.delete(); bucket.delete()'"
)
"""`aws s3 rb --force` leaves older versions where they are, and then fails."""


def main() -> int:
    """Remove the stage that SETTINGS names, or else cdk.json, and say first which one that is."""
    steps = Steps()
    settings = settings_of_deployment()
    refuse_wrong(settings)
    stage = settings.get("stage", "prod")
    steps.say(f"To remove: the deployment `{stage}` (its stage is {where_it_is_set('stage')})")
    account = real_account()
    steps.say(f"Account {account.account}, region {account.region}, as {account.arn}")
    outputs = account.outputs(stage)
    if not any(account.describe(stack) for stack in stack_names(stage)):
        steps.say(f"Nothing of stage {stage} is deployed here.")
        return 0
    forced = os.environ.get("FORCE", "") == "yes"
    try:
        refuse_while_full(account, outputs, forced=forced)
        destroy(account, stage, outputs, steps)
    except (BotoCoreError, ClientError) as error:
        again = make_command("destroy", *(["FORCE=yes"] if forced else []))
        raise Problem(f"AWS refused a part of it: {error}\nPut that right and run `{again}` again.") from error
    say_what_stays(outputs, steps)
    return 0


def refuse_while_full(account: RealAccount, outputs: Mapping[str, str], *, forced: bool) -> None:
    """Stop here while a bucket holds an object, unless `forced`.

    Raises:
        Problem: with the buckets that hold something.
    """
    full = [outputs[key] for key in _BUCKETS if key in outputs and holds_objects(account, outputs[key])]
    if full and not forced:
        listed = "\n".join(f"    s3://{bucket}" for bucket in full)
        raise Problem(
            f"These buckets hold objects:\n{listed}\n"
            f"Nothing was removed. `{make_command('destroy', 'FORCE=yes')}` removes the pipeline and leaves the "
            "buckets with all that is in them; photos that wait in the queues are not cut out then."
        )


def holds_objects(account: RealAccount, bucket: str) -> bool:
    """Whether a bucket holds an object, or an older version of one."""
    s3 = account.client("s3")
    try:
        answer = s3.list_object_versions(Bucket=bucket, MaxKeys=1, ExpectedBucketOwner=account.account)
    except s3.exceptions.NoSuchBucket:
        return False
    return bool(answer.get("Versions") or answer.get("DeleteMarkers"))


def destroy(account: RealAccount, stage: str, outputs: Mapping[str, str], steps: Steps) -> None:
    """Delete the stacks, the last one first, and then free the secret's name for another deployment."""
    cloudformation = account.client("cloudformation")
    for stack in reversed(stack_names(stage)):
        with steps.step(f"Remove {stack}"):
            cloudformation.delete_stack(StackName=stack)
            try:
                cloudformation.get_waiter("stack_delete_complete").wait(
                    StackName=stack, WaiterConfig={"Delay": 3, "MaxAttempts": 600}
                )
            except WaiterError as error:
                raise Problem(
                    f"CloudFormation could not remove {stack}: {error}\n"
                    "Its events in the CloudFormation console say why."
                ) from error
    if "ApiKeySecretName" in outputs:
        _delete_secret(account, outputs["ApiKeySecretName"])


def _delete_secret(account: RealAccount, secret: str) -> None:
    """Without the usual waiting time of some days, in which no new deployment could have a secret of this name."""
    secrets = account.client("secretsmanager")
    with suppress(secrets.exceptions.ResourceNotFoundException):
        secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


def say_what_stays(outputs: Mapping[str, str], steps: Steps) -> None:
    """The buckets and the table are a person's own to delete."""
    steps.say("\nRemoved. These stay, because they hold photos or what is known of them; to delete them for good:")
    for key in _BUCKETS:
        if key in outputs:
            steps.say(f"    {_DELETE_BUCKET.format(outputs[key])}")
    if "StateTableName" in outputs:
        steps.say(f"    aws dynamodb delete-table --table-name {outputs['StateTableName']}")
    steps.say("The CDK's own stack, CDKToolkit, stays for other apps.")
