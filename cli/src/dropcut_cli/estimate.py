"""`dropcut estimate`: what the photos of a folder, or of a prefix in the input bucket, will cost."""

from pathlib import Path

import click

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output
from dropcut_cli.price import in_words, price


@click.command(epilog="Examples: `dropcut estimate photos/`, `dropcut estimate shop/2026/ --dollars-per-credit 0.008`")
@click.argument("where", metavar="PREFIX|FOLDER", default="")
@click.option("--dollars-per-credit", type=click.FloatRange(0), help="Of your plan. Default: the maker's list price.")
@on_a_deployment
def estimate(deployment: Deployment, output: Output, where: str, dollars_per_credit: float | None) -> int:
    """Say how many photos there are, how many are done, and what the others cost at most. Nothing is changed.

    WHERE is a folder of this machine if there is one of that name, otherwise a prefix in the input bucket. Photos of
    the same picture are paid for once. Ends with 9 when there is nothing to do.
    """
    count = _folder if Path(where).is_dir() and where else _prefix
    photos, done, refused = count(deployment, where)
    cost = price(deployment, photos - done, dollars_per_credit)
    output.result(
        {**cost, "photos": photos, "done": done, "to_do": photos - done, "refused": refused},
        f"{photos:,} photos, {done:,} of them done; {refused:,} other files, which would be rejected",
        f"To do: {in_words(cost)}",
    )
    return Exit.DONE if photos > done else Exit.NOTHING


def _folder(deployment: Deployment, where: str) -> tuple[int, int, int]:
    """Photos, those that are done, files that are no photos."""
    from dropcut_cli.uploads import look_up

    new, done, left_out, _records = look_up(deployment, [Path(where)])
    return len(new) + len(done), len(done), len(left_out)


def _prefix(deployment: Deployment, where: str) -> tuple[int, int, int]:
    """The same, by the rules of a back-fill."""
    from dropcut_cli.backfill_photos import find_photos, planned

    plan = planned(deployment, find_photos(deployment, f"s3://{deployment.input_bucket}/{where}", None), None)
    return plan["photos"], plan["done"], plan["would_be_rejected"]
