"""EventBridge: tells other programs what became of a photo."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dropcut.core.event_names import SOURCE
from dropcut.core.plain_text import shown

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

_FOR_PEOPLE = ("reason", "note")
"""Parts of an event that subscribers print; keys are given exactly as S3 knows them."""


class EventNotAcceptedError(RuntimeError):
    """EventBridge answered, but did not take the event."""


class EventBus:
    def __init__(self, client: "EventBridgeClient", *, deployment: str) -> None:
        """`deployment`: its name, by which events are told from those of others that share the account's bus."""
        self._client = client
        self._deployment = deployment

    def publish(self, detail_type: str, detail: Mapping[str, object]) -> None:
        """Put one event on the account's default bus.

        Raises:
            EventNotAcceptedError: PutEvents reports refusals with HTTP 200; this is one.
        """
        detail = {name: shown(str(value)) if name in _FOR_PEOPLE else value for name, value in detail.items()}
        entry = {
            "Source": SOURCE,
            "DetailType": detail_type,
            "Detail": json.dumps({"service": self._deployment, **detail}),
        }
        answer = self._client.put_events(Entries=[entry])  # type: ignore[list-item]
        if answer["FailedEntryCount"]:
            failed = answer["Entries"][0]
            raise EventNotAcceptedError(f"{detail_type}: {failed.get('ErrorCode')} {failed.get('ErrorMessage')}")
