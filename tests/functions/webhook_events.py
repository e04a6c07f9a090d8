"""Events of a deployment, as EventBridge puts them into a queue."""

import json
from typing import Any


def event(
    *,
    detail: Any = None,
    source: str = "dropcut",
    detail_type: Any = "Cutout Delivered",
    time: str = "2026-11-26T11:00:00Z",
    **more: Any,
) -> str:
    """What is not of the envelope goes into the detail."""
    return json.dumps(
        {
            "version": "0",
            "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
            "detail-type": detail_type,
            "source": source,
            "account": "111122223333",
            "time": time,
            "region": "eu-central-1",
            "resources": [],
            "detail": {"service": "dropcut-test", "job_id": "job", "bucket": "in", "key": "a.jpg", **more}
            if detail is None
            else detail,
        }
    )
