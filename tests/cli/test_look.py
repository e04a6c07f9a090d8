"""`dropcut logs` and `dropcut test-alarm`."""

import json
import time
from collections.abc import Mapping
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


@pytest.mark.parametrize(("subscription", "exit_code"), [("arn:aws:sns:1", 0), ("PendingConfirmation", 1)])
def test_a_test_goes_the_way_of_an_alarm(
    deployment: Deployment, dropcut: Dropcut, subscription: str, exit_code: int
) -> None:
    def alarm(name: str, topic: str = ALARMS, state: str = "OK") -> Mapping[str, Any]:
        return {"AlarmName": name, "AlarmActions": [topic], "StateValue": state}

    alarms = [alarm("another's", "arn:other"), alarm("set already", state="ALARM"), alarm("ours")]
    cloudwatch = Paged(describe_alarms={"MetricAlarms": alarms})
    deployment._clients["cloudwatch"] = cloudwatch
    heard = {"Subscriptions": [{"SubscriptionArn": subscription}]}
    deployment._clients["sns"] = Paged(list_subscriptions_by_topic=heard)
    assert dropcut("test-alarm").exit_code == exit_code
    assert (cloudwatch["set"]["AlarmName"], cloudwatch["set"]["StateValue"]) == ("ours", "ALARM")
