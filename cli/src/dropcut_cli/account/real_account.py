"""The AWS account that a person's environment names, for the commands that work on a real deployment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from dropcut_cli.clone.problem import Problem
from dropcut_cli.deployment import STACKS
from dropcut_cli.exits import NO_REGION, explained

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
        ssm = self.client("ssm")
        try:
            ssm.get_parameter(Name=_BOOTSTRAP_VERSION)
        except ssm.exceptions.ParameterNotFound:
            return False
        except (BotoCoreError, ClientError) as error:
            raise Problem(f"Whether the account is bootstrapped could not be read. {explained(error)}") from error
        return True

    def outputs(self, stage: str) -> dict[str, str]:
        """All outputs of the stage's stacks by key; empty when nothing is deployed."""
        every = (output for stack in stack_names(stage) for output in self.describe(stack).get("Outputs", []))
        return {output["OutputKey"]: output["OutputValue"] for output in every}

    def describe(self, stack: str) -> Mapping[str, Any]:
        """What CloudFormation says of a stack; empty when there is none."""
        try:
            (description,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        except (BotoCoreError, ClientError) as error:
            if "does not exist" in str(error):
                return {}
            raise Problem(f"The stack {stack} could not be read. {explained(error)}") from error
        return dict(description)


def stack_names(stage: str) -> list[str]:
    """The stacks of a deployment, in the order in which they are made."""
    return [f"Dropcut-{stage}-{part}" for part in STACKS]


def real_account() -> RealAccount:
    """Find out which account and region the environment names.

    Raises:
        Problem: there are no credentials, they are refused, no region is set, or nothing answers; with what to do.
    """
    try:
        session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)  # botocore reads the older name only
        if not session.region_name:
            raise Problem(NO_REGION)
        identity = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise Problem(f"AWS could not be asked who you are. {explained(error)}") from error
    return RealAccount(session, identity["Account"], session.region_name, identity["Arn"])
