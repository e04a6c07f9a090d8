"""`dropcut remake`, `accept`, `reject` and `replace`: messages to the deliver stage, which pays for nothing."""

import json
from collections.abc import Iterator
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import click

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, counted
from dropcut_cli.put import side_by_side

_SENT = "`dropcut status KEY` shows when it is done."


@click.command(
    epilog="Examples: `dropcut remake shop/a.jpg --send`, `dropcut remake --prefix shop/`, `dropcut remake --all`"
)
@click.argument("key", required=False)
@click.option("--prefix", help="Every delivered photo whose key begins so.")
@click.option("--all", "every", is_flag=True, help="Every delivered photo.")
@click.option("--send", is_flag=True, help="Have them made; without it they are only shown.")
@on_a_deployment
def remake(
    *, deployment: Deployment, output: Output, key: str | None, prefix: str | None, every: bool, send: bool
) -> int:
    """Make the renditions of delivered photos anew, as they are described now, from what was paid for.

    Nothing is paid. Ends with 9 when no photo matches.
    """
    from dropcut.core.messages import Remake

    from dropcut_cli.photo import place_of

    if sum((key is not None, prefix is not None, every)) != 1:
        raise CommandError("Which photos? Name one KEY, a --prefix, or --all.", Exit.USAGE)
    photos = [_in_state(deployment, key, "delivered")] if key else list(_delivered(deployment, prefix or ""))
    deployment.client("sqs")  # made in one thread, used in several

    def order(photo: Any) -> tuple[str, str]:
        bucket, each = place_of(photo)
        if send:
            deployment.send("Deliver", Remake(bucket=bucket, key=each).to_json())
        return bucket, each

    for bucket, each in side_by_side(order, photos):
        values = {"bucket": bucket, "key": each, "sent": send}
        output.result(values, f"{'to be remade' if send else 'would be remade'}  {each}")
    if not photos:
        output.progress(f"No delivered photo matches in {deployment.name}.")
        return Exit.NOTHING
    number = counted(len(photos), "photo")
    output.progress(f"{number}. {_SENT}" if send else f"{number}; the same with --send makes their renditions anew.")
    return Exit.DONE


def _delivered(deployment: Deployment, prefix: str) -> Iterator[Any]:
    """Delivered photos of all inputs that can be made anew."""
    from boto3.dynamodb.conditions import Attr

    named = reduce(or_, (Attr("id").begins_with(deployment.photo_id(prefix, each)) for each in deployment.sources))
    yield from deployment.scan(named & Attr("status").eq("delivered") & Attr("delivered_outcome").exists(), "id")


def _in_state(deployment: Deployment, key: str, wanted: str, bucket: str = "") -> Any:
    from dropcut_cli.photo import find_photo

    record = find_photo(deployment, key, bucket)
    if record.get("status") != wanted:
        raise CommandError(f"The photo '{key}' is {record.get('status')}, not {wanted}: nothing was sent.")
    return record


@click.command(epilog="Example: `dropcut accept shop/a.jpg`")
@click.argument("key")
@on_a_deployment
def accept(deployment: Deployment, output: Output, key: str) -> None:
    """Deliver a cut-out that is held for review."""
    _decide(deployment, output, key, "accept")


@click.command(epilog="Example: `dropcut reject shop/a.jpg`")
@click.argument("key")
@on_a_deployment
def reject(deployment: Deployment, output: Output, key: str) -> None:
    """End a photo whose cut-out is held for review; its held files are removed."""
    _decide(deployment, output, key, "reject")


@click.command(epilog="Example: `dropcut replace shop/a.jpg mine.png`")
@click.argument("key")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True))
@on_a_deployment
def replace(deployment: Deployment, output: Output, key: str, file: Path) -> None:
    """Deliver a picture of your own instead of a held cut-out: with transparency, and the whole frame."""
    _decide(deployment, output, key, "replace", file)


def _decide(deployment: Deployment, output: Output, key: str, decision: str, file: Path | None = None) -> None:
    show_decision(output, send_decision(deployment, key, decision, file=file))
    output.progress(_SENT)


def send_decision(
    deployment: Deployment, key: str, decision: Any, *, bucket: str = "", job_id: str = "", file: Path | None = None
) -> dict[str, str]:
    """Send a decision on a held photo, with the picture that replaces it; returns what `--json` says of it.

    Args:
        job_id: the upload that was looked at; without it, the one that is held.

    Raises:
        CommandError: it is not held any more, or the picture cannot replace it.
    """
    from dropcut.core.review import HELD_FOLDER, Review

    from dropcut_cli.photo import place_of

    record = _in_state(deployment, key, "held", bucket)
    (of, key), held = place_of(record), record["job_id"]
    if job_id not in ("", held):
        raise CommandError(f"A newer upload of '{key}' is held: nothing was sent. Look at that one.")
    content = _own_picture(file, key) if file else b""
    picture = f"{HELD_FOLDER}replaced/{held}{file.suffix.lower()}" if file else None
    review = Review(bucket=of, key=key, decision=decision, job_id=held, picture=picture)
    if file:
        deployment.client("s3").put_object(Bucket=deployment.outputs["OutputBucketName"], Key=picture, Body=content)
    deployment.send("Deliver", json.dumps(review.to_fields()))
    return {"bucket": of, "key": key, "decision": decision, "job_id": held}


def _own_picture(file: Path, key: str) -> bytes:
    """Raises CommandError: by its first bytes it cannot be a cut-out. Its size and pixels are looked at by deliver."""
    from dropcut.core.formats.photo_format import recognise
    from dropcut.core.formats.picture_header import NotAPictureError, read_header
    from dropcut.core.picture_limits import PictureRefusedError
    from dropcut.core.picture_refusals import no_alpha

    content = file.read_bytes()
    try:
        format_ = recognise(content)
        if format_ == "jpeg" or (format_ in ("png", "webp") and not read_header(content).has_alpha):
            raise no_alpha()
    except (PictureRefusedError, NotAPictureError) as error:
        raise CommandError(f"Your picture cannot replace the cut-out of '{key}'. {error} Nothing was sent.") from None
    return content


def show_decision(output: Output, sent: dict[str, str]) -> None:
    output.result(sent, f"{sent['decision']}  {sent['key']}")
