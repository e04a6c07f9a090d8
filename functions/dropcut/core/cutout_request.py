"""Reads a request for a cut-out of an object that lies in an input bucket, and orders it among the key's uploads.

It is an event `Cutout Requested` from EventBridge, or a message of the same shape: `id` is what makes it one request.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dropcut.core.choices import Choices, ChoicesError
from dropcut.core.event_names import REQUESTED
from dropcut.core.messages import MalformedMessageError, RefusedRequest, Upload
from dropcut.core.upload_event import SEQUENCER_DIGITS

BEFORE_ALL = "0" * SEQUENCER_DIGITS
"""Before every upload's sequencer."""
_FIELDS = ("bucket", "key", "version_id", "renditions", "reference", "metadata")
_LONGEST = {"bucket": 63, "key": 1024, "version_id": 1024, "id": 128}
"""In bytes; the last is the event's own, the others S3's."""


def read_request(body: str, *, sent_at_seconds: float) -> Upload | RefusedRequest | None:
    """None for a message about something else. A request gets its sequencer later.

    Raises:
        MalformedMessageError: it calls itself a request, and says of nothing what to do with it.
    """
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("detail-type") != REQUESTED:
        return None
    asked = event.get("detail")
    if not isinstance(asked, dict) or not _is_name("id", event.get("id")):
        raise MalformedMessageError(
            f"The request needs an `id` of up to {_LONGEST['id']} bytes and a `detail` (docs/events.md): {body[:200]!r}"
        )
    upload = Upload(
        bucket=_text("bucket", asked),
        key=_text("key", asked),
        version_id=_text("version_id", asked) or None,
        sequencer=BEFORE_ALL,
        arrived_at_seconds=sent_at_seconds,
        request=event["id"],
    )
    try:
        upload = replace(upload, choices=_choices(asked, "reference"))
        wrong = _wrong(asked)
        if not wrong:
            return replace(upload, choices=_choices(asked, "renditions", "reference", "metadata"))
    except ChoicesError as error:
        wrong = str(error)
    return RefusedRequest(upload=upload, code="request_malformed", reason=wrong)


def request_event(upload: Upload) -> dict[str, Any]:
    """The message that requests it: what `read_request` reads."""
    asked = {"bucket": upload.bucket, "key": upload.key, "version_id": upload.version_id, **upload.choices.to_fields()}
    return {"id": upload.request, "detail-type": REQUESTED, "detail": {n: v for n, v in asked.items() if v}}


def sequencer_after(sequencer: str) -> str:
    """Later than this one, and earlier than the next upload's.

    S3 gives 18 of the 32 digits that we compare; so many requests can follow one upload as the others count.
    """
    return f"{int(sequencer, 16) + 1:0{len(sequencer)}X}"


def _choices(asked: Mapping[str, Any], *names: str) -> Choices:
    return Choices.from_fields({name: asked[name] for name in names if asked.get(name) is not None})


def _wrong(asked: Mapping[str, Any]) -> str:
    """A sentence about the first field that is unknown, missing or none; empty if there is no such."""
    for name in asked:
        if name not in _FIELDS:
            return f"There is no {name[:100]!a} in a request. Allowed: {', '.join(_FIELDS)}."
    for name in _FIELDS[:3]:
        needed = name != "version_id"
        if (needed or asked.get(name) is not None) and not _is_name(name, asked.get(name)):
            return f"{name} is {asked.get(name)!a:.100}. Allowed: a text of 1 to {_LONGEST[name]} bytes."
    return ""


def _is_name(name: str, value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return 0 < len(value.encode()) <= _LONGEST[name]
    except UnicodeEncodeError:  # half of a surrogate pair: S3 has no such name
        return False


def _text(name: str, asked: Mapping[str, Any]) -> str:
    value = asked.get(name)
    return str(value) if _is_name(name, value) else ""
