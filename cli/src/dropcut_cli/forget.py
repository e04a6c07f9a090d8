"""`dropcut forget`: removes what is kept of one photo, and reports what was removed where."""

import time

import click

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output

NOT_LOOKED_AT = """\
Not removed, because it cannot be found by a photo's name or is not kept here:
  - messages in queues and dead-letter queues, which may hold its name and a picture of up to 88 KiB: 28 days at most
  - the functions' logs, which hold its name: 30 days
  - the state table's backup for point-in-time recovery, which holds removed records: 35 days
  - what receivers of the events, and the API's provider, keep (docs/privacy.md)"""


@click.command(epilog="Examples: `dropcut forget shop/a.jpg`, `dropcut forget shop/a.jpg --yes --photo`")
@click.argument("key", envvar="KEY")
@click.option("--yes", is_flag=True, help="Remove it; without this it is only shown.")
@click.option("--photo", is_flag=True, help="The photo itself, too, with all its versions.")
@on_a_deployment
def forget(deployment: Deployment, output: Output, key: str, yes: bool, photo: bool) -> int:
    """Show what is kept of a photo, or remove it.

    An answer that other photos of the same picture share stays as long as one of them is on record.
    The photo may also be named by the environment variable KEY. Ends with 9 when nothing is kept.
    """
    from dropcut.core.photo_source import read_source_renditions
    from dropcut.core.rendition_setting import read_renditions

    from dropcut_cli.kept import KeptPhoto

    renditions = list(read_renditions(deployment.setting("Deliver", "RENDITIONS")))
    for _source, own in read_source_renditions(deployment.setting("Deliver", "INPUT_RENDITIONS") or "[]"):
        renditions += own
    kept = KeptPhoto(deployment=deployment, renditions=renditions, key=key, now=time.time())
    traces = kept.traces(with_photo=photo)
    for trace in traces:
        if yes and not trace.stays:
            trace.remove()
        values = {"place": trace.place, "name": trace.name, "removed": yes and not trace.stays, "stays": trace.stays}
        what = "stays  " if trace.stays else "removed" if yes else "would go"
        output.result(values, f"  {what}  {trace.place}  {trace.name}{trace.stays and ': '}{trace.stays}")
    going = f"{sum(not trace.stays for trace in traces)} of {len(traces)}"
    if not traces:
        output.progress(f"Nothing is kept of '{key}' in {deployment.name}.")
    elif yes:
        output.progress(f"{going} were removed.")
    else:
        output.progress(f"{going} would be removed; the same with --yes removes them.")
    for line in NOT_LOOKED_AT.splitlines():
        output.progress(line)
    return Exit.DONE if traces else Exit.NOTHING
