"""The metrics that the functions emit, as CloudWatch finds them: namespace `Dropcut`, one dimension `service`."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch


class Metrics:
    """One deployment's metrics by name."""

    def __init__(self, *, service: str) -> None:
        self._service = service

    def metric(
        self, name: str, period: Duration, *, statistic: str = "Sum", label: str | None = None
    ) -> cloudwatch.Metric:
        """A statistic of each period: how many, or `Maximum`, `p50`."""
        return cloudwatch.Metric(
            namespace="Dropcut",
            metric_name=name,
            dimensions_map={"service": self._service},
            statistic=statistic,
            period=period,
            label=label,
        )
