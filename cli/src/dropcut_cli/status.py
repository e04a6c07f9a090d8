"""`dropcut status`: where one photo is, or how the deployment is, in ten lines."""

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import click

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.gate import WHAT_COMES_NEXT
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, amount, counted, for_people

_COUNTS = {
    "waiting": "ApproximateNumberOfMessages",
    "in_work": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


@click.command(epilog="Examples: `dropcut status`, `dropcut status shop/a.jpg --stage test`, `dropcut status --json`")
@click.argument("photo", metavar="[KEY|JOB]", required=False)
@on_a_deployment
def status(deployment: Deployment, output: Output, photo: str | None) -> int:
    """Say where a photo is, since when, why, and what to do; without KEY, how the deployment is.

    Ends with 8 when spending is paused or the day's budget is reached.
    """
    if photo:
        from dropcut.adapters.gate_record import read_gate
        from dropcut.core.item_kinds import GATE

        from dropcut_cli.photo import described, find_photo, lines_of, payment_id

        record = find_photo(deployment, photo)
        items = deployment.table.get_many([payment_id(record), GATE])
        found = described(record, items.get(payment_id(record), {}), read_gate(items.get(GATE)))
        output.result(found, *lines_of(found))
        return Exit.DONE
    values = overview(deployment)
    output.result(values, *_lines(deployment, values))
    return Exit.PAUSED if values["gate"]["state"] != "open" or values["budget_reached"] else Exit.DONE


def overview(deployment: Deployment) -> dict[str, Any]:
    """The deployment now, under the stable names of `--json`."""
    from dropcut.adapters.gate_record import read_gate
    from dropcut.adapters.key_records import health_id, read_health
    from dropcut.core.item_kinds import BUDGET, GATE, PACE

    now, key = time.time(), deployment.fingerprint
    health, pace = health_id(key), f"{PACE}{key}"
    budget = f"{BUDGET}{key}#{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
    names = [(queue, dead) for queue in deployment.queues for dead in (False, True)]
    for service in ("sqs", "cloudwatch", "dynamodb", "lambda"):
        deployment.client(service)  # clients are made one after the other, and called at once
    with ThreadPoolExecutor() as pool:
        alarms = pool.submit(deployment.alarms, StateValue="ALARM")
        items = pool.submit(deployment.table.get_many, [GATE, health, pace, budget])
        deployed = pool.submit(lambda: deployment.limits)
        queues = dict(zip(names, pool.map(lambda name: queue_counts(deployment, *name), names), strict=True))
    found, limits = items.result(), _known(deployed)
    gate = read_gate(found.get(GATE))
    spent, limit = float(found.get(budget, {}).get("spent", 0.0)), limits.get("daily_credit_limit")
    return {
        "stage": deployment.stage,
        "stack": deployment.stack,
        "queues": {queue.lower(): queues[queue, False] for queue in deployment.queues},
        "dead_letters": {queue.lower(): queues[queue, True]["waiting"] for queue in deployment.queues},
        "gate": {"state": gate.state(now), "code": gate.code, "reason": gate.reason, "next_try": gate.until},
        "credits_today": spent,
        "daily_credit_limit": limit,
        "budget_reached": bool(limit and spent + limits["credits_per_image"] > limit),
        "pace": {
            "requests": limits.get("rate_limit_requests"),
            "seconds": limits.get("rate_limit_seconds"),
            "booked_seconds": max(0.0, float(found.get(pace, {}).get("next_free", 0.0)) - now),
        },
        "health": {"troubled": len(read_health(found.get(health)).troubled), "key": key},
        "alarms": [alarm["AlarmName"] for alarm in alarms.result()],
    }


def _known(deployed: Future[dict[str, float]]) -> dict[str, float]:
    """None are while no function reads the queue of cut: the doctor finds that, and the rest is shown."""
    try:
        return deployed.result()
    except CommandError:
        return {}


def queue_counts(deployment: Deployment, queue: str, dead: bool) -> dict[str, int]:
    """How many messages wait, are in work and are delayed, as far as SQS knows."""
    found = deployment.queue_attributes(queue, *_COUNTS.values(), dead_letters=dead)
    return {name: int(found.get(attribute, 0)) for name, attribute in _COUNTS.items()}


def _lines(deployment: Deployment, values: Mapping[str, Any]) -> list[str]:
    pace, health = values["pace"], values["health"]
    dead = sum(values["dead_letters"].values())
    return [
        f"Deployment {deployment.name}",
        *(
            f"  {queue:9} {each['waiting']:,} waiting, {each['in_work']:,} in work, {each['delayed']:,} delayed"
            for queue, each in values["queues"].items()
        ),
        f"  failures  {counted(dead, 'dead letter')}" + ("; `dropcut failures` shows why" if dead else ""),
        f"  gate      {_of_gate(values['gate'])}",
        f"  pace      {_at_most(pace)}, booked for {for_people(pace['booked_seconds'])} ahead",
        f"  credits   {amount(values['credits_today'])} today{_of_limit(values['daily_credit_limit'])}",
        "  health    "
        + (f"{counted(health['troubled'], 'picture')} met trouble" if health["troubled"] else "no trouble")
        + ("" if health["key"] else "; there is no API key: `dropcut set-key`"),
        f"  alarms    {', '.join(values['alarms']) or 'none'}",
    ]


def _at_most(pace: Mapping[str, Any]) -> str:
    if pace["requests"] is None:
        return "unknown: `dropcut doctor` finds why"
    return f"{amount(pace['requests'])} calls in {amount(pace['seconds'])} s at most"


def _of_limit(limit: float | None) -> str:
    return ", limit unknown" if limit is None else f" of {amount(limit)}" if limit else ", no daily limit"


def _of_gate(gate: Mapping[str, Any]) -> str:
    """Its state, why it is not open, and what comes next."""
    if gate["state"] == "open":
        return "open"
    what_next = WHAT_COMES_NEXT[gate["state"]].format(when=f"in {for_people(gate['next_try'] - time.time())}")
    return f"{gate['state']} ({gate['code']}): {gate['reason'].rstrip('.')}. {what_next}"
