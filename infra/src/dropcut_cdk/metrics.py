"""The metrics that the functions emit, as CloudWatch finds them: namespace `Dropcut`, one dimension `service`."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch


class Metrics:
    """One deployment's metrics by name."""

    def __init__(self, *, service: str) -> None:
        self._service = service

    def count(self, name: str, period: Duration, *, label: str | None = None) -> cloudwatch.Metric:
        """How many in each period."""
        return self._metric(name, period, "Sum", label)

    def gauge(self, name: str, period: Duration) -> cloudwatch.Metric:
        """The highest value in each period."""
        return self._metric(name, period, "Maximum", None)

    def statistic(
        self, name: str, statistic: str, *, label: str | None = None, period: Duration | None = None
    ) -> cloudwatch.Metric:
        """A statistic of each period, such as `p50` or `Maximum`; of each minute, if no other is given."""
        return self._metric(name, period or Duration.minutes(1), statistic, label)

    def _metric(self, name: str, period: Duration, statistic: str, label: str | None) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="Dropcut",
            metric_name=name,
            dimensions_map={"service": self._service},
            statistic=statistic,
            period=period,
            label=label,
        )
