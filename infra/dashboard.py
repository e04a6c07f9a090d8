"""The one dashboard: how many came, waited, were paid for, arrived, were refused, and what it cost."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.metrics import Metrics
from infra.pipeline_stack import PipelineStack
from infra.settings import Settings
from infra.stage import Stage

_MINUTE = Duration.minutes(1)
_HOW_TO_READ = """\
**{name}** · The first row adds up the time chosen above right: *came* = delivered + rejected + skipped + failed +
still on the way. **Failed** or **dead letters** above 0 need somebody: the alarm's description says what to do. A long
queue is fine while *paid* rises; *time to drain* says how long it takes. Limit: {requests} requests in {seconds:g} s.
"""


class Dashboard(Construct):
    """Rows from the whole to the detail: totals, flow and backlog, the API and its cost, the functions."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        settings: Settings,
        pipeline: PipelineStack,
        metrics: Metrics,
    ) -> None:
        super().__init__(scope, construct_id)
        self._metrics = metrics
        self._stages = {"prepare": pipeline.prepare, "cut": pipeline.cut, "deliver": pipeline.deliver}
        self._limit_per_second = settings.rate_limit_requests / settings.rate_limit_seconds
        self._credits_per_image = settings.credits_per_image
        text = _HOW_TO_READ.format(
            name=name, requests=settings.rate_limit_requests, seconds=settings.rate_limit_seconds
        )
        cloudwatch.Dashboard(
            self,
            "Resource",
            dashboard_name=name,
            default_interval=Duration.hours(3),
            widgets=[
                [cloudwatch.TextWidget(markdown=text, width=24, height=2)],
                [self._totals(), self._now()],
                [self._flow(), self._backlog(), self._time_to_drain()],
                [self._cost(), self._api_time(), self._api_trouble()],
                [self._way(), self._function_errors(), self._dead_letters()],
                [self._doubtful()],
                [self._logs()],
            ],
        )

    def _totals(self) -> cloudwatch.IWidget:
        shown = {
            "PhotosReceived": "came",
            "PhotosDelivered": "delivered",
            "PhotosRejected": "rejected",
            "PhotosSkipped": "skipped",
            "PhotosFailed": "failed",
            "PicturesPaid": "paid",
            "AnswersReused": "paid before",
            "CreditsSpent": "credits",
        }
        return cloudwatch.SingleValueWidget(
            title="In the time chosen",
            metrics=self._counts(shown),
            set_period_to_time_range=True,
            full_precision=True,
            width=16,
            height=4,
        )

    def _now(self) -> cloudwatch.IWidget:
        cut = self._stages["cut"]
        return cloudwatch.SingleValueWidget(
            title="Now",
            metrics=[
                _visible(cut, "waiting for the API"),
                cut.queue.metric_approximate_number_of_messages_not_visible(
                    label="at the API, or deferred", period=_MINUTE, statistic="Maximum"
                ),
                self._dead_letter_sum(),
            ],
            width=8,
            height=4,
        )

    def _flow(self) -> cloudwatch.IWidget:
        shown = {
            "PhotosReceived": "came",
            "PicturesPaid": "paid",
            "PhotosDelivered": "delivered",
            "PhotosRejected": "rejected",
            "PhotosSkipped": "skipped",
            "PhotosFailed": "failed",
        }
        return _graph("Photos per minute", self._counts(shown))

    def _backlog(self) -> cloudwatch.IWidget:
        waiting = [_visible(stage, name) for name, stage in self._stages.items()]
        age = self._stages["cut"].queue.metric_approximate_age_of_oldest_message(
            label="oldest picture (s)", period=_MINUTE, statistic="Maximum"
        )
        return _graph("Waiting, by stage", waiting, right=[age])

    def _time_to_drain(self) -> cloudwatch.IWidget:
        """How long the backlog takes at the pace of the last five minutes, and at best, by the API's limit."""
        minutes = Duration.minutes(5)
        waiting = self._stages["cut"].queue.metric_approximate_number_of_messages_visible(
            period=minutes, statistic="Maximum"
        )
        paid = self._metrics.count("PicturesPaid", minutes)
        at_this_pace = cloudwatch.MathExpression(
            expression="IF(FILL(paid, 0) > 0, waiting / paid * 5, 0)",
            using_metrics={"waiting": waiting, "paid": paid},
            label="at the present pace (minutes)",
            period=minutes,
        )
        at_best = cloudwatch.MathExpression(
            expression=f"waiting / {self._limit_per_second * 60:g}",
            using_metrics={"waiting": waiting},
            label="at the API's limit (minutes)",
            period=minutes,
        )
        return _graph("Time to drain", [at_this_pace, at_best])

    def _cost(self) -> cloudwatch.IWidget:
        hour = Duration.hours(1)
        spent = self._metrics.count("CreditsSpent", hour, label="credits spent per hour")
        reused = cloudwatch.MathExpression(
            expression=f"reused * {self._credits_per_image:g}",
            using_metrics={"reused": self._metrics.count("AnswersReused", hour)},
            label="credits saved: paid before",
            period=hour,
        )
        unsure = self._metrics.count("PossiblyPaidCalls", hour, label="calls possibly paid in vain")
        return _graph("What it costs", [spent, reused], right=[unsure])

    def _api_time(self) -> cloudwatch.IWidget:
        def of(statistic: str) -> cloudwatch.Metric:
            return self._metrics.statistic("ApiMilliseconds", statistic, label=statistic)

        calls = self._metrics.count("ApiCalls", _MINUTE, label="calls")
        return _graph("The API's time (ms), and calls per minute", [of("p50"), of("p95"), of("Maximum")], right=[calls])

    def _api_trouble(self) -> cloudwatch.IWidget:
        shown = {
            "ApiRetries": "calls to be repeated",
            "CallsDeferred": "deferred",
            "SpendingPauses": "pauses",
            "CutoutsNotFullSize": "cut-outs not at full size",
        }
        return _graph("Trouble with the API, and smaller cut-outs, per minute", self._counts(shown))

    def _way(self) -> cloudwatch.IWidget:
        seconds = [
            self._metrics.statistic("SecondsToDelivery", statistic, label=statistic)
            for statistic in ("p50", "p95", "Maximum")
        ]
        return _graph("From upload to output (s)", seconds)

    def _doubtful(self) -> cloudwatch.IWidget:
        """Of the cut-outs that were judged: each counts 0 or 1, so the average is the share."""
        hour = Duration.hours(1)
        share = cloudwatch.MathExpression(
            expression="100 * doubtful",
            using_metrics={"doubtful": self._metrics.statistic("CutoutsDoubtful", "Average", period=hour)},
            label="doubtful, percent of the cut-outs",
            period=hour,
        )
        held = self._metrics.count("CutoutsHeld", hour, label="held per hour")
        return _graph("Doubtful cut-outs", [share], right=[held])

    def _function_errors(self) -> cloudwatch.IWidget:
        errors = [s.function.metric_errors(label=n, period=_MINUTE) for n, s in self._stages.items()]
        throttles = [
            s.function.metric_throttles(label=f"{n}, throttled", period=_MINUTE) for n, s in self._stages.items()
        ]
        return _graph("Functions: errors, and throttled", errors, right=throttles)

    def _dead_letters(self) -> cloudwatch.IWidget:
        letters = [
            stage.dead_letter_queue.metric_approximate_number_of_messages_visible(
                label=name, period=_MINUTE, statistic="Maximum"
            )
            for name, stage in self._stages.items()
        ]
        return _graph("Dead letters", letters)

    def _dead_letter_sum(self) -> cloudwatch.IMetric:
        letters = {
            name: stage.dead_letter_queue.metric_approximate_number_of_messages_visible(
                period=_MINUTE, statistic="Maximum"
            )
            for name, stage in self._stages.items()
        }
        filled = " + ".join(f"FILL({name}, 0)" for name in letters)
        return cloudwatch.MathExpression(expression=filled, using_metrics=letters, label="dead letters", period=_MINUTE)

    def _logs(self) -> cloudwatch.IWidget:
        return cloudwatch.LogQueryWidget(
            title="What went wrong last",
            log_group_names=[stage.log_group.log_group_name for stage in self._stages.values()],
            query_lines=[
                "fields @timestamp, level, service, message, reason, correlation_id, key",
                'filter level in ["ERROR", "CRITICAL"] or @message like /Task timed out|Runtime exited/',
                "sort @timestamp desc",
                "limit 20",
            ],
            width=24,
            height=6,
        )

    def _counts(self, shown: dict[str, str]) -> list[cloudwatch.IMetric]:
        return [self._metrics.count(name, _MINUTE, label=label) for name, label in shown.items()]


def _visible(stage: Stage, label: str) -> cloudwatch.Metric:
    return stage.queue.metric_approximate_number_of_messages_visible(label=label, period=_MINUTE, statistic="Maximum")


def _graph(
    title: str, left: Sequence[cloudwatch.IMetric], *, right: Sequence[cloudwatch.IMetric] = ()
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        right_y_axis=cloudwatch.YAxisProps(min=0, show_units=False) if right else None,
        width=8,
        height=6,
    )
