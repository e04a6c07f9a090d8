"""`dropcut status`: where one photo is, or how the deployment is, in ten lines."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import click

from dropcut_cli.exits import Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, counted, for_people

_COUNTS = {
    "waiting": "ApproximateNumberOfMessages",
    "in_work": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


@click.command(epilog="Examples: `dropcut status`, `dropcut status shop/a.jpg --stage test`, `dropcut status --json`")
@click.argument("photo", metavar="[KEY|JOB]", required=False)
@on_a_deployment
def status(deployment: Any, output: Output, photo: str | None) -> int:
    """Say where a photo is, since when, why, and what to do; without KEY, how the deployment is.

    Ends with 8 when spending is paused or the day's budget is reached.
    """
    if photo:
        from dropcut_cli.photo import described, find_photo, lines_of  # noqa: PLC0415

        found = described(find_photo(deployment, photo))
        output.result(found, *lines_of(found))
        return Exit.DONE
    values = overview(deployment)
    output.result(values, *_lines(deployment, values))
    return Exit.PAUSED if values["gate"]["state"] != "open" or values["budget_reached"] else Exit.DONE


def overview(deployment: Any) -> dict[str, Any]:
    """The deployment now, under the stable names of `--json`."""
    from dropcut.adapters.gate_record import read_gate  # noqa: PLC0415
    from dropcut.adapters.key_records import health_id, read_health  # noqa: PLC0415
    from dropcut.core.item_kinds import BUDGET, GATE, PACE  # noqa: PLC0415

    now, key = time.time(), deployment.fingerprint
    budget_id = f"{BUDGET}{key}#{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
    names = [(queue, dead) for queue in deployment.queues for dead in (False, True)]
    for service in ("sqs", "cloudwatch", "dynamodb", "lambda"):
        deployment.client(service)  # clients are made one after the other, and called at once
    with ThreadPoolExecutor() as pool:
        alarms = pool.submit(deployment.alarms, StateValue="ALARM")
        items = pool.submit(deployment.table.get_many, [GATE, health_id(key), f"{PACE}{key}", budget_id])
        limits = pool.submit(lambda: deployment.limits)
        queues = dict(zip(names, pool.map(lambda name: queue_counts(deployment, *name), names), strict=True))
    found = items.result()
    gate = read_gate(found.get(GATE))
    spent = float(found.get(budget_id, {}).get("spent", 0.0))
    limit, credits = limits.result()["daily_credit_limit"], limits.result()["credits_per_image"]
    return {
        "stage": deployment.stage,
        "stack": deployment.stack,
        "queues": {queue.lower(): queues[queue, False] for queue in deployment.queues},
        "dead_letters": {queue.lower(): queues[queue, True]["waiting"] for queue in deployment.queues},
        "gate": {"state": gate.state(now), "code": gate.code, "reason": gate.reason, "next_try": gate.until},
        "credits_today": spent,
        "daily_credit_limit": limit,
        "budget_reached": bool(limit and spent + credits > limit),
        "pace": {
            "requests": limits.result()["rate_limit_requests"],
            "seconds": limits.result()["rate_limit_seconds"],
            "booked_seconds": max(0.0, float(found.get(f"{PACE}{key}", {}).get("next_free", 0.0)) - now),
        },
        "health": {"troubled": len(read_health(found.get(health_id(key))).troubled), "key": key},
        "alarms": [alarm["AlarmName"] for alarm in alarms.result()],
    }


def queue_counts(deployment: Any, queue: str, dead: bool) -> dict[str, int]:
    """How many messages wait, are in work and are delayed, as far as SQS knows."""
    url = deployment.queue_url(queue, dead_letters=dead)
    attributes = deployment.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS.values()))
    return {name: int(attributes["Attributes"].get(attribute, 0)) for name, attribute in _COUNTS.items()}


def _lines(deployment: Any, values: Mapping[str, Any]) -> list[str]:
    gate, limit, pace = values["gate"], values["daily_credit_limit"], values["pace"]
    paused = gate["state"] != "open"
    dead = sum(values["dead_letters"].values())
    troubled = values["health"]["troubled"]
    return [
        f"Deployment {deployment.name}",
        *(
            f"  {queue:9} {each['waiting']:,} waiting, {each['in_work']:,} in work, {each['delayed']:,} delayed"
            for queue, each in values["queues"].items()
        ),
        f"  failures  {counted(dead, 'dead letter')}" + ("; `dropcut failures` shows why" if dead else ""),
        f"  gate      {gate['state']}" + (f" ({gate['code']}): {gate['reason']}" if paused else ""),
        f"  pace      {pace['requests']:g} calls in {pace['seconds']:g} s at most, "
        f"booked for {for_people(pace['booked_seconds'])} ahead",
        f"  credits   {values['credits_today']:g} today" + (f" of {limit:g}" if limit else ", no daily limit"),
        f"  health    {counted(troubled, 'picture') + ' met trouble' if troubled else 'no trouble'}"
        + ("" if values["health"]["key"] else "; there is no API key: `dropcut set-key`"),
        f"  alarms    {', '.join(values['alarms']) or 'none'}",
    ]
