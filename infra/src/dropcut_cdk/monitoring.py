"""What an operator is told unasked (alarms, by e-mail if wanted), and what they see when they look (one dashboard)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from dropcut_cdk.dashboard import Dashboard
from dropcut_cdk.gatekeeper import Gatekeeper
from dropcut_cdk.queues import visible
from dropcut_cdk.stage import Stage

if TYPE_CHECKING:
    from dropcut_cdk.dropcut import Dropcut

OLD_SECONDS = 1800
"""Work this old, with nothing paid for meanwhile, is stuck; with something paid for it is only a long queue."""
FEWEST_PHOTOS = 10
"""A share of fewer photos than this says nothing."""
POSSIBLY_PAID_CALLS = 5


class Monitoring(Construct):
    """The alarms, the topic they go to, and the dashboard."""

    def __init__(self, scope: Construct, construct_id: str, *, of: Dropcut, redrive_command: str = "") -> None:
        """Watch a deployment.

        Args:
            redrive_command: shows dead letters, and with ` --send` in place of `{}` sends them back, for the alarms.
        """
        super().__init__(scope, construct_id)
        props, pipeline = of.props, of.pipeline
        self._metrics = of.metrics
        self.alarms: list[cloudwatch.Alarm] = []
        self.topic = props.alarm_topic or self._alarm_topic(of.name)
        if props.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(props.alarm_email))
        for queue_name, stage in of.stages.items():
            self._alarm_on_dead_letters(queue_name, stage, redrive_command)
            self._alarm_on_function(stage)
        self._alarm_on_function(pipeline.gatekeeper)
        self._alarm_on_unexpected_errors()
        self._alarm_on_exposed_credentials()
        self._alarm_on_money(props.alarm_credits_per_hour)
        if not props.for_embedded_aws:
            self._alarm_on_stuck_work(pipeline.cut)
            self._alarm_on_rejections(props.rejection_alarm_percent)
        self.dashboard = Dashboard(self, "Dashboard", of=of).dashboard

    def _alarm_topic(self, name: str) -> sns.Topic:
        """The topic, under a key that CloudWatch may use: with AWS's own key for SNS, no alarm would ever arrive."""
        key = kms.Key(
            self,
            "AlarmKey",
            description=f"Dropcut ({name}): alarms on their way to the topic",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
            pending_window=Duration.days(7),
        )
        key.add_to_resource_policy(
            # In a key's policy, `*` is this key.
            self._for_our_alarms("AlarmsMayEncrypt", ["kms:Decrypt", "kms:GenerateDataKey"], "*")
        )
        topic = sns.Topic(self, "AlarmTopic", display_name="Dropcut alarms", master_key=key, enforce_ssl=True)
        topic.add_to_resource_policy(self._for_our_alarms("AlarmsMayPublish", ["sns:Publish"], topic.topic_arn))
        return topic

    def _for_our_alarms(self, sid: str, allowed: list[str], resource: str) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid=sid,
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=allowed,
            resources=[resource],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )

    def _alarm_on_dead_letters(self, queue_name: str, stage: Stage, redrive_command: str) -> None:
        lost = "events that their receiver has not taken" if queue_name == "notify" else "photos without a result"
        looking, sending = "A message's attribute `reason` says why.", ""
        if redrive_command:
            looking = f"`{redrive_command.format('')}` shows why; a message's attribute `reason` says it too."
            sending = f"with `{redrive_command.format(' --send')}`, or "
        self._alarm(
            f"DeadLetters{stage.node.id}",
            visible(stage.queues.dead_letter_queue, Duration.minutes(1)),
            above=0,
            meaning=f"Messages lie in the dead-letter queue of {queue_name}: {lost}.",
            fix=f"{looking} Fix the cause, then send them back {sending}with a redrive in the SQS console to the "
            "stage's own queue as a custom destination: nothing that was paid for is paid for again. They are lost "
            "after 14 days.",
        )

    def _alarm_on_function(self, stage: Stage | Gatekeeper) -> None:
        name = stage.node.id
        self._alarm(
            f"Errors{name}",
            stage.confined.function.metric_errors(period=Duration.minutes(5)),
            above=0,
            meaning=f"The function of {name.lower()} crashed, ran out of memory or ran out of time; its batch "
            "comes back by itself, and a cut-off paid call may be paid twice.",
            fix="Look for the word ERROR or `Task timed out` in its log group at that time (dashboard, last row). "
            "If it began with a deployment, deploy the commit before.",
        )
        self._alarm(
            f"Throttles{name}",
            stage.confined.function.metric_throttles(period=Duration.minutes(5)),
            above=0,
            of_the_last=(2, 3),
            meaning=f"AWS refused to run the function of {name.lower()} for lack of concurrency; nothing is lost, "
            "work waits.",
            fix="See Service Quotas, Lambda, concurrent executions: ask for more, or set max_concurrency lower so "
            "that other functions of the account leave enough.",
        )

    def _alarm_on_unexpected_errors(self) -> None:
        """A record's error is caught, so that it harms no other: the function's own errors do not count it."""
        self._alarm(
            "UnexpectedErrors",
            self._metrics.count("UnexpectedErrors", Duration.minutes(5)),
            above=0,
            of_the_last=(2, 3),
            meaning="Messages fail for a reason that the code does not know; each comes back, ever more rarely, and "
            "nothing is paid for twice.",
            fix="Look for `A message could not be handled` in the logs (dashboard, last row): a role, a bucket's or a "
            "key's policy that was changed, or AWS itself.",
        )

    def _alarm_on_exposed_credentials(self) -> None:
        self._alarm(
            "CredentialsExposed",
            self._metrics.count("CredentialsExposed", Duration.minutes(5)),
            above=0,
            meaning="A process that decodes photos could read the credentials of its function: neither `prctl` nor "
            "Landlock holds there. A photo that takes its decoder over could use them.",
            fix="`dropcut sandbox-probe` shows which layers hold. If the photos come from "
            "strangers, set refuse_exposed=true until it is settled: photos then wait.",
        )

    def _alarm_on_money(self, credits_per_hour: float) -> None:
        count = self._metrics.count
        self._alarm(
            "CreditsPerHour",
            count("CreditsSpent", Duration.hours(1)),
            above=credits_per_hour,
            meaning=f"More than {credits_per_hour:g} credits were spent in an hour (alarm_credits_per_hour). Every "
            "object in the input bucket costs money, whoever puts it there.",
            fix="If these photos are expected, raise alarm_credits_per_hour. If they are not, take the right to upload "
            "away from whoever sent them, and set daily_credit_limit: at the limit photos wait, and none is lost.",
        )
        self._alarm(
            "SpendingPaused",
            self._metrics.gauge("SpendingIsPaused", Duration.minutes(5)),
            above=0,
            meaning="Spending has paused: the API refuses the account (key, credits, route), or the daily credit "
            "limit is reached, or the API is down. Photos wait, up to 14 days, and go on by themselves.",
            fix="The event `Spending Paused` and the log of cut say which. Top up, put a new key into the secret, or "
            "raise daily_credit_limit.",
        )
        self._alarm(
            "PossiblyPaidCalls",
            count("PossiblyPaidCalls", Duration.hours(1)),
            above=POSSIBLY_PAID_CALLS - 1,
            meaning=f"At least {POSSIBLY_PAID_CALLS} calls in an hour ended without an answer (timed out, broke off) "
            "and may have been charged; each is made again.",
            fix="Compare the credits in the provider's account with the dashboard's. If the API is slow, raise "
            "api_timeout_seconds; if it is down, wait.",
        )

    def _alarm_on_stuck_work(self, cut: Stage) -> None:
        """Not on age alone: the cut queue is where work waits by design."""
        period = Duration.minutes(15)
        age = cut.queues.queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=period)
        self._alarm(
            "WorkStuck",
            cloudwatch.MathExpression(
                expression=f"IF(age > {OLD_SECONDS} AND FILL(paid, 0) + FILL(reused, 0) < 1, age, 0)",
                using_metrics={
                    "age": age,
                    "paid": self._metrics.count("PicturesPaid", period),
                    "reused": self._metrics.count("AnswersReused", period),
                },
                label="age of the oldest picture while nothing is paid for",
                period=period,
            ),
            above=0,
            meaning=f"Pictures wait in the cut queue for over {OLD_SECONDS // 60} minutes, and for 15 minutes none "
            "was paid for: the pipeline stands still.",
            fix="See whether the cut function runs (dashboard, API row), whether its event source is enabled "
            "(Lambda console, cut, triggers), and what its log says; `Spending Paused` names an account problem.",
        )

    def _alarm_on_rejections(self, percent: int) -> None:
        period = Duration.hours(1)
        self._alarm(
            "Rejections",
            cloudwatch.MathExpression(
                # Of those that ended, whenever they came: photos that waited behind a pause end in another hour.
                expression=f"IF(FILL(delivered, 0) + FILL(failed, 0) + rejected >= {FEWEST_PHOTOS}, "
                "100 * rejected / (FILL(delivered, 0) + FILL(failed, 0) + rejected), 0)",
                using_metrics={
                    "delivered": self._metrics.count("PhotosDelivered", period),
                    "failed": self._metrics.count("PhotosFailed", period),
                    "rejected": self._metrics.count("PhotosRejected", period),
                },
                label="rejected, percent",
                period=period,
            ),
            above=percent,
            meaning=f"More than {percent} % of the photos that ended in an hour were rejected (of at least "
            f"{FEWEST_PHOTOS}); nothing was paid for those that did not fit, and each has the tag dropcut=rejected.",
            fix="The events `Cutout Rejected` carry the reason. One reason for all: somebody uploads the wrong "
            "thing, or the API changed its rules.",
        )

    def _alarm(
        self,
        construct_id: str,
        metric: cloudwatch.IMetric,
        *,
        above: float,
        meaning: str,
        fix: str,
        of_the_last: tuple[int, int] = (1, 1),
    ) -> None:
        """An alarm that tells the topic when it goes on and when it is over.

        No data means no work, or none of the kind that the metric counts, so it is never a reason for an alarm.
        """
        datapoints, periods = of_the_last
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=above,
            evaluation_periods=periods,
            datapoints_to_alarm=datapoints,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{meaning}\n\nWhat to do: {fix}",
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        self.alarms.append(alarm)
