"""Requests: events `Cutout Requested` about objects of the inputs' buckets go to the intake queue."""

from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct
from dropcut.core import event_names

from dropcut_cdk.deployment import Deployment
from dropcut_cdk.input import Input
from dropcut_cdk.kinds import SettingsError
from dropcut_cdk.limits import check_pattern
from dropcut_cdk.permissions import DEFAULT_BUS_ARN
from dropcut_cdk.queues import Queues
from dropcut_cdk.routes import check_place


class CutoutRequests(Construct):
    """The rule on the bus, and what lets other accounts put requests onto it."""

    def __init__(self, scope: Construct, construct_id: str, deployment: Deployment, *, intake: Queues) -> None:
        super().__init__(scope, construct_id)
        self._props, self._buckets = deployment.props, list[str]()
        bus = self._props.request_bus
        if bus:
            check_place(self, bus, "request_bus", "to which a rule on that bus can send the requests")
        self._bus_arn = bus.event_bus_arn if bus else DEFAULT_BUS_ARN
        self._rule = intake.rule(
            self,
            "Rule",
            target="intake",
            description="Dropcut: requests go to prepare",
            event_bus_name=bus.event_bus_name if bus else None,
            event_pattern=self._pattern(),
        )
        for account in self._props.request_accounts:
            # What EventBridge allows is 64 characters; what makes a name of our own unique is its end.
            statement_id = f"{deployment.name}-{account}"[-64:]
            events.CfnEventBusPolicy(
                self,
                f"From{account}",
                statement_id=statement_id,
                event_bus_name=bus.event_bus_name if bus else None,
                statement={
                    "Sid": statement_id,
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:{Aws.PARTITION}:iam::{account}:root"},
                    "Action": "events:PutEvents",
                    "Resource": self._bus_arn,
                    "Condition": self._requests_only(),
                },
            )

    def take_from(self, photos: Input) -> None:
        """Let objects of this bucket be requested. What else an input asks for is looked at by prepare."""
        self._buckets.append(photos.taken_from.bucket_name)
        self._rule.event_pattern = self._pattern()

    def grant(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody publish requests, and nothing else. Raises SettingsError: they have no policy to say it in."""
        granted = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["events:PutEvents"],
            resource_arns=[self._bus_arn],
            conditions=self._requests_only(),
        )
        if not granted.success:
            raise SettingsError(
                "The grantee of grant_request has no policy that the CDK can add to. Allowed: a role, a user or a "
                "group, and another account by request_accounts."
            )
        return granted

    def _pattern(self) -> dict[str, Any]:
        sources = [{"prefix": prefix} for prefix in self._props.request_sources]
        pattern = {
            "account": [Aws.ACCOUNT_ID, *self._props.request_accounts],
            "detail-type": [event_names.REQUESTED],
            "detail": {"bucket": list(dict.fromkeys(self._buckets))},
            **({"source": sources} if sources else {}),
        }
        check_pattern("requests", pattern, shorter="fewer or shorter request_sources, or fewer buckets of inputs")
        return pattern

    def _requests_only(self) -> dict[str, Any]:
        """For each event of a call; AWS always fills in the key, and the embedded AWS does not."""
        key = "events:detail-type"
        named = {} if self._props.for_embedded_aws else {"Null": {key: "false"}}
        return {"ForAllValues:StringEquals": {key: event_names.REQUESTED}, **named}
