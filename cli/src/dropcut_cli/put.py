"""`dropcut put`: uploads photos, waits for their ends, and brings the cut-outs."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import SECONDS_BETWEEN_LINES, Output, counted
from dropcut_cli.price import in_words, price

AT_ONCE = 8
ASK_ABOVE = 50


def _prefix(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Names of cut-outs follow those of photos: --fetch would refuse such a name after it was paid for."""
    if value.startswith("/") or ".." in value.split("/"):
        raise click.BadParameter("it begins with no slash, and has no part `..`.")
    return value


@click.command(epilog="Examples: `dropcut put a.jpg`, `dropcut put photos/ --to shop/ --wait --fetch cut-outs`")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PATH...")
@click.option("--to", "prefix", default="", callback=_prefix, help="What the keys begin with, such as shop/.")
@click.option("--wait", "waits", is_flag=True, help="Wait for each photo's end.")
@click.option("--fetch", "folder", type=click.Path(path_type=Path), help="Bring the cut-outs here; waits for them.")
@click.option("--yes", is_flag=True, help=f"Do not ask above {ASK_ABOVE} photos.")
@on_a_deployment
def put(
    *,
    deployment: Deployment,
    output: Output,
    paths: Sequence[Path],
    prefix: str,
    waits: bool,
    folder: Path | None,
    yes: bool,
) -> int:
    """Upload photos and folders, eight at a time; what was delivered already is not sent again.

    Files in a folder that are no photos are left out. Ends with 1 when a named file is no photo, or when a photo is
    rejected or fails. Ends with 8 when spending is paused while it waits, and with 9 when there is nothing to do.
    """
    from dropcut_cli.ends import fetch, wait_for_ends
    from dropcut_cli.uploads import look_up

    new, done, left_out, records = look_up(deployment, paths, prefix=prefix)
    if folder:
        _keep_apart(folder, (*paths, *(file.path for file in (*new, *done))))
    for each in left_out:
        output.progress(f"Left out: {each.path}: {each.why}")
    if done:
        output.progress(f"{counted(len(done), 'photo')} of {len(new) + len(done):,} delivered already.")
    elif not new:
        output.progress("There is no photo to upload.")
    if len(new) > ASK_ABOVE:
        output.ask(f"{in_words(price(deployment, len(new)))}. Upload them?", yes=yes)
    _upload(deployment, output, new, shows=not (waits or folder))
    bad = any(each.path in paths for each in left_out)
    if waits or folder:
        before = {file.key: records.get(file.key, {}).get("job_id") for file in new}
        for record in chain((records[file.key] for file in done), wait_for_ends(deployment, output, before)):
            bad |= record["status"] in ("rejected", "failed")
            if folder:
                fetch(deployment, output, record, folder)
    return Exit.FAILED if bad else Exit.DONE if new else Exit.NOTHING


def _keep_apart(folder: Path, uploaded: Iterable[Path]) -> None:
    """Raises UsageError: a cut-out could replace a photo of theirs, or be uploaded by the next run, and paid for."""
    place = folder.resolve()
    for path in uploaded:
        if (real := path.resolve()).is_relative_to(place) or place.is_relative_to(real):
            raise click.UsageError(f"--fetch {folder} and {path} overlap: fetch the cut-outs into a folder apart.")


def _upload(deployment: Deployment, output: Output, files: Sequence[Any], *, shows: bool) -> None:
    """`shows`: the uploads are the result, and not the ends that are waited for."""
    s3, bucket = deployment.client("s3"), deployment.input_bucket

    def send(file: Any) -> str:
        with file.path.open("rb") as content:
            s3.put_object(Bucket=bucket, Key=file.key, Body=content)
        return str(file.key)

    said = time.monotonic()
    for number, key in enumerate(side_by_side(send, files), start=1):
        if shows:
            output.result({"key": key, "uploaded": True}, f"uploaded   {key}")
        if time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            output.progress(f"{number:,} of {len(files):,} uploaded")


def side_by_side(work: Callable[[Any], Any], items: Iterable[Any]) -> Iterable[Any]:
    """Results as they come. After an error or Ctrl-C nothing more is begun; what was begun ends."""
    rest = iter(items)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: set[Future[Any]] = {pool.submit(work, item) for item in islice(rest, AT_ONCE)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
            running |= {pool.submit(work, item) for item in islice(rest, len(done))}
