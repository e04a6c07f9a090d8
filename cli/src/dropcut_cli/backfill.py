"""`dropcut backfill`: photos that lie in an input already, fed into the pipeline at the pace of the API."""

import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click

from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, counted, for_people

ASK_ABOVE = 50


@click.group()
def backfill() -> None:
    """Feed photos that are there already into the pipeline.

    Live photos go first. Nothing is sent while spending is paused, or faster than the pace. docs/backfill.md says more.
    """


def _on_photos(function: Callable[..., Any]) -> Callable[..., Any]:
    """The verb is given `photos`, which it goes through as often as it likes."""

    @click.argument("where", metavar="[s3://BUCKET/PREFIX]", required=False)
    @click.option("--keys", metavar="FILE", help="A list of keys, or S3 Inventory's CSV (.gz): a file, or s3://...")
    @click.option("--dollars-per-credit", type=click.FloatRange(0), help="Of your plan. Default: the list price.")
    @on_a_deployment
    @wraps(function)
    def with_photos(*, deployment: Any, where: str | None, keys: str | None, **named: Any) -> Any:
        from dropcut_cli.backfill_photos import find_photos  # noqa: PLC0415

        if (where is None) == (keys is None):
            raise CommandError("Which photos? Name s3://BUCKET/PREFIX, or a list with --keys.", Exit.USAGE)
        return function(deployment=deployment, photos=find_photos(deployment, where, keys), **named)

    return with_photos


@backfill.command(epilog="Examples: `dropcut backfill plan s3://shop-photos/2024/`, `... plan --keys inventory.csv.gz`")
@_on_photos
def plan(*, deployment: Any, output: Output, photos: Any, dollars_per_credit: float | None) -> int:
    """Say how many photos there are, how many are done, and what the others cost at most. Nothing is changed.

    Ends with 9 when there is nothing to do.
    """
    planned = _planned(deployment, photos, dollars_per_credit)
    output.result(planned, *_plan_lines(planned))
    return Exit.DONE if planned["to_do"] else Exit.NOTHING


def _planned(deployment: Any, photos: Any, dollars_a_credit: float | None) -> dict[str, Any]:
    from dropcut_cli.backfill_photos import counts  # noqa: PLC0415
    from dropcut_cli.price import price  # noqa: PLC0415

    found = counts(deployment, photos)
    return {"bucket": photos.bucket, "prefix": photos.prefix, **found} | {
        name: value for name, value in price(deployment, found["to_do"], dollars_a_credit).items() if name != "photos"
    }


def _plan_lines(planned: dict[str, Any]) -> Sequence[str]:
    from dropcut_cli.price import in_words  # noqa: PLC0415

    about = "about " if planned["done_is_estimated"] else ""
    return (
        f"{counted(planned['objects'], 'object')}: {planned['photos']:,} photos, {about}{planned['done']:,} of them done",
        f"{planned['would_be_rejected']:,} other files would be rejected, {planned['left_out']:,} are left out",
        f"To do: {in_words(planned | {'photos': planned['to_do']})}",
    )


@backfill.command(epilog="Examples: `dropcut backfill start s3://shop-photos/2024/`, `... start --keys keys.txt --yes`")
@click.option("--yes", is_flag=True, help=f"Do not ask above {ASK_ABOVE} photos.")
@_on_photos
def start(*, deployment: Any, output: Output, photos: Any, dollars_per_credit: float | None, yes: bool) -> int:
    """Begin a back-fill, after showing its plan. It goes on by itself; several take turns.

    Ends with 9 when there is nothing to do.
    """
    from dropcut.adapters.backfill_records import BackfillRecords  # noqa: PLC0415
    from dropcut.core.backfill import Backfill  # noqa: PLC0415

    rule = _rule(deployment)
    planned = _planned(deployment, photos, dollars_per_credit)
    for line in _plan_lines(planned):
        output.progress(line)
    if not planned["to_do"]:
        return Exit.NOTHING
    if planned["to_do"] > ASK_ABOVE and not output.ask("Start this back-fill?", yes=yes):
        return Exit.USAGE
    now = time.time()
    name = f"{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M}-{secrets.token_hex(2)}"
    begun = Backfill(
        name=name,
        bucket=photos.bucket,
        prefix=photos.prefix,
        parts=photos.store(deployment, name),
        total=planned["objects"],
        started_at=now,
    )
    BackfillRecords(table=deployment.table).start(begun)
    deployment.client("events").enable_rule(Name=rule)
    output.result(planned | {"name": name}, f"Back-fill {name} has started.")
    output.progress("The feeder sends its first photos within a minute; `dropcut backfill list` shows how far it is.")
    return Exit.DONE


@backfill.command("list", epilog="Examples: `dropcut backfill list`, `dropcut backfill list --json`")
@on_a_deployment
def list_(deployment: Any, output: Output) -> int:
    """Show each back-fill: how far it is, when it will end, why it does not go on. Ends with 9 when there is none."""
    from dropcut.adapters.backfill_records import BackfillRecords  # noqa: PLC0415

    every = BackfillRecords(table=deployment.table).all()
    gate = deployment.gate.get()
    is_on = deployment.client("events").describe_rule(Name=_rule(deployment))["State"] == "ENABLED"
    running = sum(each.status == "running" for each in every)
    for each in every:
        ends_at = _ends_at(deployment, each, running)
        waits = ""
        if each.status == "running":
            waits = gate.why if gate.is_closed else "" if is_on else f"`dropcut backfill resume {each.name}` wakes it"
        shown = {
            "name": each.name,
            "status": each.status,
            "reason": each.reason or waits,
            "bucket": each.bucket,
            "prefix": each.prefix,
            "from_a_list": bool(each.parts),
            "total": each.total,
            "seen": each.seen,
            "sent": each.sent,
            "left_out": each.left_out,
            "started_at": each.started_at,
            "ends_at": each.ended_at or ends_at,
        }
        when = f", ends in {for_people(ends_at - time.time())}" if ends_at else ""
        of = "" if each.total is None else f" of {each.total:,}"
        reason = f": {shown['reason']}" if shown["reason"] else ""
        what = f"a list in {each.bucket}" if each.parts else f"s3://{each.bucket}/{each.prefix}"
        output.result(
            shown, f"{each.name}  {each.status}  {each.seen:,}{of} seen, {each.sent:,} sent{when}  {what}{reason}"
        )
    if not every:
        output.progress(f"There is no back-fill in {deployment.name}.")
    return Exit.DONE if every else Exit.NOTHING


def _ends_at(deployment: Any, each: Any, running: int) -> float | None:
    """When all are sent, at the pace or as the daily limit has it; None when it does not run."""
    from dropcut_cli.price import price  # noqa: PLC0415

    if each.status != "running" or each.total is None:
        return None
    cost = price(deployment, max(0, each.total - each.seen))
    seconds = max(cost["seconds"] * running, 86_400 * (cost["days_of_the_limit"] or 0))
    return time.time() + float(seconds)


@backfill.command(epilog="Example: `dropcut backfill stop 20261126-0915-7f3a`")
@click.argument("name", required=False)
@on_a_deployment
def stop(deployment: Any, output: Output, name: str | None) -> int:
    """Send no more photos; what is sent already is cut out. Without NAME, the only one that runs."""
    return _change(deployment, output, name, "stop", ("running", "broken"))


@backfill.command(epilog="Example: `dropcut backfill resume 20261126-0915-7f3a`")
@click.argument("name", required=False)
@on_a_deployment
def resume(deployment: Any, output: Output, name: str | None) -> int:
    """Go on where it stopped. Without NAME, the only one that does not run and is not finished."""
    rule = _rule(deployment)
    code = _change(deployment, output, name, "resume", ("stopped", "broken"))
    deployment.client("events").enable_rule(Name=rule)
    return code


def _change(deployment: Any, output: Output, name: str | None, event: str, meant: Sequence[str]) -> int:
    from dropcut.adapters.backfill_records import BackfillRecords  # noqa: PLC0415

    records = BackfillRecords(table=deployment.table)
    if name is None:
        names = [each.name for each in records.all() if each.status in meant]
        if len(names) != 1:
            known = f": {', '.join(names)}" if names else ""
            raise CommandError(f"Which one? There are {len(names)} back-fills to {event}{known}.", Exit.USAGE)
        (name,) = names
    status = getattr(records, event)(name)
    if not status:
        raise CommandError(f"There is no back-fill {name} in {deployment.name}; `dropcut backfill list` shows all.")
    output.result({"name": name, "status": status}, f"Back-fill {name} is {status}.")
    return Exit.NOTHING if status == "finished" else Exit.DONE


def _rule(deployment: Any) -> str:
    rule = deployment.outputs.get("BackfillRuleName")
    if not rule:
        raise CommandError(f"{deployment.name} was deployed before there were back-fills. Run `dropcut deploy`.")
    return str(rule)
