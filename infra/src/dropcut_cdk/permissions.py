"""Permissions of the functions' roles, as statements."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from dropcut.core import event_names

Conditions = Mapping[str, Any]
"""By operator, values by key."""
DEFAULT_BUS_ARN = f"arn:{Aws.PARTITION}:events:{Aws.REGION}:{Aws.ACCOUNT_ID}:event-bus/default"


def allow(
    sid: str, actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None, *, to: str = ""
) -> iam.PolicyStatement:
    """A statement that allows exactly these actions on these resources; in a resource's policy, to a service of AWS."""
    return iam.PolicyStatement(
        sid=sid,
        principals=[iam.ServicePrincipal(to)] if to else None,
        actions=list(actions),
        resources=list(resources),
        conditions=dict(conditions or {}),
    )


def use_keys(sid: str, actions: Sequence[str], keys: Sequence[str], *, by: str) -> iam.PolicyStatement:
    """KMS keys, by no way but through an AWS service, such as `s3`."""
    service = {"StringEquals": {"kms:ViaService": f"{by}.{Aws.REGION}.{Aws.URL_SUFFIX}"}}
    return allow(sid, actions, keys, service)


def read_state(table: dynamodb.ITable, *kinds: str) -> iam.PolicyStatement:
    """Only these kinds: whoever decodes strangers' files has no business with payments, budget and gate."""
    return use_state(table, "ReadState", "dynamodb:GetItem", kinds)


def write_state(table: dynamodb.ITable, *kinds: str) -> iam.PolicyStatement:
    """Only these items; what a write returns of an item that was there needs no right to read."""
    return use_state(table, "WriteState", "dynamodb:UpdateItem", kinds)


def use_state(table: dynamodb.ITable, sid: str, action: str, kinds: Sequence[str]) -> iam.PolicyStatement:
    """One action on items of the state table, by the kinds that their ids begin with."""
    keys = [f"{kind}*" if kind.endswith("#") else kind for kind in kinds]
    return allow(sid, [action], [table.table_arn], {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}})


def publish(*detail_types: str) -> iam.PolicyStatement:
    """Put these events of ours on the default bus. A request is none: a function that could ask would spend."""
    named = {"events:source": event_names.SOURCE, "events:detail-type": list(detail_types)}
    # Each key has a value for each event of a call; `ForAllValues` alone would also allow to name none.
    conditions = {"ForAllValues:StringEquals": named, "Null": dict.fromkeys(named, "false")}
    return allow("Publish", ["events:PutEvents"], [DEFAULT_BUS_ARN], conditions)


def of_photos(*actions: str) -> list[str]:
    """S3 actions on photos, and on a named version of them: a bucket may become versioned at any time."""
    return [f"s3:{action}" for action in actions] + [
        f"s3:{action.replace('Object', 'ObjectVersion')}" for action in actions
    ]
