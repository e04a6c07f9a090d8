"""`dropcut estimate`: what photos of this machine, or of a prefix in the input bucket, will cost."""

from collections import Counter
from pathlib import Path

import click

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, counted
from dropcut_cli.price import in_words, price


@click.command(epilog="Examples: `dropcut estimate photos/ --to shop/`, `dropcut estimate shop/2026/`")
@click.argument("where", metavar="PREFIX|FOLDER|FILE", default="")
@click.option("--to", default="", help="Of a folder: what the keys would begin with, as `put` is given it.")
@click.option("--dollars-per-credit", type=click.FloatRange(0), help="Of your plan. Default: the maker's list price.")
@on_a_deployment
def estimate(deployment: Deployment, output: Output, where: str, to: str, dollars_per_credit: float | None) -> int:
    """Say how many photos there are, how many are done, and what the others cost at most. Nothing is changed.

    WHERE is a folder or file of this machine if there is one of that name, otherwise a prefix in the input bucket.
    Photos of the same picture are paid for once. Ends with 9 when there is nothing to do.
    """
    is_here = bool(where) and Path(where).exists()
    if not is_here and (to or where.startswith(("/", "."))):
        raise CommandError(f"There is no '{where}' on this machine; a prefix begins with neither / nor .", Exit.USAGE)
    photos, done, refused, others = _files(deployment, where, to) if is_here else _prefix(deployment, where)
    cost = price(deployment, photos - done, dollars_per_credit)
    output.result(
        {**cost, "photos": photos, "done": done, "to_do": photos - done, "refused": refused},
        f"{counted(photos, 'photo')}, {done:,} of them done; {others}",
        f"To do: {in_words(cost)}",
    )
    return Exit.DONE if photos > done else Exit.NOTHING


def _files(deployment: Deployment, where: str, to: str) -> tuple[int, int, int, str]:
    """Photos, those that are done, other files, and what becomes of these, by their endings."""
    from dropcut_cli.uploads import look_up

    new, done, left_out, _records = look_up(deployment, [Path(where)], prefix=to)
    endings = Counter(each.path.suffix or "without an ending" for each in left_out)
    which = ", ".join(f"{number:,} {ending}" for ending, number in endings.most_common())
    words = counted(len(left_out), "other file") + " left out" + (f" ({which})" if which else "")
    return len(new) + len(done), len(done), len(left_out), words


def _prefix(deployment: Deployment, where: str) -> tuple[int, int, int, str]:
    """The same, by the rules of a back-fill."""
    from dropcut_cli.backfill_photos import find_photos, planned

    plan = planned(deployment, find_photos(deployment, f"s3://{deployment.input_bucket}/{where}", None), None)
    refused = plan["would_be_rejected"]
    return plan["photos"], plan["done"], refused, f"{counted(refused, 'other file')} would be rejected"
