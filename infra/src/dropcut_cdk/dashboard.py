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
_BACKFILLS = {"PhotosFed": "sent by the feeder", "PhotosDoneBefore": "done before", "BackfillsBroken": "broken"}
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
        self._of = of
        self._stages = {stage.node.id.lower(): stage for stage in of.stages.values()}
        self._letters = {name: stage.queues.dead_letter_queue for name, stage in self._stages.items()}
        text = _HOW_TO_READ.format(name=of.name, requests=props.rate_limit_requests, seconds=props.rate_limit_seconds)
        calls = self._count("ApiCalls", label="calls")
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
                [
                    self._cost(),
                    _graph("The API's time (ms), and calls per minute", self._spread("ApiMilliseconds"), right=[calls]),
                    _graph("Trouble with the API, and smaller cut-outs, per minute", self._counts(_TROUBLE)),
                ],
                [
                    _graph("From upload to output (s)", self._spread("SecondsToDelivery")),
                    self._function_errors(),
                    self._dead_letters(),
                ],
                [
                    self._doubtful(),
                    _graph("Back-fills, photos per minute", self._counts(_BACKFILLS)),
                    *([self._webhooks()] if props.webhook_url else []),
                ],
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
        letters_sum = _math("dead letters", _MINUTE, " + ".join(f"FILL({name}, 0)" for name in letters), **letters)
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
        paid = self._count("PicturesPaid", _FIVE_MINUTES)
        a_minute = props.rate_limit_requests / props.rate_limit_seconds * 60
        pace = "IF(FILL(paid, 0) > 0, waiting / paid * 5, 0)"
        now = _math("at the present pace (minutes)", _FIVE_MINUTES, pace, waiting=waiting, paid=paid)
        best = _math("at the API's limit (minutes)", _FIVE_MINUTES, f"waiting / {a_minute:g}", waiting=waiting)
        return _graph("Time to drain", [now, best])

    def _cost(self) -> cloudwatch.IWidget:
        saved = f"reused * {self._of.props.provider.credits_per_image:g}"
        reused = _math("credits saved: paid before", _HOUR, saved, reused=self._count("AnswersReused", _HOUR))
        spent = self._count("CreditsSpent", _HOUR, "credits spent per hour")
        unsure = self._count("PossiblyPaidCalls", _HOUR, "calls possibly paid in vain")
        return _graph("What it costs", [spent, reused], right=[unsure])

    def _doubtful(self) -> cloudwatch.IWidget:
        """Of the cut-outs that were judged: each counts 0 or 1, so the average is the share."""
        doubtful = self._of.metric("CutoutsDoubtful", _HOUR, statistic="Average")
        share = _math("doubtful, percent of the cut-outs", _HOUR, "100 * doubtful", doubtful=doubtful)
        return _graph("Doubtful cut-outs", [share], right=[self._count("CutoutsHeld", _HOUR, "held per hour")])

    def _webhooks(self) -> cloudwatch.IWidget:
        return _graph("Webhooks per minute", [self._count("WebhooksDelivered", label="delivered")])

    def _function_errors(self) -> cloudwatch.IWidget:
        functions = {name: stage.confined.function for name, stage in self._stages.items()}
        errors = [each.metric_errors(label=name, period=_MINUTE) for name, each in functions.items()]
        throttles = [
            each.metric_throttles(label=f"{name}, throttled", period=_MINUTE) for name, each in functions.items()
        ]
        return _graph("Functions: errors, and throttled", errors, right=throttles)

    def _dead_letters(self) -> cloudwatch.IWidget:
        lying = [visible(queue, _MINUTE, name) for name, queue in self._letters.items()]
        return _graph("Dead letters", lying, right=[self._count("DeadLettered", _MINUTE, "new, by the functions")])

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

    def _count(self, name: str, period: Duration = _MINUTE, label: str | None = None) -> cloudwatch.IMetric:
        return self._of.metric(name, period, label=label)

    def _counts(self, shown: Mapping[str, str]) -> list[cloudwatch.IMetric]:
        return [self._count(name, label=label) for name, label in shown.items()]

    def _spread(self, name: str) -> list[cloudwatch.IMetric]:
        return [self._of.metric(name, _MINUTE, statistic=each, label=each) for each in ("p50", "p95", "Maximum")]


def _math(label: str, period: Duration, expression: str, **metrics: cloudwatch.IMetric) -> cloudwatch.IMetric:
    return cloudwatch.MathExpression(expression=expression, using_metrics=metrics, label=label, period=period)


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
