import json
from typing import Any

import pytest
from dropcut.adapters.event_bus import EventBus, EventNotAcceptedError

from tests.functions.cloud import Cloud


class RecordingEvents:
    def __init__(self) -> None:
        self.entries: list[dict[str, str]] = []

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}


def test_an_event_goes_to_the_default_bus_under_dropcuts_name() -> None:
    events = RecordingEvents()
    EventBus(events, deployment="shoes").publish("Cutout Delivered", {"key": "ü", "credits": 2.0, "version_id": None})  # type: ignore[arg-type]
    (entry,) = events.entries
    assert (entry["Source"], entry["DetailType"]) == ("dropcut", "Cutout Delivered")
    assert json.loads(entry["Detail"]) == {
        "service": "shoes",
        "key": "ü",
        "credits": 2.0,
        "version_id": None,
    }
    assert "EventBusName" not in entry


def test_what_people_read_of_an_event_controls_no_terminal_and_a_key_stays_itself() -> None:
    events = RecordingEvents()
    text = "a\x1b[31m\u202e"
    EventBus(events, deployment="shoes").publish("Cutout Rejected", {"key": text, "reason": text, "note": text})  # type: ignore[arg-type]
    escaped = r"a\u001b[31m\u202e"
    assert json.loads(events.entries[0]["Detail"]) == {
        "service": "shoes",
        "key": text,
        "reason": escaped,
        "note": escaped,
    }


def test_the_request_is_one_that_eventbridge_takes(cloud: Cloud) -> None:
    EventBus(cloud.clients.events, deployment="shoes").publish("Cutout Delivered", {"key": "a.jpg"})


class RefusingEvents:
    def put_events(self, **_request: Any) -> dict[str, Any]:
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "AccessDenied", "ErrorMessage": "No."}]}


def test_an_event_refused_with_http_200_is_an_error() -> None:
    with pytest.raises(EventNotAcceptedError, match=r"Cutout Failed: AccessDenied No\."):
        EventBus(RefusingEvents(), deployment="shoes").publish("Cutout Failed", {})  # type: ignore[arg-type]
