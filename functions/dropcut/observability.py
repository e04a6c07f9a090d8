"""The only logger and the only metrics of the functions.

Every log line about a photo carries `correlation_id` (the job's id) and the photo's `key`, from event to output.
Metrics go out as lines of the log (EMF), with one dimension, `service`.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from dropcut.core.messages import Upload
from dropcut.core.plain_text import shown


def log_line(fields: dict[str, Any]) -> str:
    """One line of the log: names in their own letters, but without a character that would drive who reads it."""
    return shown(json.dumps(fields, default=str, separators=(",", ":"), ensure_ascii=False))


logger = Logger(json_serializer=log_line)
metrics = Metrics()

_lock = threading.Lock()


@contextmanager
def about(upload: Upload) -> Iterator[None]:
    """Log lines inside belong to this upload, also with several threads at work."""
    logger.thread_safe_append_keys(correlation_id=upload.job_id, bucket=upload.bucket, key=upload.key)
    try:
        yield
    finally:
        logger.thread_safe_clear_keys()


def count(metric: str, amount: float = 1) -> None:
    with _lock:
        metrics.add_metric(name=metric, unit=MetricUnit.Count, value=amount)


def duration(metric: str, *, seconds: float | None = None, milliseconds: float | None = None) -> None:
    unit, value = (MetricUnit.Seconds, seconds) if seconds is not None else (MetricUnit.Milliseconds, milliseconds)
    with _lock:
        metrics.add_metric(name=metric, unit=unit, value=value or 0)
