"""One stage of the pipeline: a queue with its dead-letter queue, and the function that works it off."""

from collections.abc import Callable, Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from dropcut.environment import StageEnvironment

from infra.artifact import Target
from infra.confined_function import ConfinedFunction, allow
from infra.python_function import SMALLEST_EPHEMERAL_STORAGE_MB

BATCH_SIZE = 10
VISIBILITY_TIMEOUTS = 6
"""Visibility timeout of a queue, in time-outs of its function: shorter, and work in progress is handed out again."""
RETENTION = Duration.days(14)
"""The longest that SQS keeps a message; in the dead-letter queue as well, where age counts from the first sending."""


class Queue(Construct):
    """A queue and its dead-letter queue: encrypted by SQS itself, TLS only, both keeping messages for 14 days.

    Not under a KMS key: EventBridge cannot send to a queue under the key that AWS manages.
    """

    def __init__(self, scope: Construct, construct_id: str, *, visibility_seconds: int, max_receive_count: int) -> None:
        super().__init__(scope, construct_id)
        self.dead_letter_queue = sqs.Queue(
            self,
            "DeadLetterQueue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=RETENTION,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=RETENTION,
            visibility_timeout=Duration.seconds(visibility_seconds),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letter_queue, max_receive_count=max_receive_count),
            removal_policy=RemovalPolicy.DESTROY,
        )


class Stage(Construct):
    """A queue, its dead-letter queue, and a function with a role, a log group and an event source of its own.

    The role may do what `permissions` say, work off the own queue, dead-letter, log and trace; nothing else.
    """

    queue: sqs.Queue
    dead_letter_queue: sqs.Queue
    function: lambda_.Function
    role: iam.Role
    log_group: logs.LogGroup
    event_source: lambda_.EventSourceMapping

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        handler: str,
        description: str,
        packages: Sequence[str],
        target: Target,
        architecture: str,
        timeout_seconds: int,
        memory_mb: int,
        max_receive_count: int,
        max_concurrency: int,
        environment: Callable[[Queue], StageEnvironment],
        permissions: Sequence[iam.PolicyStatement],
        outcomes_to: sqs.Queue | None = None,
        variables: Mapping[str, str],
        ephemeral_storage_mb: int = SMALLEST_EPHEMERAL_STORAGE_MB,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        """Make the stage.

        Args:
            environment: the function's settings, given the stage's own queues.
            variables: what libraries of the function read from its environment.
            outcomes_to: the deliver queue; the stage that has none is deliver itself.
        """
        super().__init__(scope, construct_id)
        queues = Queue(
            self,
            "Queues",
            visibility_seconds=VISIBILITY_TIMEOUTS * timeout_seconds,
            max_receive_count=max_receive_count,
        )
        self.queue, self.dead_letter_queue = queues.queue, queues.dead_letter_queue
        confined = ConfinedFunction(
            self,
            handler=handler,
            description=description,
            packages=packages,
            target=target,
            architecture=architecture,
            timeout_seconds=timeout_seconds,
            memory_mb=memory_mb,
            ephemeral_storage_mb=ephemeral_storage_mb,
            environment={**environment(queues).to_variables(), **variables},
            permissions=[
                *permissions,
                *self._own_permissions(),
                *([allow("SendOutcomes", ["sqs:SendMessage"], [outcomes_to.queue_arn])] if outcomes_to else []),
            ],
        )
        self.function, self.role, self.log_group = confined.function, confined.role, confined.log_group
        self.event_source = lambda_.EventSourceMapping(
            self,
            "EventSource",
            target=self.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=batch_size,
            report_batch_item_failures=True,
            # Not reserved concurrency: that dead-letters throttled messages without a look at them.
            max_concurrency=max_concurrency,
        )

    def _own_permissions(self) -> list[iam.PolicyStatement]:
        """What every stage does with its queues."""
        return [
            allow(
                "ConsumeOwnQueue",
                ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"],
                [self.queue.queue_arn],
            ),
            allow("DeadLetter", ["sqs:SendMessage"], [self.dead_letter_queue.queue_arn]),
        ]


def allow_rule_to_send(queue: sqs.Queue, rule: events.CfnRule) -> None:
    """Let this one EventBridge rule send to a queue, and no other."""
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            sid=rule.node.id,
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
        )
    )
