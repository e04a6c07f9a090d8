"""The queue of a stage with its dead-letter queue, and the rules that send to it."""

from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from dropcut_cdk.permissions import allow
from dropcut_cdk.sizes import Size

BATCH_SIZE = 10
SQS_MOST_RECEIVES = 1000
"""SQS's most. Cut's messages come back while they wait. It dead-letters them itself, with a reason and an event, which
SQS has not."""
RECEIVES = 60
"""Of the other stages. Prepare and deliver dead-letter a message that they see for the 13th time, also after waits
(`imaging_stage.py`); notify does after 50 receives. So SQS does it only while a function does not run. A throttled
receive lasts for the visibility timeout: 60 take 5 hours to 3 days, and SQS keeps a message for 14."""
VISIBILITY_TIMEOUTS = 6
"""Visibility timeout of a queue, in time-outs of its function: shorter, and work in progress is handed out again."""
RETENTION = Duration.days(14)
"""The longest that SQS keeps a message; in the dead-letter queue as well, where age counts from the first sending."""
CONSUME = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility")


class Queues(Construct):
    """A queue and its dead-letter queue: encrypted by SQS itself, TLS only, both keeping messages for 14 days.

    Not under a KMS key: EventBridge cannot send to a queue under the key that AWS manages.
    """

    def __init__(self, scope: Construct, construct_id: str, size: Size, *, receives: int = RECEIVES) -> None:
        """For a function of this size, which receives a message so many times before SQS dead-letters it."""
        super().__init__(scope, construct_id)
        self._senders = dict[sqs.Queue, tuple[iam.PolicyStatement, list[str]]]()
        self.dead_letter_queue = self._queue("DeadLetterQueue")
        self.queue = self._queue(
            "Queue",
            visibility_timeout=Duration.seconds(VISIBILITY_TIMEOUTS * size.timeout_seconds),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letter_queue, max_receive_count=receives),
        )

    def _queue(self, construct_id: str, **more: Any) -> sqs.Queue:
        return sqs.Queue(
            self,
            construct_id,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=RETENTION,
            removal_policy=RemovalPolicy.DESTROY,
            **more,
        )

    def rule(
        self, scope: Construct, construct_id: str, *, target: str, text: str | None = None, **when: Any
    ) -> events.CfnRule:
        """A rule that sends to the queue; what EventBridge cannot send for 24 hours it puts into the dead-letter queue.

        It is written out: CDK's own target lets a rule read the queue's address and attributes as well.

        Args:
            target: the target's name within the rule.
            text: what is sent, if not the event. It is sent again by the next event, so it needs no dead letter.
            when: what the rule waits for, and its description, as `CfnRule` takes them.
        """
        queues = [self.queue] if text else [self.queue, self.dead_letter_queue]
        undeliverable = [events.CfnRule.DeadLetterConfigProperty(arn=each.queue_arn) for each in queues[1:]]
        sent = events.CfnRule.TargetProperty(
            id=target,
            arn=self.queue.queue_arn,
            input=text,
            dead_letter_config=undeliverable[0] if undeliverable else None,
        )
        rule = events.CfnRule(scope, construct_id, targets=[sent], **when)
        for queue in queues:
            self._let_send(queue, rule.attr_arn)
        return rule

    def _let_send(self, queue: sqs.Queue, rule_arn: str) -> None:
        """All rules stand in one statement: a policy of SQS has 20 statements at most, and 10 conditions."""
        if queue not in self._senders:
            rules_send = allow("RulesSend", ["sqs:SendMessage"], [queue.queue_arn], to="events.amazonaws.com")
            queue.add_to_resource_policy(rules_send)
            self._senders[queue] = rules_send, []
        statement, rule_arns = self._senders[queue]
        rule_arns.append(rule_arn)
        statement.add_condition("ArnEquals", {"aws:SourceArn": rule_arns})


def send_to(sid: str, *queues: sqs.IQueue) -> iam.PolicyStatement:
    """What a function that sends to these queues may do."""
    return allow(sid, ["sqs:SendMessage"], [queue.queue_arn for queue in queues])


def visible(queue: sqs.IQueue, period: Duration, label: str | None = None) -> cloudwatch.Metric:
    """The most messages that lay ready in a queue in each period.

    Not the number sent to it: that does not count what SQS moves into a dead-letter queue by itself.
    """
    return queue.metric_approximate_number_of_messages_visible(label=label, period=period, statistic="Maximum")
