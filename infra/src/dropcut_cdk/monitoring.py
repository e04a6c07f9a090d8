"""The alarms that an operator receives (by e-mail if wanted), and the dashboard."""

from collections.abc import Iterator
from dataclasses import dataclass
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

from dropcut_cdk.dashboard import Dashboard
from dropcut_cdk.queues import visible

if TYPE_CHECKING:
    from dropcut_cdk.dropcut import Dropcut

OLD_SECONDS = 1800
"""Work this old, with nothing done meanwhile, is stuck; with something done it is only a long queue."""
FEWEST_PHOTOS = 10
"""A share of fewer photos than this says nothing."""
RUNBOOK = "docs/runbook.md"
"""Has a section for each alarm, by its name."""
LOGGED_ERRORS = (
    "[ERROR]",
    "Task timed out",
    "Runtime exited",
    "could not be handled",
    "held too long could not be ended",
    "back-fill cannot go on",
)
"""What Lambda writes into the log of a function that fails, and what the functions write when somebody is needed."""
FIVE_MINUTES, QUARTER, HOUR = Duration.minutes(5), Duration.minutes(15), Duration.hours(1)


@dataclass(frozen=True, kw_only=True)
class Alarm:
    name: str
    metric: cloudwatch.IMetric
    above: float = 0
    meaning: str
    fix: str
    verbs: tuple[str, ...]
    """Of the operator's command: those that show more, or fix it."""


class Monitoring(Construct):
    """The alarms, the topic they go to, and the dashboard."""

    def __init__(self, scope: Construct, construct_id: str, *, of: "Dropcut", command: str = "") -> None:
        """Watch a deployment.

        Args:
            command: the operator's command on this deployment with a verb in place of `{}`, for the alarms' texts.
        """
        super().__init__(scope, construct_id)
        props = of.props
        self.topic = props.alarm_topic or self._alarm_topic(props.alarm_key)
        if props.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(props.alarm_email))
        rows = [*_on_dead_letters(of), *_on_photos_and_money(of)]
        if not props.for_embedded_aws:  # it has neither metric filters nor arithmetic
            rows += [self._on_errors(of), *_on_shares(of)]
        self.alarms = [self._alarm(row, command) for row in rows]
        self.dashboard = Dashboard(self, "Dashboard", of=of).dashboard
        self.outputs = {"AlarmTopicArn": self.topic.topic_arn, "DashboardName": f"{of.name}-{Aws.REGION}"}

    def _alarm_topic(self, key: kms.IKey | None) -> sns.Topic:
        """The topic, without a key unless one is given: under AWS's own key for SNS, no alarm would ever arrive."""
        topic = sns.Topic(self, "AlarmTopic", display_name="Dropcut alarms", master_key=key, enforce_ssl=True)
        topic.add_to_resource_policy(_for_our_alarms("AlarmsMayPublish", ["sns:Publish"], topic.topic_arn))
        if key:  # in its policy, `*` is this key
            key.add_to_resource_policy(_for_our_alarms("AlarmsMayEncrypt", ["kms:Decrypt", "kms:GenerateDataKey"], "*"))
        return topic

    def _on_errors(self, of: "Dropcut") -> Alarm:
        """One for all functions, by what they log: an alarm on each one's own errors would cost that many times.

        An error over one message is caught, so that it harms no other: a function's own errors do not count it.
        """
        errors = f"Errors of {of.name}"  # a filter can give its metric no dimension of ours
        for each in of.pipeline.constructs:
            logs.MetricFilter(
                self,
                f"ErrorsOf{each.node.id}",
                log_group=each.confined.log_group,
                filter_pattern=logs.FilterPattern.any_term(*LOGGED_ERRORS),
                metric_namespace="Dropcut",
                metric_name=errors,
            )
        return Alarm(
            name="Errors",
            metric=cloudwatch.Metric(namespace="Dropcut", metric_name=errors, statistic="Sum", period=FIVE_MINUTES),
            meaning="A function crashed, ran out of memory or of time, or met an error that its code does not know. "
            "Messages come back by themselves; a cut-off paid call may be paid twice. Or a back-fill cannot read its "
            "bucket or list.",
            fix="See the dashboard's last row, and there the log with these errors. If it began with a deployment, "
            "deploy the commit before. Otherwise it is a role, a bucket's or a key's policy that was changed, or AWS.",
            verbs=("doctor", "logs KEY", "backfill list"),
        )

    def _alarm(self, row: Alarm, command: str) -> cloudwatch.Alarm:
        """An alarm that notifies the topic when it goes on and when it is over.

        No data means no work, or none of the kind that the metric counts, so it is never a reason for an alarm.
        """
        commands = ", ".join(f"`{command.format(verb)}`" for verb in row.verbs)
        text = f"{row.meaning}\n\nWhat to do: {row.fix}" + (f"\n\nCommands: {commands}" if command else "")
        alarm = cloudwatch.Alarm(
            self,
            row.name,
            metric=row.metric,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=row.above,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{text}\n\nMore: {RUNBOOK}#{row.name.lower()}",
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        return alarm


def _for_our_alarms(sid: str, allowed: list[str], resource: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
        actions=allowed,
        resources=[resource],
        conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
    )


def _on_dead_letters(of: "Dropcut") -> Iterator[Alarm]:
    for queue, stage in of.stages.items():
        lost = "events that their receiver has not taken" if queue == "notify" else "photos without a result"
        yield Alarm(
            name=f"DeadLetters{stage.node.id}",
            metric=visible(stage.queues.dead_letter_queue, Duration.minutes(1)),
            meaning=f"Messages lie in the dead-letter queue of {queue}: {lost}.",
            fix="A message's attribute `reason` says why. Fix the cause, then send them back with the command. A "
            "redrive in the SQS console does the same: the stage's own queue is its custom destination. Nothing that "
            "was paid for is paid for again. They are lost after 14 days.",
            verbs=(f"failures --queue {queue}", f"redrive --queue {queue} --send"),
        )


def _on_photos_and_money(of: "Dropcut") -> Iterator[Alarm]:
    yield Alarm(
        name="CredentialsExposed",
        metric=of.metric("CredentialsExposed", FIVE_MINUTES),
        meaning="A process that decodes photos could read the credentials of its function: neither `prctl` nor "
        "Landlock holds there. A photo that takes its decoder over could use them.",
        fix="See which layers hold. If the photos come from strangers, set refuse_exposed=true until that is "
        "settled: photos then wait.",
        verbs=("sandbox-probe",),
    )
    most = of.props.alarm_credits_per_hour
    yield Alarm(
        name="CreditsPerHour",
        metric=of.metric("CreditsSpent", HOUR),
        above=most,
        meaning=f"More than {most:g} credits were spent in an hour (alarm_credits_per_hour). Every object in the input "
        "bucket costs money, whoever puts it there.",
        fix="If these photos are expected, raise alarm_credits_per_hour. If not, take the right to upload away "
        "from whoever sent them, and set daily_credit_limit. At the limit photos wait, and none is lost.",
        verbs=("status", "pause --reason '...'"),
    )
    yield Alarm(
        name="SpendingPaused",
        metric=of.metric("SpendingIsPaused", FIVE_MINUTES, statistic="Maximum"),
        meaning="Spending has paused: the API refuses the account (key, credits, route), or the daily credit "
        "limit is reached, or the API is down. Photos wait, up to 14 days, and go on by themselves.",
        fix="The event `Spending Paused` and the log of cut say which. Top up, put a new key into the secret, or "
        "raise daily_credit_limit.",
        verbs=("status", "set-key", "resume"),
    )


def _on_shares(of: "Dropcut") -> Iterator[Alarm]:
    """Not on age alone: the cut queue is where work waits by design. Nor on one photo: each may be rejected."""
    cut = of.queues["cut"]
    yield Alarm(
        name="WorkStuck",
        metric=cloudwatch.MathExpression(
            expression=f"IF(age > {OLD_SECONDS} AND FILL(done, 0) < 1, age, 0)",
            using_metrics={
                "age": cut.metric_approximate_age_of_oldest_message(statistic="Maximum", period=QUARTER),
                "done": cut.metric_number_of_messages_deleted(statistic="Sum", period=QUARTER),
            },
            label="age of the oldest picture while none is done with",
            period=QUARTER,
        ),
        meaning=f"Pictures wait in the cut queue for over {OLD_SECONDS // 60} minutes, and for 15 minutes none "
        "was done with: the pipeline stands still.",
        fix="See whether the cut function runs and is not throttled (dashboard), and whether its event source is "
        "enabled (Lambda console, cut, triggers). Read its log: `Spending Paused` names an account problem. Where "
        "AWS throttles, ask for more concurrent executions or set max_concurrency lower.",
        verbs=("doctor", "status"),
    )
    percent, ended = of.props.rejection_alarm_percent, "FILL(delivered, 0) + rejected"
    yield Alarm(
        name="Rejections",
        metric=cloudwatch.MathExpression(
            # Of those that ended, whenever they came: photos that waited behind a pause end in another hour.
            expression=f"IF({ended} >= {FEWEST_PHOTOS}, 100 * rejected / ({ended}), 0)",
            using_metrics={
                "delivered": of.metric("PhotosDelivered", HOUR),
                "rejected": of.metric("PhotosRejected", HOUR),
            },
            label="rejected, percent",
            period=HOUR,
        ),
        above=percent,
        meaning=f"More than {percent} % of an hour's delivered and rejected photos were rejected (of at least "
        f"{FEWEST_PHOTOS}). Nothing was paid for those that did not fit, and each has the tag dropcut=rejected.",
        fix="The events `Cutout Rejected` carry the reason. One reason for all: somebody uploads the wrong "
        "thing, or the API changed its rules.",
        verbs=("failures --rejected", "redrive --rejected --send"),
    )
