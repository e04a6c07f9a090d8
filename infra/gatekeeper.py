"""The function that turns the cut stage's event source off when spending is paused, and on when it can go on."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.artifact import Target
from infra.confined_function import ConfinedFunction, allow
from infra.settings import SECONDS_AROUND_A_PROBE
from infra.stage import Stage

LOOKS_EVERY = Duration.minutes(1)
"""The finest that EventBridge has; it costs about 43,800 short invocations a month."""


class Gatekeeper(Construct):
    """Woken by the event `Spending Paused`, and once a minute in any case.

    It is a function of its own because the one that spends must not be able to let itself go on.
    """

    function: lambda_.Function
    role: iam.Role
    log_group: logs.LogGroup

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: str,
        cut: Stage,
        announcements_to: sqs.Queue,
        packages: Sequence[str],
        target: Target,
        architecture: str,
        cut_timeout_seconds: int,
        environment: Mapping[str, str],
        permissions: Sequence[iam.PolicyStatement],
    ) -> None:
        super().__init__(scope, construct_id)
        confined = ConfinedFunction(
            self,
            handler="dropcut.entries.gatekeeper.handler",
            description="Dropcut: stops and resumes the spending",
            packages=packages,
            target=target,
            architecture=architecture,
            timeout_seconds=cut_timeout_seconds + SECONDS_AROUND_A_PROBE,
            memory_mb=256,
            environment={
                **environment,
                "CUT_FUNCTION": cut.function.function_name,
                "CUT_EVENT_SOURCE": cut.event_source.event_source_mapping_id,
                "CUT_TIMEOUT_SECONDS": str(cut_timeout_seconds),
                "CUT_QUEUE_URL": cut.queue.queue_url,
                "DELIVER_QUEUE_URL": announcements_to.queue_url,
            },
            permissions=[
                *permissions,
                allow(
                    "TurnCutOffAndOn",
                    ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"],
                    [cut.event_source.event_source_mapping_arn],
                ),
                allow("TryOnePicture", ["lambda:InvokeFunction"], [cut.function.function_arn]),
                allow(
                    "TakeOnePicture",
                    [
                        "sqs:ReceiveMessage",
                        "sqs:DeleteMessage",
                        "sqs:GetQueueAttributes",
                        "sqs:ChangeMessageVisibility",
                    ],
                    [cut.queue.queue_arn],
                ),
                allow("Announce", ["sqs:SendMessage"], [announcements_to.queue_arn]),
            ],
        )
        self.function, self.role, self.log_group = confined.function, confined.role, confined.log_group
        paused = {"source": ["dropcut"], "detail-type": ["Spending Paused"], "detail": {"service": [service]}}
        self._wake("WhenPaused", "Spending was paused", paused)
        self._wake("EveryMinute", "Is there anything to be done at the gate?", None)

    def _wake(self, construct_id: str, description: str, event_pattern: Mapping[str, object] | None) -> None:
        rule = events.CfnRule(
            self,
            construct_id,
            description=f"Dropcut: {description}",
            event_pattern=event_pattern,
            schedule_expression=None if event_pattern else f"rate({LOOKS_EVERY.to_minutes():g} minute)",
            targets=[events.CfnRule.TargetProperty(id="gatekeeper", arn=self.function.function_arn)],
        )
        lambda_.CfnPermission(
            self,
            f"{construct_id}MayInvoke",
            action="lambda:InvokeFunction",
            function_name=self.function.function_name,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )
