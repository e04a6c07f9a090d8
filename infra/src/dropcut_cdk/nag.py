"""Accepting a finding of cdk-nag, beside the resource and with the reason."""

import re
from collections.abc import Sequence
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct

_OBJECTS_BY_PREFIX = re.compile(r"[^*]+/[^*]*\*")


def acknowledge(construct: Construct, rule: str, reason: str) -> None:
    """Accept one rule's findings (`AwsSolutions-S1`) on this construct and what is in it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def acknowledge_prefixes(role: iam.Role, resources: Sequence[str]) -> None:
    """Accept that a role's statements name objects by prefix, and X-Ray by `*`; any other wildcard stays a finding."""
    stack = Stack.of(role)
    for resource in sorted({_as_nag_writes(stack.resolve(arn)) for arn in resources}):
        if _OBJECTS_BY_PREFIX.fullmatch(resource):
            reason = "The function's work is every object under this prefix; objects have no names before they exist."
            acknowledge(role, f"AwsSolutions-IAM5[Resource::{resource}]", reason)
        if resource == "*":
            acknowledge(
                role, "AwsSolutions-IAM5[Resource::*]", "X-Ray's actions, and those that join a VPC, know no resource."
            )


def _as_nag_writes(value: Any) -> str:
    """An ARN with its CloudFormation functions written out as cdk-nag does in the names of its findings."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_as_nag_writes(part) for part in parts)
        case {"Fn::ImportValue": name}:
            return str(name)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Ref": name}:
            return f"<{name}>"
        case _:
            return str(value)
