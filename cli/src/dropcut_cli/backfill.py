"""`dropcut backfill`: photos that lie in an input already, fed into the pipeline at the pace of the API."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, amount, for_people
from dropcut_cli.price import price
from dropcut_cli.put import ASK_ABOVE


@click.group()
def backfill() -> None:
    """Feed photos that are there already into the pipeline. Live photos go first (docs/backfill.md)."""


def _on_photos(function: Callable[..., Any]) -> Callable[..., Any]:
    """The verb is given `photos` and their `plan`, also in `lines` for people."""

    @click.argument("where", metavar="[s3://BUCKET/PREFIX]", required=False)
    @click.option("--keys", metavar="FILE", help="A list of keys, or S3 Inventory's CSV (.gz): a file, or s3://...")
    @click.option("--dollars-per-credit", type=click.FloatRange(0), help="Of your plan. Default: the list price.")
    @on_a_deployment
    @wraps(function)
    def with_photos(*, deployment: Deployment, where: Any, keys: Any, dollars_per_credit: Any, **named: Any) -> Any:
        from dropcut_cli.backfill_photos import find_photos, lines_of, planned

        if (where is None) == (keys is None):
            raise CommandError("Which photos? Name s3://BUCKET/PREFIX, or a list with --keys.", Exit.USAGE)
        photos = find_photos(deployment, where, keys)
        plan = planned(deployment, photos, dollars_per_credit)
        return function(deployment=deployment, photos=photos, plan=plan, lines=lines_of(plan), **named)

    return with_photos


@backfill.command("plan", epilog="Examples: `dropcut backfill plan s3://shop/2024/`, `... plan --keys keys.csv.gz`")
@_on_photos
def plan_(*, output: Output, plan: dict[str, Any], lines: list[str], **_more: Any) -> int:
    """Say how many photos there are, how many are done, and what the others cost at most. Ends with 9 if nothing."""
    output.result(plan, *lines)
    return Exit.NOTHING if _is_nothing(plan) else Exit.DONE


@backfill.command(epilog="Examples: `dropcut backfill start s3://shop/2024/`, `... start --keys keys.txt --yes`")
@click.option("--yes", is_flag=True, help=f"Do not ask above {ASK_ABOVE} photos.")
@_on_photos
def start(*, deployment: Deployment, output: Output, photos: Any, plan: Any, lines: list[str], yes: bool) -> int:
    """Begin a back-fill, after showing its plan. It goes on by itself; several take turns. Ends with 9 if nothing."""
    from dropcut.core.backfill import Backfill

    rule, now = _rule(deployment), time.time()
    for line in lines:
        output.progress(line)
    if _is_nothing(plan):
        return Exit.NOTHING
    # Also of those that will probably be rejected: their bytes decide, and not their names.
    sent = plan["objects"] - plan["left_out"] - plan["done"]
    if sent > ASK_ABOVE or plan["done_is_estimated"]:
        output.ask("Start this back-fill?", yes=yes)
    name = f"{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M}-{secrets.token_hex(2)}"
    begun = Backfill(name=name, bucket=photos.bucket, prefix=photos.prefix, total=plan["objects"], started_at=now)
    events = deployment.client("events")
    events.enable_rule(Name=rule)  # before anything is left: who may not do this starts nothing
    deployment.backfills.start(photos.stored(begun))
    events.enable_rule(Name=rule)  # again: a feeder without work turns it off
    output.result(plan | {"name": name}, f"Back-fill {name} has started.")
    output.progress("The feeder sends its first photos within a minute; `dropcut backfill list` shows how far it is.")
    return Exit.DONE


def _is_nothing(plan: dict[str, Any]) -> bool:
    """Where some were not looked up, there may always be one to do."""
    return not plan["to_do"] and not plan["done_is_estimated"]


@backfill.command("list", epilog="Examples: `dropcut backfill list`, `dropcut backfill list --json`")
@on_a_deployment
def list_(deployment: Deployment, output: Output) -> int:
    """Show each back-fill: how far it is, when it will end, why it does not go on. Ends with 9 when there is none."""
    every, gate = deployment.backfills.all(), deployment.gate.get()
    is_off = deployment.client("events").describe_rule(Name=_rule(deployment))["State"] == "DISABLED"
    running = sum(each.status == "running" for each in every)
    waits = gate.why if gate.is_closed else _waits_for_tomorrow(deployment) if running else ""
    for each in every:
        shown = {name: value for name, value in vars(each).items() if name not in ("announced", "fed_until")}
        shown |= {"left_out": each.left_out, "ends_at": each.ended_at or None}
        if each.status == "running":
            asleep = f"the feeder sleeps; `dropcut backfill resume {each.name}` wakes it" if is_off else ""
            has_no_end = gate.is_closed or is_off
            ends_at = None if has_no_end else _ends_at(deployment, each, running)
            shown |= {"reason": waits or asleep, "ends_at": ends_at}
        output.result(shown, _line(shown))
    if not every:
        output.progress(f"There is no back-fill in {deployment.name}.")
    return Exit.DONE if every else Exit.NOTHING


def _waits_for_tomorrow(deployment: Deployment) -> str:
    """Why nothing is sent before midnight; empty when something may be."""
    from dropcut.adapters.key_records import BudgetRecord
    from dropcut.core.backfill import credits_for_backfills

    limit, each = deployment.limits["daily_credit_limit"], deployment.limits["credits_per_image"]
    most = credits_for_backfills(daily_credit_limit=limit, credits_per_image=each)
    budget = BudgetRecord(table=deployment.table, daily_credit_limit=limit)
    if not limit or (spent := budget.spent(deployment.fingerprint, now=time.time())) + each <= most:
        return ""
    return (
        f"{amount(spent)} credits of {amount(limit)} are spent today: a back-fill leaves the rest to live photos, "
        "and goes on at midnight UTC"
    )


def _ends_at(deployment: Deployment, each: Any, running: int) -> float:
    """When all are sent: at the pace, of which each that runs has its part, or as the daily limit has it."""
    from dropcut.core.backfill import PART_OF_THE_DAY

    cost = price(deployment, max(0, each.total - each.seen), part_of_the_day=PART_OF_THE_DAY)
    return float(time.time() + max(cost["seconds"] * running, 86_400 * (cost["days_of_the_limit"] or 0)))


def _line(shown: dict[str, Any]) -> str:
    seen = f"{shown['seen']:,} of {shown['total']:,}"
    ends = (
        f", ends in {for_people(shown['ends_at'] - time.time())}"
        if shown["status"] == "running" and shown["ends_at"]
        else ""
    )
    what = f"a list, {shown['bucket']}" if shown["parts"] else f"s3://{shown['bucket']}/{shown['prefix']}"
    reason = f": {shown['reason']}" if shown["reason"] else ""
    return f"{shown['name']}  {shown['status']}  {seen}{ends}  {what}{reason}"


@backfill.command(epilog="Example: `dropcut backfill stop 20261126-0915-7f3a`")
@click.argument("name", required=False)
@on_a_deployment
def stop(deployment: Deployment, output: Output, name: str | None) -> int:
    """Send no more photos; what is sent already is cut out. NAME is needed where there are several."""
    return _change(deployment, output, name, "stop")


@backfill.command(epilog="Example: `dropcut backfill resume 20261126-0915-7f3a`")
@click.argument("name", required=False)
@on_a_deployment
def resume(deployment: Deployment, output: Output, name: str | None) -> int:
    """Go on where it stopped. NAME is needed where there are several."""
    code = _change(deployment, output, name, "resume")
    deployment.client("events").enable_rule(Name=_rule(deployment))
    return code


def _change(deployment: Deployment, output: Output, name: str | None, event: str) -> int:
    every = [] if name else deployment.backfills.all()
    names = [name] if name else [each.name for each in every if each.transition(event).next != each.status]
    if len(names) != 1:
        known = f": {', '.join(names)}" if names else ""
        raise CommandError(f"Which one? There are {len(names)} back-fills to {event}{known}.", Exit.USAGE)
    status = getattr(deployment.backfills, event)(names[0])
    if not status:
        raise CommandError(f"There is no back-fill {names[0]} here; `dropcut backfill list` shows all.", Exit.USAGE)
    output.result({"name": names[0], "status": status}, f"Back-fill {names[0]} is {status}.")
    return Exit.NOTHING if status == "finished" else Exit.DONE


def _rule(deployment: Deployment) -> str:
    rule = deployment.outputs.get("BackfillRuleName")
    if not rule:
        raise CommandError(f"{deployment.name} was deployed before there were back-fills. {deployment.deploy_again}")
    return str(rule)
