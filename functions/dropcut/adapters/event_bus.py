"""EventBridge: publishes what became of a photo."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dropcut import RELEASE
from dropcut.core.event_names import SOURCE
from dropcut.core.events import VERSION, Envelope, Event, event_id, fields_of
from dropcut.core.plain_text import shown

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

_FOR_PEOPLE = ("reason", "note")
"""Parts of an event that subscribers print; keys are given exactly as S3 knows them."""


class EventNotAcceptedError(RuntimeError):
    """EventBridge answered, but did not take the event."""


class EventBus:
    def __init__(self, client: "EventBridgeClient", *, deployment: str, clock: Callable[[], float]) -> None:
        """`deployment`: its name. Other deployments share the account's bus, and receivers filter by it."""
        self._client = client
        self._deployment = deployment
        self._clock = clock

    def publish(self, event: Event, *, occasion: str = "") -> None:
        """Put one event on the account's default bus.

        Args:
            occasion: distinguishes it from other events of its name about the same photo, or about the spending.

        Raises:
            EventNotAcceptedError: PutEvents reports refusals with HTTP 200; this is one.
        """
        envelope = Envelope(
            version=VERSION,
            event_id=event_id(self._deployment, event, occasion),
            service=self._deployment,
            time=datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            release=RELEASE,
        )
        detail = {**asdict(envelope), **fields_of(event)}
        detail |= {name: shown(str(detail[name])) for name in _FOR_PEOPLE if name in detail}
        entry = {"Source": SOURCE, "DetailType": event.NAME, "Detail": json.dumps(detail)}
        answer = self._client.put_events(Entries=[entry])  # type: ignore[list-item]
        if answer["FailedEntryCount"]:
            failed = answer["Entries"][0]
            raise EventNotAcceptedError(f"{event.NAME}: {failed.get('ErrorCode')} {failed.get('ErrorMessage')}")
