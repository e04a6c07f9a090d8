"""What the functions say: one correlation id from event to output, metrics as lines of the log, and no secrets."""

import json
from typing import Any

from tests.end_to_end.dropcut_in_use import STAGES, DropcutInUse, Function, until
from tests.end_to_end.photos import photo

METRICS: dict[Function, set[str]] = {
    "prepare": {"PhotosReceived"},
    "cut": {"ApiCalls", "ApiMilliseconds", "PicturesPaid", "CreditsSpent"},
    "deliver": {"PhotosDelivered", "SecondsToDelivery"},
}


def _lines(dropcut: DropcutInUse, function: Function, containing: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in dropcut.log(function, containing) if line.startswith("{")]


def _said(dropcut: DropcutInUse, function: Function, containing: str) -> list[dict[str, Any]]:
    """The same of what it printed: the embedded AWS may drop an invocation's lines on their way to CloudWatch."""
    name = dropcut.function(function)["FunctionName"]
    printed = (dropcut.system.folder / "functions.log").read_text().splitlines()
    lines = [json.loads(line) for line in printed if containing in line and line.startswith("{")]
    return [line for line in lines if line.get("function_name") == name]


def test_one_correlation_id_leads_from_the_event_to_the_output(dropcut: DropcutInUse) -> None:
    key = dropcut.drop(photo(), dropcut.unused("ü 1.jpg"))
    job_id = dropcut.outcome(key).detail["job_id"]
    assert dropcut.ended_record(key)["job_id"] == job_id
    for function in STAGES:
        lines = until(lambda f=function: _said(dropcut, f, job_id), f"lines about the job of {function}")
        for line in lines:
            assert line["correlation_id"] == job_id
            assert line["key"] == key
            assert line["level"] == "INFO"
            assert line["message"]
    output_key = key.removesuffix("jpg") + "png"
    assert dropcut.cutout(output_key).metadata["dropcut-job-id"] == job_id


def test_a_rejection_says_its_reason_in_the_log_of_the_stage_that_decided_it(dropcut: DropcutInUse) -> None:
    key = dropcut.drop(b"no picture", dropcut.unused("text.png"))
    outcome = dropcut.outcome(key)
    lines = until(lambda: _said(dropcut, "prepare", outcome.detail["job_id"]), "lines about the job")
    assert outcome.reason in [line.get("reason") for line in lines]


def test_every_stage_counts_what_it_did_in_metric_lines(dropcut: DropcutInUse) -> None:
    dropcut.outcome(dropcut.drop(photo(), dropcut.unused("counted.jpg")))
    for function, names in METRICS.items():
        until(lambda f=function, n=names: n <= _metrics(dropcut, f), f"{sorted(names)} in the log of {function}")


def _metrics(dropcut: DropcutInUse, function: Function) -> set[str]:
    """The names of the metrics in a function's log, each line of the one form that the alarms and graphs expect."""
    found = set()
    for line in _lines(dropcut, function, "CloudWatchMetrics"):
        (group,) = line["_aws"]["CloudWatchMetrics"]
        assert (group["Namespace"], group["Dimensions"]) == ("Dropcut", [["service"]])
        assert line["service"] == "dropcut-prod"
        found |= {metric["Name"] for metric in group["Metrics"]}
    return found


def test_the_api_key_stands_in_no_log(dropcut: DropcutInUse) -> None:
    for function in STAGES:
        assert dropcut.log(function, dropcut.api.key) == []
