"""The AWS account that a person's environment names, for the commands that work on a real deployment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from dropcut_cli.clone.problem import Problem

_HOW_TO_SIGN_IN = (
    "Sign in (`aws sso login`, or `aws configure`), choose the profile with AWS_PROFILE, then run this again."
)
_UNREACHABLE = (NoConnectionError, HTTPClientError, InvalidRegionError)
"""No answer at all. A region that does not exist looks like a network that is down: its hosts have no address."""
_BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"


@dataclass(frozen=True)
class RealAccount:
    """An account that answered, and who is asking."""

    session: boto3.Session
    account: str
    region: str
    arn: str

    def client(self, service: str) -> Any:
        """A boto3 client for the service."""
        return self.session.client(service)  # type: ignore[call-overload] # the service's name is the caller's

    def variables(self) -> dict[str, str]:
        """The person's environment for the CDK, with the region that was found; the API key is none of its business."""
        environment = {name: value for name, value in os.environ.items() if name != "DROPCUT_API_KEY"}
        return {**environment, "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}

    def is_bootstrapped(self) -> bool:
        """Whether `cdk bootstrap` was run in this account and region."""
        try:
            self.client("ssm").get_parameter(Name=_BOOTSTRAP_VERSION)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterNotFound":
                return False
            raise Problem(f"Whether the account is bootstrapped could not be read: {error}") from error
        return True

    def outputs(self, stage: str) -> dict[str, str]:
        """All outputs of the stage's stacks by key; empty when nothing is deployed."""
        found = {}
        for stack in stack_names(stage):
            for output in self.describe(stack).get("Outputs", []):
                found[output["OutputKey"]] = output["OutputValue"]
        return found

    def describe(self, stack: str) -> Mapping[str, Any]:
        """What CloudFormation says of a stack; empty when there is none."""
        try:
            stacks = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return {}
            raise Problem(f"The stack {stack} could not be read: {error}") from error
        except _UNREACHABLE as error:
            raise Problem(f"The stack {stack} could not be read: {_no_answer(error, self.region)}") from error
        description: Mapping[str, Any] = stacks[0]
        return description


def deployed_outputs(account: RealAccount, stage: str) -> dict[str, str]:
    """All outputs of a deployment that is there.

    Raises:
        Problem: there is none of this name.
    """
    outputs = account.outputs(stage)
    if "IntakeQueueUrl" not in outputs:
        raise Problem(
            f"There is no deployment `{stage}` in account {account.account}, region {account.region}. "
            'Name the one you mean, with SETTINGS="stage=...", or its region, with AWS_REGION.'
        )
    return outputs


def stack_names(stage: str) -> list[str]:
    """The three stacks of a deployment, in the order in which they are made."""
    return [f"Dropcut-{stage}-{part}" for part in ("Storage", "Pipeline", "Monitoring")]


def real_account() -> RealAccount:
    """Find out which account and region the environment names.

    Raises:
        Problem: there are no credentials, they are refused, no region is set, or nothing answers; with what to do.
    """
    try:
        session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)  # botocore reads the older name only
        if not session.region_name:
            raise Problem("No AWS region is set. Choose one, for example: export AWS_REGION=eu-central-1")
        identity = session.client("sts").get_caller_identity()
    except ProfileNotFound as error:
        raise Problem(f"{error}. {_HOW_TO_SIGN_IN}") from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise Problem(f"There are no AWS credentials here ({error}). {_HOW_TO_SIGN_IN}") from error
    except ClientError as error:
        raise Problem(f"AWS refuses these credentials: {error}. {_HOW_TO_SIGN_IN}") from error
    except _UNREACHABLE as error:
        raise Problem(f"AWS could not be asked who you are: {_no_answer(error, session.region_name)}") from error
    except BotoCoreError as error:
        raise Problem(f"AWS could not be asked who you are: {error}. {_HOW_TO_SIGN_IN}") from error
    return RealAccount(session, identity["Account"], session.region_name, identity["Arn"])


def _no_answer(error: BotoCoreError, region: str) -> str:
    """A new sign-in would not help here."""
    return f"{error}. Check the network, and the region: {region} (AWS_REGION, or the profile's)."
