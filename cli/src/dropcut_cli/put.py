"""`dropcut put`: uploads photos, waits for their ends, and brings the cut-outs."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click

from dropcut_cli.exits import Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, counted

AT_ONCE = 8
ASK_ABOVE = 50
SECONDS_BETWEEN_LINES = 5.0


@click.command(epilog="Examples: `dropcut put a.jpg`, `dropcut put photos/ --to shop/ --wait --fetch cut-outs`")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PATH...")
@click.option("--to", "prefix", default="", help="What the keys begin with, such as shop/.")
@click.option("--wait", "waits", is_flag=True, help="Wait for each photo's end.")
@click.option("--fetch", "folder", type=click.Path(path_type=Path), help="Bring the cut-outs here; waits for them.")
@click.option("--yes", is_flag=True, help=f"Do not ask above {ASK_ABOVE} photos.")
@on_a_deployment
def put(
    *, deployment: Any, output: Output, paths: Sequence[Path], prefix: str, waits: bool, folder: Path | None, yes: bool
) -> int:
    """Upload photos and folders, eight at a time; what was delivered already is not sent again.

    Files in a folder that are no photos are left out. Ends with 1 when a named file is no photo, or when a photo is
    rejected or fails. Ends with 8 when spending is paused while it waits, and with 9 when there is nothing to do.
    """
    from dropcut_cli.price import in_words, price  # noqa: PLC0415
    from dropcut_cli.uploads import find_files, is_delivered, records_of  # noqa: PLC0415

    start = deployment.input_prefix
    prefix = prefix if prefix.startswith(start) else start + prefix
    files, left_out = find_files(paths, prefix=prefix, max_mib=deployment.max_photo_mib)
    for each in left_out:
        output.progress(f"Left out: {each.path}: {each.why}")
    records = records_of(deployment, [file.key for file in files])
    new = [file for file in files if not is_delivered(file, records.get(file.key, {}))]
    if len(new) < len(files):
        output.progress(f"{counted(len(files) - len(new), 'photo')} of {len(files):,} delivered already.")
    if not files:
        output.progress("There is no photo to upload.")
    cost = in_words(price(deployment, len(new))) if len(new) > ASK_ABOVE else ""
    if cost and not output.ask(f"{cost}. Upload them?", yes=yes):
        return Exit.USAGE
    _upload(deployment, output, new, shows=not (waits or folder))
    before = {file.key: records.get(file.key, {}).get("job_id") for file in new}
    bad = any(each.path in paths for each in left_out)
    if waits or folder:
        done = [records[file.key] for file in files if file not in set(new)]
        bad |= _wait(deployment, output, before, done, folder)
    return Exit.FAILED if bad else Exit.DONE if new else Exit.NOTHING


def _upload(deployment: Any, output: Output, files: Sequence[Any], *, shows: bool) -> None:
    """`shows`: the uploads are the result, and not the ends that are waited for."""
    s3, bucket = deployment.client("s3"), deployment.input_bucket

    def send(file: Any) -> Any:
        with file.path.open("rb") as content:
            s3.put_object(Bucket=bucket, Key=file.key, Body=content)
        return file

    said = time.monotonic()
    for number, file in enumerate(side_by_side(send, files), start=1):
        if shows:
            output.result({"key": file.key, "uploaded": True}, f"uploaded   {file.key}")
        if time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            output.progress(f"{number:,} of {len(files):,} uploaded")


def _wait(deployment: Any, output: Output, before: Any, done: Sequence[Any], folder: Path | None) -> bool:
    """Wait for the ends, and bring the cut-outs where that is wanted. Whether a photo was rejected or failed."""
    from dropcut_cli.ends import fetch, wait_for_ends  # noqa: PLC0415

    bad = False
    for record in chain(done, wait_for_ends(deployment, output, before)):
        bad |= record["status"] in ("rejected", "failed")
        if folder:
            fetch(deployment, output, record, folder)
    return bad


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
