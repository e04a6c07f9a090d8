"""What is published is shown as it comes, for at most one call a second, and nothing is left behind."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dropcut_cli import subscription, watch
from dropcut_cli.deployment import Deployment
from tests.cli.conftest import Dropcut
from tests.functions.cloud import INPUT


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def strftime(self, _format: str) -> str:
        return "12:00:00"


def event(key: str, **detail: Any) -> dict[str, Any]:
    whole = {"service": "dropcut-prod", "bucket": INPUT, "key": key, "credits": 2, **detail}
    return {"detail-type": "Cutout Delivered", "detail": whole}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the queue was asked; each answer has as many events as its number says, at once."""
    clock, calls = Clock(), list[float]()
    monkeypatch.setattr(watch, "time", clock)

    def received(_account: object, _url: str, *, wait_seconds: int) -> Iterator[Any]:
        assert wait_seconds <= subscription.LONGEST_WAIT_SECONDS
        calls.append(clock.now)
        return iter([event(f"{len(calls)}.jpg")] * (subscription.MOST_AT_ONCE if len(calls) == 3 else 1))

    monkeypatch.setattr(subscription, "received", received)
    return calls


def test_a_call_a_second_is_enough_until_one_brings_all_that_it_can(dropcut: Dropcut, calls: list[float]) -> None:
    ran = dropcut("watch", "--for", "5", "--json")
    assert calls == [0, 1, 2, 2, 3, 4]
    assert len(ran.out.splitlines()) == 5 + subscription.MOST_AT_ONCE


@pytest.mark.usefixtures("calls")
def test_an_end_is_a_line_and_an_event_is_whole(dropcut: Dropcut) -> None:
    assert dropcut("watch", "--for", "1").out == "12:00:00  delivered        1.jpg (2 credits)\n"
    assert dropcut("events", "--for", "1").out == f"Cutout Delivered  {json.dumps(event('2.jpg')['detail'])}\n"


def test_another_deployments_photos_are_not_shown_and_a_pause_is(
    dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = {"detail-type": "Spending Paused", "detail": {"service": "dropcut-prod", "reason": "Buy some."}}
    came = [event("a.jpg", service="another"), pause]
    monkeypatch.setattr(subscription, "received", lambda *_, **__: iter(came))
    assert [line[10:] for line in dropcut("watch", "--for", "1").out.splitlines()] == ["spending paused  : Buy some."]


@pytest.mark.usefixtures("calls")
def test_neither_queue_nor_rule_is_left(deployment: Deployment, dropcut: Dropcut) -> None:
    rules = deployment.client("events").list_rules()["Rules"]
    dropcut("watch", "--for", "1")
    assert deployment.client("events").list_rules()["Rules"] == rules
    assert "watch" not in json.dumps(deployment.client("sqs").list_queues())


def test_a_queue_whose_making_was_interrupted_is_removed(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after SQS has made it, before its answer is here."""
    sqs = deployment.client("sqs")
    make = sqs.create_queue

    def interrupted(**asked: Any) -> None:
        make(**asked)
        raise KeyboardInterrupt

    monkeypatch.setattr(sqs, "create_queue", interrupted)
    with pytest.raises(KeyboardInterrupt), subscription.subscribed(deployment, name="watch-1"):
        pass
    assert "watch-1" not in json.dumps(sqs.list_queues())
