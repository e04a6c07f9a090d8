"""Webhooks as Standard Webhooks has them: what is sent of an event, and how it is signed."""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from dropcut.core import event_names
from dropcut.core.messages import MalformedMessageError

MOST_BYTES = 20_000
"""Standard Webhooks: receivers may refuse a payload of more than 20 kB."""
FEWEST_KEY_BYTES, MOST_KEY_BYTES = 24, 64
"""Standard Webhooks: the size of a secret."""
_PREFIX = "whsec_"
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""It becomes a header, and a part of what is signed, where a full stop separates the parts."""
_TIME = re.compile(r"[0-9TZ:.+-]{1,40}")
_IN_SHORT = (
    *("version", "event_id", "service", "job_id", "bucket", "key", "version_id", "sequencer", "time"),
    *("reference", "code"),
)
"""What is left of an event that would be too long."""


def webhook_type(detail_type: str) -> str:
    """What receivers know an event by: `cutout.delivered` for `Cutout Delivered`."""
    return detail_type.lower().replace(" ", ".")


EVENTS: Mapping[str, str] = {
    webhook_type(name): name
    for name in (
        event_names.DELIVERED,
        event_names.REJECTED,
        event_names.FAILED,
        event_names.SKIPPED,
        event_names.HELD,
        event_names.PAUSED,
        event_names.RESUMED,
    )
}
"""The events that can be sent as webhooks, by type."""


class WebhookSecretError(LookupError):
    """The secret cannot be read, or holds no key that can sign."""


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """One event, as its receiver gets it: the same bytes at each try."""

    id: str
    """The event's: a receiver that knows it has had this webhook before."""
    type: str
    body: bytes
    """JSON: `type`, `timestamp` (of the event), `data` (its detail)."""

    @classmethod
    def from_event(cls, text: str) -> Self:
        """Make it of an event as EventBridge sends it.

        Raises:
            MalformedMessageError: it is not an event of ours.
        """
        try:
            event = json.loads(text)
            detail, detail_type, at = event["detail"], event["detail-type"], event["time"]
            event_id = detail.get("event_id", event["id"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _refused(f"it is no event ({type(error).__name__}: {error})") from error
        if event.get("source") != event_names.SOURCE or detail_type not in EVENTS.values():
            raise _refused(f"no webhook is sent of {ascii(detail_type)[:100]} from {ascii(event.get('source'))[:100]}")
        if not isinstance(event_id, str) or not _ID.fullmatch(event_id):
            raise _refused(f"{ascii(event_id)[:100]} is no event's id")
        if not isinstance(at, str) or not _TIME.fullmatch(at):
            raise _refused(f"{ascii(at)[:100]} is no time")
        kind = webhook_type(detail_type)
        return cls(id=event_id, type=kind, body=_body(kind, at, detail))

    def headers(self, keys: "Sequence[SigningKey]", *, now: float) -> dict[str, str]:
        """Headers of one try: signed with each key, so that receivers may know any of them.

        Args:
            now: epoch seconds; receivers refuse what is more than minutes old.
        """
        at = str(int(now))
        return {
            "content-type": "application/json",
            "webhook-id": self.id,
            "webhook-timestamp": at,
            "webhook-signature": " ".join(key.signature(self.id, at, self.body) for key in keys),
        }


@dataclass(frozen=True, repr=False)
class SigningKey:
    value: bytes

    @classmethod
    def read(cls, text: object) -> Self:
        """Read `whsec_` and base64, or the base64 alone.

        Raises:
            ValueError: says what is wrong, and never what was read.
        """
        if not isinstance(text, str):
            raise ValueError("a key is not a text")
        try:
            value = base64.b64decode(text.strip().removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("a key is not base64") from error
        if not FEWEST_KEY_BYTES <= len(value) <= MOST_KEY_BYTES:
            raise ValueError(f"a key has {len(value)} bytes, not {FEWEST_KEY_BYTES} to {MOST_KEY_BYTES}")
        return cls(value)

    def signature(self, webhook_id: str, at: str, body: bytes) -> str:
        signed = b".".join((webhook_id.encode(), at.encode(), body))
        return f"v1,{base64.b64encode(hmac.digest(self.value, signed, hashlib.sha256)).decode()}"

    @cached_property
    def fingerprint(self) -> str:
        """Names the key in logs without giving it away."""
        return hashlib.sha256(self.value).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"SigningKey({self.fingerprint})"


def read_keys(text: str) -> tuple[SigningKey, ...]:
    """The keys of the secret's text: JSON with `current` and, while it is rotated, `previous`.

    Raises:
        ValueError: says what is wrong with it.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(values, dict) or not values.get("current"):
        raise ValueError("it has no `current`")
    return tuple(SigningKey.read(values[name]) for name in ("current", "previous") if values.get(name))


def _body(kind: str, at: str, detail: Mapping[str, Any]) -> bytes:
    """In full, or in short where that would be too long."""
    in_short = {name: detail[name] for name in _IN_SHORT if name in detail} | {"shortened": True}
    for data in (detail, in_short):
        body = json.dumps({"type": kind, "timestamp": at, "data": data}, separators=(",", ":")).encode()
        if len(body) <= MOST_BYTES:
            return body
    raise _refused(f"even in short it is longer than {MOST_BYTES:,} bytes")


def _refused(why: str) -> MalformedMessageError:
    return MalformedMessageError(
        f"The message cannot be sent as a webhook: {why}. Only the deployment's rule writes such messages; look where "
        "this one came from before sending it again."
    )
