"""Removes what is kept of one photo, and reports what was removed where.

    python -m cli.forget shop/photo.jpg                shows what would be removed
    python -m cli.forget shop/photo.jpg --yes          removes it
    python -m cli.forget shop/photo.jpg --yes --photo  removes the photo itself, too, with all its versions

The deployment is the one that `--stage` names, or else the setting `stage` (in the environment variable SETTINGS, or
in cdk.json), or else `prod`. The photo may also be named by the environment variable KEY.
An answer that other photos of the same picture share stays as long as one of them is on record.
"""

import argparse
import os
import shlex
import sys
import time

from botocore.exceptions import BotoCoreError, ClientError
from dropcut.core.plain_text import shown

from cli.kept import KeptPhoto, Trace
from infra.settings import Settings, SettingsError
from local.problem import Problem
from local.real_account import deployed_outputs, real_account
from local.settings_line import make_command, quoted_for_make, settings_of_deployment

NOT_LOOKED_AT = """\
Not removed, because it cannot be found by a photo's name or is not kept here:
  - messages in queues and dead-letter queues, which may hold its name and a picture of up to 88 KiB: 28 days at most
  - the functions' logs, which hold its name: 30 days
  - the state table's backup for point-in-time recovery, which holds removed records: 35 days
  - what receivers of the events, and the API's provider, keep (docs/privacy.md)"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m cli.forget",
        description="Removes what is kept of one photo, and reports what was removed where.",
    )
    parser.add_argument("key", nargs="?", default=os.environ.get("KEY", ""), help="its name in the input bucket")
    parser.add_argument("--stage", help="the deployment, as in the setting `stage`")
    parser.add_argument("--yes", action="store_true", help="remove it; without this it is only shown")
    parser.add_argument("--photo", action="store_true", help="the photo itself, too, with all its versions")
    told = parser.parse_args(arguments)
    try:
        if not told.key:
            raise Problem("Which photo? Name it as the input bucket does: make forget KEY=shop/photo.jpg")
        settings = settings_of_deployment() | ({"stage": told.stage} if told.stage else {})
        _forget(Settings.from_context(settings), told)
    except (Problem, SettingsError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"It could not all be looked for or removed: {error}", file=sys.stderr)
        print("What to allow is in docs/privacy.md. Run this again for the rest.", file=sys.stderr)
        return 1
    return 0


def _forget(settings: Settings, told: argparse.Namespace) -> None:
    account = real_account()
    kept = KeptPhoto(
        s3=account.client("s3"),
        dynamodb=account.client("dynamodb"),
        outputs=deployed_outputs(account, settings.stage),
        renditions=settings.renditions_made,
        key=told.key,
        now=time.time(),
    )
    traces = kept.traces(with_photo=told.photo)
    for trace in traces:
        if told.yes and not trace.stays:
            trace.remove()
        print(_line(trace, removed=told.yes))
    going = sum(not trace.stays for trace in traces)
    if not traces:
        print(f"Nothing is kept of '{shown(told.key)}' in `{settings.stage}`.")
    elif told.yes:
        print(f"{going} of {len(traces)} were removed.")
    else:
        print(f"{going} of {len(traces)} would be removed; {how_to_remove(told)} removes them.")
    print(NOT_LOOKED_AT)


def _line(trace: Trace, *, removed: bool) -> str:
    if trace.stays:
        return f"  stays    {trace.place}  {trace.name}: {trace.stays}"
    return f"  {'removed' if removed else 'would go'}  {trace.place}  {trace.name}"


def how_to_remove(told: argparse.Namespace) -> str:
    """The command that removes what was shown; a name that would drive the terminal is not written out."""
    if shown(told.key) != told.key:
        return "the same with `--yes`"
    flags = ["--yes", *(["--photo"] if told.photo else []), *(["--stage", told.stage] if told.stage else [])]
    variables = [f"KEY={quoted_for_make(told.key)}", f"ARGS={quoted_for_make(shlex.join(flags))}"]
    return f"`{make_command('forget', *variables)}`"


if __name__ == "__main__":
    sys.exit(main())
