"""The alarms that an operator receives (by e-mail if wanted), and the dashboard."""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from dropcut_cdk.dashboard import Dashboard
from dropcut_cdk.permissions import allow
from dropcut_cdk.queues import visible

if TYPE_CHECKING:
    from dropcut_cdk.dropcut import Dropcut

TEXTS = tomllib.loads(Path(__file__).with_name("alarms.toml").read_text(encoding="utf-8"))
RUNBOOK = "docs/runbook.md"
"""Has a section for each alarm, by its construct id."""
OLD_SECONDS = 1800
"""Work this old, with nothing done meanwhile, is stuck; with something done it is only a long queue."""
FEWEST_PHOTOS = 10
"""A share of fewer photos than this says nothing."""
LOGGED_ERRORS = (
    "[ERROR]",
    "Task timed out",
    "Runtime exited",
    "could not be handled",
    "held too long could not be ended",
    "back-fill cannot go on",
)
"""What Lambda writes into the log of a function that fails, and what the functions write when somebody is needed."""
CLOUDWATCH = "cloudwatch.amazonaws.com"
MINUTE, FIVE_MINUTES, QUARTER, HOUR = (Duration.minutes(minutes) for minutes in (1, 5, 15, 60))


class Monitoring(Construct):
    """The alarms, the topic they go to, and the dashboard."""

    def __init__(self, scope: Construct, construct_id: str, *, of: "Dropcut", command: str = "") -> None:
        """Watch a deployment.

        Args:
            command: the operator's command on this deployment with a verb in place of `{}`, for the alarms' texts.
        """
        super().__init__(scope, construct_id)
        props = of.props
        self._of, self._command = of, command
        self.alarms: list[cloudwatch.Alarm] = []
        self.topic = props.alarm_topic or self._alarm_topic(props.alarm_key)
        if props.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(props.alarm_email))
        for queue, stage in of.stages.items():
            letters = visible(stage.queues.dead_letter_queue, MINUTE)
            lost = "events that their receiver has not taken" if queue == "notify" else "photos without a result"
            self._alarm(f"DeadLetters{stage.node.id}", letters, text="DeadLetters", queue=queue, lost=lost)
        self._alarm("CredentialsExposed", of.metric("CredentialsExposed", FIVE_MINUTES))
        self._alarm("CreditsPerHour", of.metric("CreditsSpent", HOUR), above=props.alarm_credits_per_hour)
        self._alarm("SpendingPaused", of.metric("SpendingIsPaused", FIVE_MINUTES, statistic="Maximum"))
        if not props.for_embedded_aws:  # it has neither metric filters nor arithmetic
            self._alarm("Errors", self._logged_errors())
            self._alarm("WorkStuck", self._stuck_work(), minutes=OLD_SECONDS // 60)
            above = props.rejection_alarm_percent
            self._alarm("Rejections", self._rejections(), above=above, fewest=FEWEST_PHOTOS)
        self.dashboard = Dashboard(self, "Dashboard", of=of).dashboard
        self.outputs = {"AlarmTopicArn": self.topic.topic_arn, "DashboardName": f"{of.name}-{Aws.REGION}"}

    def _alarm_topic(self, key: kms.IKey | None) -> sns.Topic:
        """The topic, without a key unless one is given: under AWS's own key for SNS, no alarm would ever arrive."""
        topic = sns.Topic(self, "AlarmTopic", display_name="Dropcut alarms", master_key=key, enforce_ssl=True)
        ours = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        topic.add_to_resource_policy(allow("AlarmsMayPublish", ["sns:Publish"], [topic.topic_arn], ours, to=CLOUDWATCH))
        if key:  # in its policy, `*` is this key
            encrypt = ["kms:Decrypt", "kms:GenerateDataKey"]
            key.add_to_resource_policy(allow("AlarmsMayEncrypt", encrypt, ["*"], ours, to=CLOUDWATCH))
        return topic

    def _logged_errors(self) -> cloudwatch.IMetric:
        """Of all functions, by what they log: an alarm on each one's own errors would cost that many times.

        An error over one message is caught, so that it harms no other: a function's own errors do not count it.
        """
        name = f"Errors of {self._of.name}"  # a filter can give its metric no dimension of ours
        for each in self._of.pipeline.constructs:
            logs.MetricFilter(
                self,
                f"ErrorsOf{each.node.id}",
                log_group=each.confined.log_group,
                filter_pattern=logs.FilterPattern.any_term(*LOGGED_ERRORS),
                metric_namespace="Dropcut",
                metric_name=name,
            )
        return cloudwatch.Metric(namespace="Dropcut", metric_name=name, statistic="Sum", period=FIVE_MINUTES)

    def _stuck_work(self) -> cloudwatch.IMetric:
        """Not age alone: the cut queue is where work waits by design."""
        cut = self._of.queues["cut"]
        return cloudwatch.MathExpression(
            expression=f"IF(age > {OLD_SECONDS} AND FILL(done, 0) < 1, age, 0)",
            using_metrics={
                "age": cut.metric_approximate_age_of_oldest_message(statistic="Maximum", period=QUARTER),
                "done": cut.metric_number_of_messages_deleted(statistic="Sum", period=QUARTER),
            },
            label="age of the oldest picture while none is done with",
            period=QUARTER,
        )

    def _rejections(self) -> cloudwatch.IMetric:
        """The share of those that ended, whenever they came: photos behind a pause end in another hour."""
        ended = "FILL(delivered, 0) + rejected"
        counted = {"delivered": "PhotosDelivered", "rejected": "PhotosRejected"}
        return cloudwatch.MathExpression(
            expression=f"IF({ended} >= {FEWEST_PHOTOS}, 100 * rejected / ({ended}), 0)",
            using_metrics={name: self._of.metric(metric, HOUR) for name, metric in counted.items()},
            label="rejected, percent",
            period=HOUR,
        )

    def _alarm(
        self, construct_id: str, metric: cloudwatch.IMetric, *, above: float = 0, text: str = "", **said: object
    ) -> None:
        """An alarm that notifies the topic when it goes on and when it is over, with the text of its name.

        No data means no work, or none of the kind that the metric counts, so it is never a reason for an alarm.
        """
        written = TEXTS[text or construct_id]
        meaning, fix, *verbs = (
            each.format(above=above, **said) for each in (written["meaning"], written["fix"], *written["verbs"])
        )
        commands = ", ".join(f"`{self._command.format(verb)}`" for verb in verbs)
        description = f"{meaning}\n\nWhat to do: {fix}" + (f"\n\nCommands: {commands}" if self._command else "")
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=above,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{description}\n\nMore: {RUNBOOK}#{construct_id.lower()}",
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        self.alarms.append(alarm)
