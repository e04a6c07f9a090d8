"""The intake queue's messages: the two shapes in which S3 announces an upload, and requests."""

import json
from typing import Any
from urllib.parse import quote_plus

from tests.functions.cloud import INPUT

SEQUENCER = "0066A1B2C3D4E5F607"


def by_event_bridge(key: str = "a.jpg", *, bucket: str = INPUT, **changed: Any) -> dict[str, Any]:
    """As EventBridge hands it to the queue: the key is plain. `None` leaves a field of the object out."""
    stored = {"key": key, "size": 100, "etag": "e", "sequencer": SEQUENCER} | changed
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "111122223333",
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {name: value for name, value in stored.items() if value is not None},
            "reason": "PutObject",
        },
    }


def by_notification(key: str = "a.jpg", *, bucket: str = INPUT, **changed: Any) -> dict[str, Any]:
    """As S3 sends it to a queue itself: the key is form-encoded."""
    stored = {"key": quote_plus(key), "size": 100, "eTag": "e", "sequencer": SEQUENCER} | changed
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": {"name": bucket},
            "object": {name: value for name, value in stored.items() if value is not None},
        },
    }
    return {"Records": [record]}


def request(key: Any = "a.jpg", *, bucket: Any = INPUT, id_: str = "e1", **given: Any) -> dict[str, Any]:
    """As EventBridge hands a request to the queue; `None` leaves a field out."""
    asked = {"bucket": bucket, "key": key, **given}
    return {
        "version": "0",
        "id": id_,
        "detail-type": "Cutout Requested",
        "source": "shop",
        "account": "111122223333",
        "detail": {name: value for name, value in asked.items() if value is not None},
    }


def body(event: Any) -> str:
    return json.dumps(event)
