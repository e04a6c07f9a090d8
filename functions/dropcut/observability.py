"""The only logger and the only metrics of the functions.

Every log line about a photo carries `correlation_id` (the job's id) and the photo's `key`, from event to output.
Metrics go out as lines of the log (EMF), with one dimension, `service`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from dropcut.core.messages import Upload

logger = Logger()
metrics = Metrics()

_UNITS = {"ApiMilliseconds": MetricUnit.Milliseconds, "SecondsToDelivery": MetricUnit.Seconds}
_lock = threading.Lock()


@contextmanager
def about(upload: Upload) -> Iterator[None]:
    """Log lines inside belong to this upload, also with several threads at work."""
    logger.thread_safe_append_keys(correlation_id=upload.job_id, bucket=upload.bucket, key=upload.key)
    try:
        yield
    finally:
        logger.thread_safe_clear_keys()


def count(*once: str, **amounts: float) -> None:
    """Add one to each metric that is named alone, and what is given to the others."""
    with _lock:
        for name, amount in (dict.fromkeys(once, 1) | amounts).items():
            metrics.add_metric(name=name, unit=_UNITS.get(name, MetricUnit.Count), value=amount)
