"""The alarms that an operator receives (by e-mail if wanted), and the dashboard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from dropcut_cdk.confined_function import Stage
from dropcut_cdk.dashboard import Dashboard
from dropcut_cdk.feeder import Feeder
from dropcut_cdk.gatekeeper import Gatekeeper
from dropcut_cdk.queues import visible

if TYPE_CHECKING:
    from dropcut_cdk.dropcut import Dropcut

OLD_SECONDS = 1800
"""Work this old, with nothing done meanwhile, is stuck; with something done it is only a long queue."""
FEWEST_PHOTOS = 10
"""A share of fewer photos than this says nothing."""
RUNBOOK = "docs/runbook.md"
"""Has a section for each alarm, by its construct id."""
LOGGED_ERRORS = (
    "[ERROR]",
    "Task timed out",
    "Runtime exited",
    "could not be handled",
    "held too long could not be ended",
    "back-fill cannot go on",
)
"""What Lambda writes into the log of a function that fails, and what the functions write when somebody is needed."""


class Monitoring(Construct):
    """The alarms, the topic they go to, and the dashboard."""

    def __init__(self, scope: Construct, construct_id: str, *, of: Dropcut, command: str = "") -> None:
        """Watch a deployment.

        Args:
            command: the operator's command on this deployment with a verb in place of `{}`, for the alarms' texts.
        """
        super().__init__(scope, construct_id)
        props, pipeline = of.props, of.pipeline
        self._metric, self._command = of.metric, command
        self.alarms: list[cloudwatch.Alarm] = []
        self.topic = props.alarm_topic or self._alarm_topic(props.alarm_key)
        if props.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(props.alarm_email))
        for queue_name, stage in of.stages.items():
            self._alarm_on_dead_letters(queue_name, stage)
        self._alarm_on_exposed_credentials()
        self._alarm_on_money(props.alarm_credits_per_hour)
        if not props.for_embedded_aws:  # it has neither metric filters nor arithmetic
            self._alarm_on_errors(of.name, [*of.stages.values(), pipeline.gatekeeper, pipeline.feeder])
            self._alarm_on_stuck_work(pipeline.cut)
            self._alarm_on_rejections(props.rejection_alarm_percent)
        self.dashboard = Dashboard(self, "Dashboard", of=of).dashboard
        self.outputs = {"AlarmTopicArn": self.topic.topic_arn, "DashboardName": f"{of.name}-{Aws.REGION}"}

    def _alarm_topic(self, key: kms.IKey | None) -> sns.Topic:
        """The topic, without a key unless one is given: under AWS's own key for SNS, no alarm would ever arrive."""
        topic = sns.Topic(self, "AlarmTopic", display_name="Dropcut alarms", master_key=key, enforce_ssl=True)
        topic.add_to_resource_policy(self._for_our_alarms("AlarmsMayPublish", ["sns:Publish"], topic.topic_arn))
        if key:
            key.add_to_resource_policy(
                # In a key's policy, `*` is this key.
                self._for_our_alarms("AlarmsMayEncrypt", ["kms:Decrypt", "kms:GenerateDataKey"], "*")
            )
        return topic

    def _for_our_alarms(self, sid: str, allowed: list[str], resource: str) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid=sid,
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=allowed,
            resources=[resource],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )

    def _alarm_on_dead_letters(self, queue_name: str, stage: Stage) -> None:
        lost = "events that their receiver has not taken" if queue_name == "notify" else "photos without a result"
        self._alarm(
            f"DeadLetters{stage.node.id}",
            visible(stage.queues.dead_letter_queue, Duration.minutes(1)),
            above=0,
            meaning=f"Messages lie in the dead-letter queue of {queue_name}: {lost}.",
            fix="A message's attribute `reason` says why. Fix the cause, then send them back with the command. A "
            "redrive in the SQS console does the same: the stage's own queue is its custom destination. Nothing that "
            "was paid for is paid for again. They are lost after 14 days.",
            verbs=(f"failures --queue {queue_name}", f"redrive --queue {queue_name} --send"),
        )

    def _alarm_on_errors(self, name: str, stages: Iterable[Stage | Gatekeeper | Feeder]) -> None:
        """One for all functions, by what they log: an alarm on each one's own errors would cost that many times.

        An error over one message is caught, so that it harms no other: a function's own errors do not count it.
        """
        errors = f"Errors of {name}"  # a filter can give its metric no dimension of ours
        for stage in stages:
            logs.MetricFilter(
                self,
                f"ErrorsOf{stage.node.id}",
                log_group=stage.confined.log_group,
                filter_pattern=logs.FilterPattern.any_term(*LOGGED_ERRORS),
                metric_namespace="Dropcut",
                metric_name=errors,
            )
        self._alarm(
            "Errors",
            cloudwatch.Metric(namespace="Dropcut", metric_name=errors, statistic="Sum", period=Duration.minutes(5)),
            above=0,
            meaning="A function crashed, ran out of memory or of time, or met an error that its code does not know. "
            "Messages come back by themselves; a cut-off paid call may be paid twice. Or a back-fill cannot read its "
            "bucket or list.",
            fix="See the dashboard's last row, and there the log with these errors. If it began with a deployment, "
            "deploy the commit before. Otherwise it is a role, a bucket's or a key's policy that was changed, or AWS.",
            verbs=("doctor", "logs KEY", "backfill list"),
        )

    def _alarm_on_exposed_credentials(self) -> None:
        self._alarm(
            "CredentialsExposed",
            self._metric("CredentialsExposed", Duration.minutes(5)),
            above=0,
            meaning="A process that decodes photos could read the credentials of its function: neither `prctl` nor "
            "Landlock holds there. A photo that takes its decoder over could use them.",
            fix="See which layers hold. If the photos come from strangers, set refuse_exposed=true until that is "
            "settled: photos then wait.",
            verbs=("sandbox-probe",),
        )

    def _alarm_on_money(self, credits_per_hour: float) -> None:
        count = self._metric
        self._alarm(
            "CreditsPerHour",
            count("CreditsSpent", Duration.hours(1)),
            above=credits_per_hour,
            meaning=f"More than {credits_per_hour:g} credits were spent in an hour (alarm_credits_per_hour). Every "
            "object in the input bucket costs money, whoever puts it there.",
            fix="If these photos are expected, raise alarm_credits_per_hour. If not, take the right to upload away "
            "from whoever sent them, and set daily_credit_limit. At the limit photos wait, and none is lost.",
            verbs=("status", "pause --reason '...'"),
        )
        self._alarm(
            "SpendingPaused",
            count("SpendingIsPaused", Duration.minutes(5), statistic="Maximum"),
            above=0,
            meaning="Spending has paused: the API refuses the account (key, credits, route), or the daily credit "
            "limit is reached, or the API is down. Photos wait, up to 14 days, and go on by themselves.",
            fix="The event `Spending Paused` and the log of cut say which. Top up, put a new key into the secret, or "
            "raise daily_credit_limit.",
            verbs=("status", "set-key", "resume"),
        )

    def _alarm_on_stuck_work(self, cut: Stage) -> None:
        """Not on age alone: the cut queue is where work waits by design."""
        period = Duration.minutes(15)
        age = cut.queues.queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=period)
        self._alarm(
            "WorkStuck",
            cloudwatch.MathExpression(
                expression=f"IF(age > {OLD_SECONDS} AND FILL(done, 0) < 1, age, 0)",
                using_metrics={
                    "age": age,
                    "done": cut.queues.queue.metric_number_of_messages_deleted(statistic="Sum", period=period),
                },
                label="age of the oldest picture while none is done with",
                period=period,
            ),
            above=0,
            meaning=f"Pictures wait in the cut queue for over {OLD_SECONDS // 60} minutes, and for 15 minutes none "
            "was done with: the pipeline stands still.",
            fix="See whether the cut function runs and is not throttled (dashboard), and whether its event source is "
            "enabled (Lambda console, cut, triggers). Read its log: `Spending Paused` names an account problem. Where "
            "AWS throttles, ask for more concurrent executions or set max_concurrency lower.",
            verbs=("doctor", "status"),
        )

    def _alarm_on_rejections(self, percent: int) -> None:
        period = Duration.hours(1)
        self._alarm(
            "Rejections",
            cloudwatch.MathExpression(
                # Of those that ended, whenever they came: photos that waited behind a pause end in another hour.
                expression=f"IF(FILL(delivered, 0) + rejected >= {FEWEST_PHOTOS}, "
                "100 * rejected / (FILL(delivered, 0) + rejected), 0)",
                using_metrics={
                    "delivered": self._metric("PhotosDelivered", period),
                    "rejected": self._metric("PhotosRejected", period),
                },
                label="rejected, percent",
                period=period,
            ),
            above=percent,
            meaning=f"More than {percent} % of an hour's delivered and rejected photos were rejected (of at least "
            f"{FEWEST_PHOTOS}). Nothing was paid for those that did not fit, and each has the tag dropcut=rejected.",
            fix="The events `Cutout Rejected` carry the reason. One reason for all: somebody uploads the wrong "
            "thing, or the API changed its rules.",
            verbs=("failures --rejected", "redrive --rejected --send"),
        )

    def _alarm(
        self,
        construct_id: str,
        metric: cloudwatch.IMetric,
        *,
        above: float,
        meaning: str,
        fix: str,
        verbs: tuple[str, ...],
    ) -> None:
        """An alarm that notifies the topic when it goes on and when it is over.

        No data means no work, or none of the kind that the metric counts, so it is never a reason for an alarm.
        """
        commands = ", ".join(f"`{self._command.format(verb)}`" for verb in verbs)
        text = f"{meaning}\n\nWhat to do: {fix}" + (f"\n\nCommands: {commands}" if self._command else "")
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=above,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{text}\n\nMore: {RUNBOOK}#{construct_id.lower()}",
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        self.alarms.append(alarm)
