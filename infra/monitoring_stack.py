"""What an operator is told unasked (alarms, by e-mail if wanted), and what they see when they look (one dashboard)."""

from __future__ import annotations

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.dashboard import Dashboard
from infra.gatekeeper import Gatekeeper
from infra.metrics import Metrics
from infra.pipeline_stack import PipelineStack
from infra.settings import Settings
from infra.stage import Stage

OLD_SECONDS = 1800
"""Work this old, with nothing paid for meanwhile, is stuck; with something paid for it is only a long queue."""
FEWEST_PHOTOS = 10
"""A share of fewer photos than this says nothing."""
POSSIBLY_PAID_CALLS = 5


class MonitoringStack(Stack):
    """The alarms, the topic they go to, and the dashboard."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, pipeline: PipelineStack) -> None:
        super().__init__(scope, construct_id, description=f"Dropcut ({settings.stage}): alarms and dashboard")
        self._stage = settings.stage
        self._metrics = Metrics(service=pipeline.service)
        self._topic = self._alarm_topic(settings.alarm_email)
        stages = {"intake": pipeline.prepare, "cut": pipeline.cut, "deliver": pipeline.deliver}
        for queue_name, stage in stages.items():
            self._alarm_on_dead_letters(queue_name, stage)
            self._alarm_on_function(stage)
        self._alarm_on_function(pipeline.gatekeeper)
        self._alarm_on_unexpected_errors()
        self._alarm_on_exposed_credentials()
        self._alarm_on_money(settings.alarm_credits_per_hour)
        if not settings.for_embedded_aws:
            self._alarm_on_stuck_work(pipeline.cut)
            self._alarm_on_rejections(settings.rejection_alarm_percent)
        name = f"dropcut-{settings.stage}"
        Dashboard(self, "Dashboard", name=name, settings=settings, pipeline=pipeline, metrics=self._metrics)

        CfnOutput(self, "AlarmTopicArn", value=self._topic.topic_arn)
        CfnOutput(self, "DashboardName", value=name)

    def _alarm_topic(self, email: str) -> sns.Topic:
        """The topic, under a key that CloudWatch may use: with AWS's own key for SNS, no alarm would ever arrive."""
        key = kms.Key(
            self,
            "AlarmKey",
            description=f"Dropcut ({self._stage}): alarms on their way to the topic",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
            pending_window=Duration.days(7),
        )
        key.add_to_resource_policy(
            self._for_our_alarms(
                "AlarmsMayEncrypt",
                ["kms:Decrypt", "kms:GenerateDataKey"],
                "*",  # in a key's policy: this key
            )
        )
        topic = sns.Topic(self, "AlarmTopic", display_name="Dropcut alarms", master_key=key, enforce_ssl=True)
        topic.add_to_resource_policy(self._for_our_alarms("AlarmsMayPublish", ["sns:Publish"], topic.topic_arn))
        if email:
            topic.add_subscription(subscriptions.EmailSubscription(email))
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
        # Not the number sent there: that does not count what SQS moves by itself.
        self._alarm(
            f"DeadLetters{stage.node.id}",
            stage.dead_letter_queue.metric_approximate_number_of_messages_visible(
                statistic="Maximum", period=Duration.minutes(1)
            ),
            above=0,
            meaning=f"Messages lie in the dead-letter queue of {queue_name}: photos without a result.",
            fix=f"`dropcut failures --stage {self._stage}` shows why; a message's attribute `reason` says it too. "
            f"Fix the cause, then send them back with `dropcut redrive --stage {self._stage} --send`, or with a "
            "redrive in the SQS console to the stage's own queue as a custom destination: nothing that was paid for is "
            "paid for again. They are lost after 14 days.",
        )

    def _alarm_on_function(self, stage: Stage | Gatekeeper) -> None:
        name = stage.node.id
        self._alarm(
            f"Errors{name}",
            stage.function.metric_errors(period=Duration.minutes(5)),
            above=0,
            meaning=f"The function of {name.lower()} crashed, ran out of memory or ran out of time; its batch "
            "comes back by itself, and a cut-off paid call may be paid twice.",
            fix="Look for the word ERROR or `Task timed out` in its log group at that time (dashboard, last row). "
            "If it began with a deployment, deploy the commit before.",
        )
        self._alarm(
            f"Throttles{name}",
            stage.function.metric_throttles(period=Duration.minutes(5)),
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
            fix=f"`dropcut sandbox-probe --stage {self._stage}` shows which layers hold. If the photos come from "
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
        age = cut.queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=period)
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
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        alarm.add_ok_action(actions.SnsAction(self._topic))
