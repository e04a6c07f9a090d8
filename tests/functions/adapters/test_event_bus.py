import json
from dataclasses import replace
from typing import Any

import pytest
from dropcut import RELEASE
from dropcut.adapters.event_bus import EventBus, EventNotAcceptedError
from dropcut.core.events import Delivered, Event, Paused, ended
from dropcut.core.messages import Ended, Upload

from tests.functions.cloud import Cloud
from tools.event_examples import EXAMPLES

UPLOAD = Upload(bucket="in", key="ü", sequencer="0A")
NOW = 1_722_000_000.25
DELIVERED = next(event for event in EXAMPLES if isinstance(event, Delivered))
PAUSED = next(event for event in EXAMPLES if isinstance(event, Paused))


class RecordingEvents:
    def __init__(self) -> None:
        self.entries: list[dict[str, str]] = []

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    @property
    def details(self) -> list[dict[str, Any]]:
        return [json.loads(entry["Detail"]) for entry in self.entries]


def publish(
    events: Any, event: Event, *, now: float = NOW, occasion: str = "", deployment: str = "dropcut-prod"
) -> None:
    EventBus(events, deployment=deployment, clock=lambda: now).publish(event, occasion=occasion)


def test_an_event_goes_to_the_default_bus_under_dropcuts_name() -> None:
    events = RecordingEvents()
    publish(events, DELIVERED)
    (entry,) = events.entries
    assert (entry["Source"], entry["DetailType"]) == ("dropcut", "Cutout Delivered")
    assert "EventBusName" not in entry
    (detail,) = events.details
    assert {name: detail[name] for name in ("version", "service", "time", "release")} == {
        "version": "1",
        "service": "dropcut-prod",
        "time": "2024-07-26T13:20:00.250Z",
        "release": RELEASE,
    }
    assert (detail["key"], detail["credits"], detail["version_id"]) == (DELIVERED.photo.key, 2.0, None)


def test_a_repeated_event_has_the_same_id_and_every_other_one_an_id_of_its_own() -> None:
    events = RecordingEvents()
    publish(events, DELIVERED)
    publish(events, replace(DELIVERED, cutout=replace(DELIVERED.cutout, note="Smaller this time.")), now=NOW + 60)
    first, again = events.details
    assert first["event_id"] == again["event_id"]
    others: list[tuple[Event, dict[str, str]]] = [
        (DELIVERED, {"occasion": "remade 1"}),
        (DELIVERED, {"occasion": "remade 2"}),
        (DELIVERED, {"deployment": "dropcut-test"}),
        (Delivered(photo=replace(DELIVERED.photo, job_id="another"), cutout=DELIVERED.cutout), {}),
        (ended(UPLOAD, Ended(kind="failed", code="c", reason="R.")), {"occasion": "c 0"}),
        (ended(UPLOAD, Ended(kind="rejected", code="c", reason="R.")), {"occasion": "c 0"}),
        (PAUSED, {"occasion": "1"}),
        (PAUSED, {"occasion": "2"}),
    ]
    for event, more in others:
        publish(events, event, **more)
    ids = [detail["event_id"] for detail in events.details[1:]]
    assert len(set(ids)) == len(ids) == 1 + len(others)


def test_what_people_read_of_an_event_controls_no_terminal_and_a_key_stays_itself() -> None:
    events = RecordingEvents()
    text = "a\x1b[31m\u202e"
    photo, cutout = replace(DELIVERED.photo, key=text), replace(DELIVERED.cutout, note=text)
    publish(events, replace(DELIVERED, photo=photo, cutout=cutout))
    publish(events, ended(UPLOAD, Ended(kind="failed", code="c", reason=text)))
    escaped = r"a\u001b[31m\u202e"
    delivered, failed = events.details
    assert (delivered["key"], delivered["note"], failed["reason"]) == (text, escaped, escaped)


def test_the_request_is_one_that_eventbridge_takes(cloud: Cloud) -> None:
    publish(cloud.clients.events, DELIVERED)


class RefusingEvents:
    def put_events(self, **_request: Any) -> dict[str, Any]:
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "AccessDenied", "ErrorMessage": "No."}]}


def test_an_event_refused_with_http_200_is_an_error() -> None:
    with pytest.raises(EventNotAcceptedError, match=r"Cutout Delivered: AccessDenied No\."):
        publish(RefusingEvents(), DELIVERED)
