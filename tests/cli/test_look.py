"""`dropcut logs`, `test-alarm` and `sandbox-probe`."""

import io
import json
import time
from typing import Any

import pytest

from dropcut_cli.deployment import Deployment
from tests.cli.conftest import ALARMS, Dropcut, Paged
from tests.cli.recorded import photo


def test_the_lines_of_a_photo_come_from_all_stages_in_order(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = photo(deployment, "a.jpg", "delivered")
    began = time.time() - 60  # CloudWatch takes no older lines than of 14 days ago
    monkeypatch.setattr(Deployment, "function", lambda _self, queue: {"LoggingConfig": {"LogGroup": queue}})
    logs = deployment.client("logs")
    for seconds, queue, text in (
        (2, "Intake", "second"),
        (1, "Cut", "first"),
        (3, "Deliver", "third"),
        (4, "Notify", "last"),
    ):
        logs.create_log_group(logGroupName=queue)
        logs.create_log_stream(logGroupName=queue, logStreamName="s")
        line = {"level": "INFO", "message": text, "job_id": upload.job_id}
        events = [
            {"timestamp": int((began + seconds) * 1000), "message": json.dumps(line)},
            {"timestamp": int((began + seconds) * 1000), "message": "another photo's line"},
        ]
        logs.put_log_events(logGroupName=queue, logStreamName="s", logEvents=events)
    found = [json.loads(line) for line in dropcut("logs", "a.jpg", "--json").out.splitlines()]
    lines = [(line["stage"], line["text"]) for line in found]
    assert lines == [("cut", "first"), ("prepare", "second"), ("deliver", "third"), ("notify", "last")]
    assert dropcut("logs", "a.jpg", "--days", "0.0001").exit_code == 9


def test_a_line_has_the_time_that_it_states_and_why(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = photo(deployment, "a.jpg", "delivered")
    monkeypatch.setattr(Deployment, "function", lambda _self, queue: {"LoggingConfig": {"LogGroup": queue}})
    logs, came = deployment.client("logs"), int(time.time() * 1000)
    for queue, second, more in (
        ("Cut", "02", {"why": "no slot is free"}),
        ("Intake", "01", {"reason": "It is large."}),
    ):
        line = {"level": "INFO", "message": "It waits:", "job_id": upload.job_id, **more}
        line["timestamp"] = f"2026-11-26 18:11:{second},950+0000"
        logs.create_log_group(logGroupName=queue)
        logs.create_log_stream(logGroupName=queue, logStreamName="s")
        events = [{"timestamp": came, "message": json.dumps(line)}]
        logs.put_log_events(logGroupName=queue, logStreamName="s", logEvents=events)
    for queue in ("Deliver", "Notify"):
        logs.create_log_group(logGroupName=queue)
    lines = [json.loads(line) for line in dropcut("logs", "a.jpg", "--json").out.splitlines()]
    assert [(line["text"], round(line["time"] % 60, 2)) for line in lines] == [
        ("It waits: It is large.", 1.95),
        ("It waits: no slot is free", 2.95),
    ]


def alarm(name: str, *, topic: str = ALARMS, state: str = "OK") -> dict[str, Any]:
    return {"AlarmName": name, "AlarmActions": [topic], "StateValue": state}


@pytest.mark.parametrize(("subscription", "exit_code"), [("arn:aws:sns:1", 0), ("PendingConfirmation", 1)])
def test_a_test_goes_the_way_of_an_alarm(
    deployment: Deployment, dropcut: Dropcut, subscription: str, exit_code: int
) -> None:
    alarms = [
        alarm("another's DeadLetters", topic="arn:other"),
        alarm("DeadLettersCut", state="ALARM"),
        alarm("CredentialsExposed"),
        alarm("DeadLettersDeliver"),
    ]
    cloudwatch = Paged(describe_alarms={"MetricAlarms": alarms})
    deployment._clients["cloudwatch"] = cloudwatch
    heard = {"Subscriptions": [{"SubscriptionArn": subscription}]}
    deployment._clients["sns"] = Paged(list_subscriptions_by_topic=heard)
    ran = dropcut("test-alarm")
    assert ran.exit_code == exit_code
    assert (cloudwatch["set"]["AlarmName"], cloudwatch["set"]["StateValue"]) == ("DeadLettersDeliver", "ALARM")
    assert f"The alarm {cloudwatch['set']['AlarmName']} was set." in ran.out
    alarms[1] |= {"StateReason": cloudwatch.pop("set")["StateReason"]}
    again = dropcut("test-alarm")
    assert (again.exit_code, again.out, "set" in cloudwatch) == (5, "", False)
    assert "The alarm DeadLettersCut is still set by a test." in again.err


# What the deployed function says of its sandbox.

FOUND = {"prctl": True, "no_new_privs": True, "landlock": False, "seccomp": True, "exposed": False, "more": 1}


@pytest.fixture
def answers(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The function's answer, to be changed by a test."""
    answer: dict[str, Any] = {"found": FOUND}

    class Lambda:
        def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:
            assert (FunctionName, json.loads(Payload)) == ("prepare", {"dropcut": "sandbox_probe"})
            rest = {name: value for name, value in answer.items() if name != "found"}
            return {"Payload": io.BytesIO(json.dumps(answer["found"]).encode()), **rest}

    deployment._clients["lambda"] = Lambda()
    monkeypatch.setattr(Deployment, "function", lambda _self, queue: {"FunctionName": {"Intake": "prepare"}[queue]})
    return answer


@pytest.mark.usefixtures("answers")
def test_each_layer_is_shown_with_its_meaning(dropcut: Dropcut) -> None:
    assert "landlock           false  files outside of a photo's own folder" in dropcut("sandbox-probe").out
    found = json.loads(dropcut("sandbox-probe", "--json").out)
    assert found == {name: FOUND.get(name) for name in (*FOUND, "yama_ptrace_scope") if name != "more"}


def test_a_function_that_fails_is_a_sentence(answers: dict[str, Any], dropcut: Dropcut) -> None:
    answers |= {"found": {"errorMessage": "no memory"}, "FunctionError": "Unhandled"}
    ran = dropcut("sandbox-probe")
    assert ran.exit_code == 1
    assert "no memory" in ran.err
