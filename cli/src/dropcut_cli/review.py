"""`dropcut review`: a page of the cut-outs that are held, for a person to decide on. Nothing is paid."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from dropcut_cli.decide import send_decision, show_decision
from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, counted


@click.command(
    epilog="Examples: `dropcut review --serve`, `dropcut review to-review`, `dropcut review --apply decisions.jsonl`"
)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--serve", "serves", is_flag=True, help="Serve the page on 127.0.0.1, until all is decided or Ctrl-C.")
@click.option("--port", type=click.IntRange(1, 65535), help="Of --serve. Default: a free one.")
@click.option("--apply", "decisions", type=click.File(encoding="utf-8"), help="Carry out what a written page saved.")
@on_a_deployment
def review(
    *, deployment: Deployment, output: Output, folder: Path | None, serves: bool, port: int | None, decisions: Any
) -> int:
    """Show the held cut-outs on a page, worst first, to accept, reject or replace them. Nothing is paid.

    The page is served, or written to FOLDER with all its pictures: then it saves a file, which --apply carries out.
    Delivered cut-outs are not shown, however doubtful: finding them would read every record. Ends with 9 when nothing
    is held.
    """
    if sum((folder is not None, serves, decisions is not None)) != 1 or (port and not serves):
        raise CommandError("Which is it? Name a new FOLDER, or --serve (with a --port), or --apply FILE.", Exit.USAGE)
    if decisions:
        return _apply(deployment, output, decisions)
    from dropcut_cli.held import held_photos

    held = held_photos(deployment)
    if not held:
        output.progress(f"No cut-out of {deployment.name} waits for a decision.")
        return Exit.NOTHING
    if serves:
        return _serve(deployment, output, held, port or 0)
    from dropcut_cli.review_page import write_page

    assert folder
    write_page(folder, held, output)
    page = folder.absolute() / "index.html"
    output.result({"page": str(page), "photos": len(held)}, f"{counted(len(held), 'cut-out')}: {page}")
    output.progress("Anyone who has the folder sees these photos. It saves decisions: `dropcut review --apply FILE`.")
    return Exit.DONE


def _serve(deployment: Deployment, output: Output, held: Sequence[Any], port: int) -> int:
    from dropcut_cli.review_server import ReviewServer

    most_mib, on_sent = deployment.max_photo_mib, partial(show_decision, output)
    with (
        TemporaryDirectory(prefix="dropcut-review-") as folder,
        ReviewServer(held, port=port, folder=Path(folder), most_mib=most_mib, on_sent=on_sent) as server,
    ):
        output.progress(f"{counted(len(held), 'cut-out')}: open {server.address} (it works once). Ctrl-C ends it.")
        server.serve_forever()
    output.progress("Everything is decided. `dropcut status KEY` shows when it is done.")
    return Exit.DONE


def _apply(deployment: Deployment, output: Output, decisions: Any) -> int:
    """Each line is sent, or why not is said; what was sent before is refused as no longer held."""
    beside, done, failed = Path(decisions.name).parent, 0, 0
    for line in filter(str.strip, decisions):
        try:
            chosen = json.loads(line)
            file = beside / Path(chosen["file"]).name if "file" in chosen else None
            named = {name: str(chosen[name]) for name in ("bucket", "key", "job_id", "decision")}
            show_decision(output, send_decision(deployment, **named, file=file))
            done += 1
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(f"{decisions.name} is no file that the page saved: {error}.", Exit.USAGE) from None
        except CommandError as error:
            output.progress(str(error))
            failed += 1
    output.progress(f"{counted(done, 'decision')} sent. `dropcut status KEY` shows when they are carried out.")
    return Exit.FAILED if failed else Exit.DONE if done else Exit.NOTHING
