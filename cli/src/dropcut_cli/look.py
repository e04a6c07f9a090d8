"""`dropcut logs` and `dropcut test-alarm`: the lines about one photo, and whether alarms arrive."""

import json
import time
from collections.abc import Iterator
from typing import Any

import click

from dropcut_cli.exits import Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output


@click.command(epilog="Examples: `dropcut logs shop/a.jpg`, `dropcut logs JOB --days 7 --json`")
@click.argument("photo", metavar="KEY|JOB")
@click.option("--days", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True, help="How far back.")
@on_a_deployment
def logs(deployment: Any, output: Output, photo: str, days: float) -> int:
    """Show the log lines of one photo from all stages, in the order of time. Ends with 9 when there is none."""
    from dropcut_cli.photo import find_photo  # noqa: PLC0415

    job = str(find_photo(deployment, photo)["job_id"])
    lines = sorted(_lines_about(deployment, job, since=time.time() - days * 86_400), key=lambda line: line["time"])
    for line in lines:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(line["time"]))
        output.result(line, f"{when}  {line['stage']:8} {line['level']:8} {line['text']}")
    if not lines:
        output.progress(f"No line about it in {days:g} days. Logs are kept for 30.")
    return Exit.DONE if lines else Exit.NOTHING


def _lines_about(deployment: Any, job: str, *, since: float) -> Iterator[dict[str, Any]]:
    from dropcut_cli.deployment import STAGE_FUNCTIONS  # noqa: PLC0415

    asked = {"filterPattern": f'"{job}"', "startTime": int(since * 1000)}
    for queue in deployment.queues:
        group = deployment.function(queue)["LoggingConfig"]["LogGroup"]
        for event in deployment.pages("logs", "filter_log_events", "events", logGroupName=group, **asked):
            yield _line(STAGE_FUNCTIONS[queue], event["timestamp"] / 1000, event["message"])


def _line(stage: str, when: float, message: str) -> dict[str, Any]:
    """Powertools writes JSON; anything else, such as a crash, is shown as it is."""
    try:
        values = json.loads(message)
        text = " ".join([str(values["message"]), str(values.get("reason", ""))]).strip()
        return {"time": when, "stage": stage, "level": str(values["level"]), "text": text, "line": values}
    except (ValueError, KeyError, TypeError):
        return {"time": when, "stage": stage, "level": "", "text": message.strip(), "line": message}


@click.command(name="test-alarm", epilog="Example: `dropcut test-alarm --stage test`")
@on_a_deployment
def test_alarm(deployment: Any, output: Output) -> int:
    """Send a test the way an alarm goes: an alarm of the deployment is set, and CloudWatch notifies the topic.

    It returns to its own state with its next look at the metric, within minutes. Ends with 1 when nobody listens.
    """
    found = deployment.subscriptions()
    confirmed = sum(each["SubscriptionArn"].startswith("arn:") for each in found)
    alarms = [alarm["AlarmName"] for alarm in deployment.alarms() if alarm["StateValue"] != "ALARM"]
    if alarms:
        reason = "A test by `dropcut test-alarm`: nothing is wrong."
        deployment.client("cloudwatch").set_alarm_state(AlarmName=alarms[0], StateValue="ALARM", StateReason=reason)
    output.result(
        {"alarm": alarms[0] if alarms else None, "confirmed": confirmed, "subscriptions": len(found)},
        f"The alarm {alarms[0]} was set." if alarms else "Every alarm is set already: no test was sent.",
        f"{confirmed} of {len(found)} subscriptions of the topic are confirmed.",
    )
    if not confirmed:
        output.progress("Nobody hears the alarms: deploy with alarm_email=you@example.com, and confirm the e-mail.")
    return Exit.DONE if confirmed and alarms else Exit.FAILED
