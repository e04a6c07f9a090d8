"""Reads S3's two kinds of event about an upload, and recognises messages that are neither.

The two differ in how they write keys. In notifications that S3 itself sends to a queue, keys are form-encoded (`+` for
a space, `%2B` for a plus). In events from EventBridge they are plain. Decoding by guess breaks real names.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from dropcut.core.messages import MalformedMessageError, Upload

SEQUENCER_DIGITS = 32  # AWS: "right pad the shorter value with zeros, then compare lexicographically"
SEQUENCER = re.compile(r"[0-9A-F]{1,64}")
"""S3 gives 18 hexadecimal digits and promises no length. Anything else could outlast every upload to come."""


def read_uploads(body: str, *, sent_at_seconds: float) -> list[Upload]:
    """The uploads that a message of the intake queue is about; none for test events and other kinds of change.

    Args:
        body: the message's text.
        sent_at_seconds: when the message was sent (epoch); orders an upload whose event carries no sequencer.

    Raises:
        MalformedMessageError: neither an EventBridge event nor an S3 notification.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:  # the latter: brackets nested without end
        raise MalformedMessageError(f"The message is not JSON ({error}): {body[:200]!r}") from error
    if not isinstance(message, dict):
        raise MalformedMessageError(f"The message is a JSON {type(message).__name__}, not an S3 event: {body[:200]!r}")
    if message.get("Event") == "s3:TestEvent":
        return []
    try:
        if message.get("source") == "aws.s3" and "detail" in message:
            return _from_event_bridge(message, sent_at_seconds)
        if isinstance(message.get("Records"), list):
            return [upload for record in message["Records"] for upload in _from_record(record, sent_at_seconds)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedMessageError(
            f"The message looks like an S3 event, but {type(error).__name__}: {error}: {body[:500]!r}"
        ) from error
    raise MalformedMessageError(
        "The message is neither an EventBridge event of S3 (`source`: `aws.s3`) nor an S3 notification "
        f"(`Records`): {body[:200]!r}"
    )


def _from_event_bridge(event: Mapping[str, Any], sent_at_seconds: float) -> list[Upload]:
    if event.get("detail-type") != "Object Created":
        return []
    stored = event["detail"]["object"]
    return [
        Upload(
            bucket=_text(event["detail"]["bucket"]["name"]),
            key=_text(stored["key"]),
            version_id=stored.get("version-id") or None,
            sequencer=_padded(stored.get("sequencer")) or _sequencer_from_time(sent_at_seconds),
            arrived_at_seconds=sent_at_seconds,
        )
    ]


def _from_record(record: Mapping[str, Any], sent_at_seconds: float) -> list[Upload]:
    name = _text(record["eventName"])
    if not name.removeprefix("s3:").startswith("ObjectCreated:"):
        return []
    stored = record["s3"]["object"]
    return [
        Upload(
            bucket=_text(record["s3"]["bucket"]["name"]),
            key=unquote_plus(_text(stored["key"]), errors="strict"),
            version_id=stored.get("versionId") or None,
            sequencer=_padded(stored.get("sequencer")) or _sequencer_from_time(sent_at_seconds),
            arrived_at_seconds=sent_at_seconds,
        )
    ]


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"expected a text, found {value!r}")
    return value


def _padded(sequencer: object) -> str:
    if not sequencer:
        return ""
    digits = str(sequencer).upper()
    if not SEQUENCER.fullmatch(digits):
        raise ValueError(f"S3 gives no sequencer like {digits[:100]!a}")
    return digits.ljust(SEQUENCER_DIGITS, "0")


def _sequencer_from_time(seconds: float) -> str:
    """S3's own sequencers begin with `00` and the epoch seconds in eight hexadecimal digits (seen, not promised)."""
    return _padded(f"00{int(seconds):08X}")
