"""`dropcut logs`, `test-alarm` and `sandbox-probe`: what a deployment says when it is asked."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import click

from dropcut_cli.deployment import STAGE_FUNCTIONS, Deployment
from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output

LAYERS = {
    "prctl": "the function's memory and environment are closed to other processes of its user",
    "no_new_privs": "no program that is run could gain rights",
    "landlock": "files outside of a photo's own folder, TCP, and other processes are out of reach",
    "seccomp": "no socket, program, process, tracing or signal to others",
    "exposed": "a taken-over decoder could read the function's credentials",
    "yama_ptrace_scope": "whom the kernel lets trace others; none without yama",
}
"""What holds a process that decodes photos, and what that means."""

_TEST = "A test by `dropcut test-alarm`: nothing is wrong."


@click.command(epilog="Examples: `dropcut logs shop/a.jpg`, `dropcut logs JOB --days 7 --json`")
@click.argument("photo", metavar="KEY|JOB")
@click.option("--days", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True, help="How far back.")
@on_a_deployment
def logs(deployment: Deployment, output: Output, photo: str, days: float) -> int:
    """Show the log lines of one photo from all stages, in the order of time. Ends with 9 when there is none."""
    from dropcut_cli.photo import find_photo

    job = str(find_photo(deployment, photo)["job_id"])
    lines = sorted(_lines_about(deployment, job, since=time.time() - days * 86_400), key=lambda line: line["time"])
    for line in lines:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(line["time"]))
        output.result(line, f"{when}  {line['stage']:8} {line['level']:8} {line['text']}")
    if not lines:
        output.progress(f"No line about it in {days:g} days. Logs are kept for 30.")
    return Exit.DONE if lines else Exit.NOTHING


def _lines_about(deployment: Deployment, job: str, *, since: float) -> Iterator[dict[str, Any]]:
    asked = {"filterPattern": f'"{job}"', "startTime": int(since * 1000)}
    for queue in deployment.queues:
        group = deployment.function(queue)["LoggingConfig"]["LogGroup"]
        for event in deployment.pages("logs", "filter_log_events", "events", logGroupName=group, **asked):
            yield _line(STAGE_FUNCTIONS[queue], event["timestamp"] / 1000, event["message"])


def _line(stage: str, when: float, message: str) -> dict[str, Any]:
    """Powertools writes JSON; anything else, such as a crash, is shown as it is."""
    try:
        values = json.loads(message)
        text = " ".join([str(values["message"]), str(values.get("reason") or values.get("why") or "")]).strip()
        with suppress(KeyError, ValueError):  # CloudWatch's may be of when several lines came in together
            when = datetime.strptime(str(values["timestamp"]), "%Y-%m-%d %H:%M:%S,%f%z").timestamp()
        return {"time": when, "stage": stage, "level": str(values["level"]), "text": text, "line": values}
    except (ValueError, KeyError, TypeError):
        return {"time": when, "stage": stage, "level": "", "text": message.strip(), "line": message}


@click.command(name="test-alarm", epilog="Example: `dropcut test-alarm --stage test`")
@on_a_deployment
def test_alarm(deployment: Deployment, output: Output) -> int:
    """Send a test the way an alarm goes: an alarm of the deployment is set, and CloudWatch notifies the topic.

    It is one of dead letters. It returns to its own state with its next look at the metric, within minutes.
    Ends with 1 when nobody listens, and with 5 while an earlier test is set.
    """
    alarms = deployment.alarms()
    for each in alarms:
        if each["StateValue"] == "ALARM" and each.get("StateReason") == _TEST:
            sentence = f"The alarm {each['AlarmName']} is still set by a test. Run this again when it has returned."
            raise CommandError(sentence, Exit.TEMPORARY)
    found = deployment.subscriptions()
    confirmed = sum(each["SubscriptionArn"].startswith("arn:") for each in found)
    unset = [each["AlarmName"] for each in alarms if each["StateValue"] != "ALARM"]
    alarm = min(unset, key=lambda name: "DeadLetters" not in name, default=None)
    if alarm:
        deployment.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason=_TEST)
    output.result(
        {"alarm": alarm, "confirmed": confirmed, "subscriptions": len(found)},
        f"The alarm {alarm} was set." if alarm else "Every alarm is set already: no test was sent.",
        f"{confirmed} of {len(found)} subscriptions of the topic are confirmed.",
    )
    if not confirmed:
        output.progress("Nobody hears the alarms: deploy with alarm_email=you@example.com, and confirm the e-mail.")
    return Exit.DONE if confirmed and alarm else Exit.FAILED


@click.command(name="sandbox-probe", epilog="Example: `dropcut sandbox-probe --stage test`")
@on_a_deployment
def sandbox_probe(deployment: Deployment, output: Output) -> None:
    """Ask the prepare function, once, what holds its decoders. It answers yes or no to each, and decodes nothing."""
    from dropcut.core.sandbox_probe import SANDBOX_PROBE

    name = deployment.function("Intake")["FunctionName"]
    answer = deployment.client("lambda").invoke(FunctionName=name, Payload=json.dumps(SANDBOX_PROBE).encode())
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise CommandError(f"The function {name} failed: {said}. Look into its logs.")
    found = {layer: said.get(layer) for layer in LAYERS}
    output.result(found, *(f"{layer:18} {json.dumps(found[layer]):6} {LAYERS[layer]}" for layer in LAYERS))
