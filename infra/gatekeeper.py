"""The function that turns the cut stage's event source off when spending is paused, and on when it can go on."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from dropcut.environment import GatekeeperEnvironment

from infra.artifact import Target
from infra.confined_function import ConfinedFunction, allow
from infra.settings import SECONDS_AROUND_A_PROBE
from infra.stage import Stage

LOOKS_EVERY = Duration.minutes(1)
"""The finest that EventBridge has; it costs about 43,800 short invocations a month."""


class Gatekeeper(Construct):
    """Woken once a minute.

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
        cut: Stage,
        announcements_to: sqs.Queue,
        packages: Sequence[str],
        target: Target,
        architecture: str,
        cut_timeout_seconds: int,
        state_table: str,
        api_key_secret: str,
        variables: Mapping[str, str],
        permissions: Sequence[iam.PolicyStatement],
    ) -> None:
        super().__init__(scope, construct_id)
        timeout_seconds = cut_timeout_seconds + SECONDS_AROUND_A_PROBE
        environment = GatekeeperEnvironment(
            state_table=state_table,
            function_seconds=timeout_seconds,
            cut_function=cut.function.function_name,
            cut_event_source=cut.event_source.event_source_mapping_id,
            cut_timeout_seconds=cut_timeout_seconds,
            cut_queue_url=cut.queue.queue_url,
            cut_dead_letter_queue_url=cut.dead_letter_queue.queue_url,
            deliver_queue_url=announcements_to.queue_url,
            api_key_secret=api_key_secret,
        )
        confined = ConfinedFunction(
            self,
            handler="dropcut.entries.gatekeeper.handler",
            description="Dropcut: stops and resumes the spending",
            packages=packages,
            target=target,
            architecture=architecture,
            timeout_seconds=timeout_seconds,
            memory_mb=256,
            environment={**environment.to_variables(), **variables},
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
                allow("Announce", ["sqs:SendMessage"], [announcements_to.queue_arn, cut.dead_letter_queue.queue_arn]),
            ],
        )
        self.function, self.role, self.log_group = confined.function, confined.role, confined.log_group
        # The next minute looks again: a look that AWS made twice would be one too many.
        self.function.configure_async_invoke(retry_attempts=0)
        rule = events.CfnRule(
            self,
            "EveryMinute",
            description="Dropcut: Is there anything to be done at the gate?",
            schedule_expression=f"rate({LOOKS_EVERY.to_minutes():g} minute)",
            targets=[
                events.CfnRule.TargetProperty(
                    id="gatekeeper",
                    arn=self.function.function_arn,
                    retry_policy=events.CfnRule.RetryPolicyProperty(maximum_retry_attempts=0),
                )
            ],
        )
        lambda_.CfnPermission(
            self,
            "EveryMinuteMayInvoke",
            action="lambda:InvokeFunction",
            function_name=self.function.function_name,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )
