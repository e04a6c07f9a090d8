"""The only logger and the only metrics of the functions.

Every log line about a photo carries `correlation_id` (the job's id) and the photo's `key`, from event to output.
Metrics go out as lines of the log (EMF), with one dimension, `service`.
"""

import json
import threading
import warnings
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from dropcut.core.messages import Upload
from dropcut.core.plain_text import shown


def log_line(fields: dict[str, Any]) -> str:
    """One line of the log: names in their own letters, but without characters that would control a terminal."""
    return shown(json.dumps(fields, default=str, separators=(",", ":"), ensure_ascii=False))


logger = Logger(json_serializer=log_line)
metrics = Metrics()
warnings.filterwarnings("ignore", "No application metrics to publish")  # a line of the log that is no JSON

_UNITS = {"ApiMilliseconds": MetricUnit.Milliseconds, "SecondsToDelivery": MetricUnit.Seconds}
_lock = threading.Lock()


def log_about(upload: Upload) -> None:
    """From here on this thread's log lines belong to the upload, until its message is done with (message_batch.py)."""
    logger.thread_safe_append_keys(correlation_id=upload.job_id, bucket=upload.bucket, key=upload.key)


def count(*once: str, **amounts: float) -> None:
    """Add one to each metric that is named alone, and what is given to the others."""
    with _lock:
        for name, amount in (dict.fromkeys(once, 1) | amounts).items():
            metrics.add_metric(name=name, unit=_UNITS.get(name, MetricUnit.Count), value=amount)
