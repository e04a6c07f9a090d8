"""Photos that were there before: planned, fed, stopped, resumed, on the deployed system; live photos in between."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from dropcut.core.event_names import BACKFILL_FINISHED, BACKFILL_STARTED

from dropcut_cli.deployment import Deployment
from dropcut_cli.program import run
from dropcut_cli.subscription import received, subscribed
from tests.end_to_end.dropcut_in_use import DropcutInUse, until
from tests.end_to_end.photos import photo
from tests.published import check_published

DONE, BROKEN, NEW = 4, 3, 16
SLOWLY = {"RATE_LIMIT_REQUESTS": "40"}
"""In ten seconds: a pace that a busy machine keeps. `python -m bench backfill` has 3,000 photos."""
LIVE_SECONDS = 15.0
Dropcut = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def command(dropcut: DropcutInUse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Dropcut:
    """The command on the deployed system, in this process: each start of its own would take a second."""
    operated = dropcut.as_operated()
    monkeypatch.setattr(Deployment, "find", lambda **_asked: operated)

    def run_it(*arguments: str, code: int = 0) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert run(["backfill", *arguments, "--json"]) == code, capsys.readouterr().err
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run_it


@contextmanager
def feeding(dropcut: DropcutInUse, variables: Mapping[str, str]) -> Iterator[None]:
    """The feeder with other settings."""
    lambda_, function = dropcut.client("lambda"), dropcut.function("feeder")
    before = function["Environment"]["Variables"]
    for given in (before | variables, before):
        lambda_.update_function_configuration(FunctionName=function["FunctionName"], Environment={"Variables": given})
        if given != before:
            yield


def rule_state(dropcut: DropcutInUse) -> str:
    return str(dropcut.client("events").describe_rule(Name=dropcut.outputs["BackfillRuleName"])["State"])


def one(lines: list[dict[str, Any]], name: str) -> Mapping[str, Any]:
    return next(line for line in lines if line["name"] == name)


def test_photos_that_were_there_before_are_fed_while_live_ones_go_first(
    dropcut: DropcutInUse, command: Dropcut
) -> None:
    shop, other = dropcut.unused(""), dropcut.unused("")
    done = {f"{shop}done-{n:03}.jpg": photo() for n in range(DONE)}
    for key, content in done.items():
        dropcut.drop(content, key)
    for key in done:
        assert dropcut.outcome(key).kind == "delivered"
        dropcut.ended_record(key)
    new = {f"{shop}new-{n:03}.jpg": photo() for n in range(NEW)}
    broken = {f"{shop}broken-{n:03}.jpg": b"no picture" for n in range(BROKEN)}
    elsewhere = {f"{other}{n}.jpg": photo() for n in range(5)}
    with dropcut.no_events_of_uploads():
        for key, content in {**new, **broken, **elsewhere, f"{shop}folder/": b""}.items():
            dropcut.drop(content, key)

    (plan,) = command("plan", f"s3://{dropcut.input_bucket}/{shop}")
    assert (plan["objects"], plan["photos"], plan["done"]) == (DONE + BROKEN + NEW + 1, DONE + BROKEN + NEW, DONE)
    assert (plan["to_do"], plan["credits"], plan["left_out"]) == (BROKEN + NEW, 2 * (BROKEN + NEW), 1)
    assert rule_state(dropcut) == "DISABLED"
    with subscribed(dropcut.system, name="back-fills") as queue_url, feeding(dropcut, SLOWLY):
        (first,) = command("start", f"s3://{dropcut.input_bucket}/{shop}", "--yes")
        (second,) = command("start", f"s3://{dropcut.input_bucket}/{other}")
        assert rule_state(dropcut) == "ENABLED"
        command("stop", second["name"])
        calls_before = len(dropcut.api.calls())
        dropcut.feed()
        for number in range(3):
            began = time.monotonic()
            live = dropcut.drop(photo(), dropcut.unused(f"live-{number}.jpg"))
            assert dropcut.outcome(live).kind == "delivered"
            assert time.monotonic() - began < LIVE_SECONDS
        assert not any(dropcut.record(key) for key in elsewhere)
        command("resume", second["name"])
        dropcut.feed()
        for key in new | elsewhere:
            assert dropcut.outcome(key, seconds=60).kind == "delivered"
        for key in broken:
            assert dropcut.outcome(key).kind == "rejected"
        listed = command("list")
        assert {(each["name"], each["status"]) for each in listed} >= {
            (first["name"], "finished"),
            (second["name"], "finished"),
        }
        counted = one(listed, first["name"])
        assert (counted["seen"], counted["sent"], counted["left_out"]) == (plan["objects"], plan["photos"], 1)
        events = []
        while some := list(received(dropcut.system, queue_url, wait_seconds=1)):
            events += some
    assert len(dropcut.api.calls()) - calls_before == NEW + len(elsewhere) + 3
    for key in done:
        assert len(dropcut.outcomes(key)) == 1
    said = [each for each in events if each["detail-type"] in (BACKFILL_STARTED, BACKFILL_FINISHED)]
    for event in said:
        check_published(event["detail-type"], event["detail"])
    assert sorted((each["detail-type"], each["detail"]["backfill"]) for each in said) == sorted(
        (kind, name["name"]) for kind in (BACKFILL_STARTED, BACKFILL_FINISHED) for name in (first, second)
    )
    dropcut.feed()
    assert rule_state(dropcut) == "DISABLED"
    until(lambda: dropcut.is_empty("Intake"), "an empty intake queue")
