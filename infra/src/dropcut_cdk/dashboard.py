"""The one dashboard: how many came, waited, were paid for, arrived, were refused, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from dropcut_cdk.queues import visible

if TYPE_CHECKING:
    from dropcut_cdk.dropcut import Dropcut

_MINUTE, _FIVE_MINUTES, _HOUR = Duration.minutes(1), Duration.minutes(5), Duration.hours(1)
_HOW_TO_READ = """\
**{name}** · The first row adds up the time chosen above right: *came* = delivered + rejected + skipped + failed +
still on the way. **Failed** or **dead letters** above 0 need somebody: the alarm's description says what to do. A long
queue is fine while *paid* rises; *time to drain* says how long it takes. Limit: {requests} requests in {seconds:g} s.
"""
_ENDS = {
    "PhotosDelivered": "delivered",
    "PhotosRejected": "rejected",
    "PhotosSkipped": "skipped",
    "PhotosFailed": "failed",
}
_TOTALS = {"PhotosReceived": "came", **_ENDS, "PicturesPaid": "paid", "AnswersReused": "paid before",
           "CreditsSpent": "credits"}  # fmt: skip
_FLOW = {"PhotosReceived": "came", "PicturesPaid": "paid", **_ENDS}
_TROUBLE = {
    "ApiRetries": "calls to be repeated",
    "CallsDeferred": "deferred",
    "SpendingPauses": "pauses",
    "CutoutsNotFullSize": "cut-outs not at full size",
}
"""Metrics, and what they are called on the dashboard."""


class Dashboard(Construct):
    """Rows from the whole to the detail: totals, flow and backlog, the API and its cost, the functions."""

    def __init__(self, scope: Construct, construct_id: str, *, of: Dropcut) -> None:
        super().__init__(scope, construct_id)
        props = of.props
        self._of, self._metrics = of, of.metrics
        self._stages = {stage.node.id.lower(): stage for stage in of.stages.values()}
        self._letters = {name: stage.queues.dead_letter_queue for name, stage in self._stages.items()}
        text = _HOW_TO_READ.format(name=of.name, requests=props.rate_limit_requests, seconds=props.rate_limit_seconds)
        trouble = "Trouble with the API, and smaller cut-outs, per minute"
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Resource",
            # An account has one list of dashboards for all regions.
            dashboard_name=f"{of.name}-{Aws.REGION}",
            default_interval=Duration.hours(3),
            widgets=[
                [cloudwatch.TextWidget(markdown=text, width=24, height=2)],
                [self._totals(), self._now()],
                [_graph("Photos per minute", self._counts(_FLOW)), self._backlog(), self._time_to_drain()],
                [self._cost(), self._api_time(), _graph(trouble, self._counts(_TROUBLE))],
                [self._way(), self._function_errors(), self._dead_letters()],
                [self._doubtful()],
                [self._logs()],
            ],
        )

    def _totals(self) -> cloudwatch.IWidget:
        return cloudwatch.SingleValueWidget(
            title="In the time chosen",
            metrics=self._counts(_TOTALS),
            set_period_to_time_range=True,
            full_precision=True,
            width=16,
            height=4,
        )

    def _now(self) -> cloudwatch.IWidget:
        cut = self._stages["cut"].queues.queue
        at_work = cut.metric_approximate_number_of_messages_not_visible(
            label="at the API, or deferred", period=_MINUTE, statistic="Maximum"
        )
        letters = {name: visible(queue, _MINUTE) for name, queue in self._letters.items()}
        letters_sum = cloudwatch.MathExpression(
            expression=" + ".join(f"FILL({name}, 0)" for name in letters),
            using_metrics=letters,
            label="dead letters",
            period=_MINUTE,
        )
        metrics: list[cloudwatch.IMetric] = [visible(cut, _MINUTE, "waiting for the API"), at_work, letters_sum]
        return cloudwatch.SingleValueWidget(title="Now", metrics=metrics, width=8, height=4)

    def _backlog(self) -> cloudwatch.IWidget:
        waiting = [visible(stage.queues.queue, _MINUTE, name) for name, stage in self._stages.items()]
        age = self._stages["cut"].queues.queue.metric_approximate_age_of_oldest_message(
            label="oldest picture (s)", period=_MINUTE, statistic="Maximum"
        )
        return _graph("Waiting, by stage", waiting, right=[age])

    def _time_to_drain(self) -> cloudwatch.IWidget:
        """How long the backlog takes at the pace of the last five minutes, and at best, by the API's limit."""
        props = self._of.props
        waiting = visible(self._stages["cut"].queues.queue, _FIVE_MINUTES)
        at_this_pace = cloudwatch.MathExpression(
            expression="IF(FILL(paid, 0) > 0, waiting / paid * 5, 0)",
            using_metrics={"waiting": waiting, "paid": self._metrics.metric("PicturesPaid", _FIVE_MINUTES)},
            label="at the present pace (minutes)",
            period=_FIVE_MINUTES,
        )
        at_best = cloudwatch.MathExpression(
            expression=f"waiting / {props.rate_limit_requests / props.rate_limit_seconds * 60:g}",
            using_metrics={"waiting": waiting},
            label="at the API's limit (minutes)",
            period=_FIVE_MINUTES,
        )
        return _graph("Time to drain", [at_this_pace, at_best])

    def _cost(self) -> cloudwatch.IWidget:
        spent = self._metrics.metric("CreditsSpent", _HOUR, label="credits spent per hour")
        reused = cloudwatch.MathExpression(
            expression=f"reused * {self._of.props.provider.credits_per_image:g}",
            using_metrics={"reused": self._metrics.metric("AnswersReused", _HOUR)},
            label="credits saved: paid before",
            period=_HOUR,
        )
        unsure = self._metrics.metric("PossiblyPaidCalls", _HOUR, label="calls possibly paid in vain")
        return _graph("What it costs", [spent, reused], right=[unsure])

    def _api_time(self) -> cloudwatch.IWidget:
        calls = self._metrics.metric("ApiCalls", _MINUTE, label="calls")
        return _graph("The API's time (ms), and calls per minute", self._spread("ApiMilliseconds"), right=[calls])

    def _way(self) -> cloudwatch.IWidget:
        return _graph("From upload to output (s)", self._spread("SecondsToDelivery"))

    def _doubtful(self) -> cloudwatch.IWidget:
        """Of the cut-outs that were judged: each counts 0 or 1, so the average is the share."""
        share = cloudwatch.MathExpression(
            expression="100 * doubtful",
            using_metrics={"doubtful": self._metrics.metric("CutoutsDoubtful", _HOUR, statistic="Average")},
            label="doubtful, percent of the cut-outs",
            period=_HOUR,
        )
        held = self._metrics.metric("CutoutsHeld", _HOUR, label="held per hour")
        return _graph("Doubtful cut-outs", [share], right=[held])

    def _function_errors(self) -> cloudwatch.IWidget:
        functions = {name: stage.confined.function for name, stage in self._stages.items()}
        errors = [each.metric_errors(label=name, period=_MINUTE) for name, each in functions.items()]
        throttles = [
            each.metric_throttles(label=f"{name}, throttled", period=_MINUTE) for name, each in functions.items()
        ]
        return _graph("Functions: errors, and throttled", errors, right=throttles)

    def _dead_letters(self) -> cloudwatch.IWidget:
        return _graph("Dead letters", [visible(queue, _MINUTE, name) for name, queue in self._letters.items()])

    def _logs(self) -> cloudwatch.IWidget:
        return cloudwatch.LogQueryWidget(
            title="What went wrong last",
            log_group_names=[stage.confined.log_group.log_group_name for stage in self._stages.values()],
            query_lines=[
                "fields @timestamp, level, service, message, reason, correlation_id, key",
                'filter level in ["ERROR", "CRITICAL"] or @message like /Task timed out|Runtime exited/',
                "sort @timestamp desc",
                "limit 20",
            ],
            width=24,
            height=6,
        )

    def _counts(self, shown: Mapping[str, str]) -> list[cloudwatch.IMetric]:
        return [self._metrics.metric(name, _MINUTE, label=label) for name, label in shown.items()]

    def _spread(self, name: str) -> list[cloudwatch.IMetric]:
        return [self._metrics.metric(name, _MINUTE, statistic=each, label=each) for each in ("p50", "p95", "Maximum")]


def _graph(
    title: str, left: Sequence[cloudwatch.IMetric], *, right: Sequence[cloudwatch.IMetric] = ()
) -> cloudwatch.GraphWidget:
    axis = cloudwatch.YAxisProps(min=0, show_units=False)
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        left_y_axis=axis,
        right_y_axis=axis if right else None,
        width=8,
        height=6,
    )
