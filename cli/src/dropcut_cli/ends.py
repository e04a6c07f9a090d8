"""Photos' ends: waited for by their records, and their cut-outs brought here."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dropcut.adapters.gate_record import read_gate
from dropcut.core.gate import Gate
from dropcut.core.item_kinds import GATE, JOB

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.output import SECONDS_BETWEEN_LINES, Output
from dropcut_cli.photo import ENDED, described, payment_id
from dropcut_cli.uploads import RECORDS_AT_ONCE

LOOKS_EVERY_SECONDS = 1.0
UNHEARD_SECONDS = 60.0
"""No photo of a deployment that hears of uploads takes so long to be on record, unless thousands come at once."""


def wait_for_ends(
    deployment: Deployment, output: Output, before: Mapping[str, str | None]
) -> Iterator[Mapping[str, Any]]:
    """The records of these photos, each when it has ended. One call a second, for up to 99 photos.

    Args:
        before: each key's job as it was before the upload, which is not the one that is waited for.

    Raises:
        CommandError: spending is paused, so that waiting may take days.
    """
    waiting = {deployment.photo_id(key): job for key, job in before.items()}
    began = said = time.monotonic()
    while waiting:
        some, rest = list(waiting)[: RECORDS_AT_ONCE - 1], list(waiting)[RECORDS_AT_ONCE - 1 :]
        found = deployment.table.get_many([*some, GATE])
        ended = {id_: found[id_] for id_ in some if _has_ended(found.get(id_), waiting[id_])}
        payments = deployment.table.get_many(map(payment_id, ended.values()))
        for record in ended.values():
            photo = described(record, payments.get(payment_id(record), {}), Gate())
            reason = f": {photo['reason']}" if photo["reason"] else ""
            output.result(photo, f"{photo['state']:10} {photo['key']}{reason}")
            yield record
        waiting = {id_: waiting[id_] for id_ in (*rest, *some) if id_ not in ended}
        gate = read_gate(found.get(GATE))
        if waiting and gate.is_closed:
            left = "1 photo waits" if len(waiting) == 1 else f"{len(waiting):,} photos wait"
            why = gate.why.rstrip(".")
            raise CommandError(f"{left}, since {why}. What waits goes on by itself when spending resumes.", Exit.PAUSED)
        if waiting and time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said, every = time.monotonic(), len(before)
            is_on_record = any(_is_new(found.get(id_), before_it) for id_, before_it in waiting.items())
            unheard = said - began > UNHEARD_SECONDS and len(waiting) == every and not is_on_record
            why = "; none is on record yet: `dropcut doctor` looks for the reason" if unheard else ""
            output.progress(f"{every - len(waiting):,} of {every:,} ended{why}")
        if waiting and not ended:
            time.sleep(LOOKS_EVERY_SECONDS)


def _has_ended(record: Mapping[str, Any] | None, job_before: str | None) -> bool:
    return _is_new(record, job_before) and record is not None and record.get("status") in ENDED


def _is_new(record: Mapping[str, Any] | None, job_before: str | None) -> bool:
    return record is not None and record.get("job_id") != job_before


def fetch(deployment: Deployment, output: Output, record: Mapping[str, Any], folder: Path) -> None:
    """Bring a delivered photo's cut-outs; boto3 gives a file its name when it is whole.

    Raises:
        CommandError: a key leads out of the folder.
    """
    if record.get("status") != "delivered":
        return
    for key in sorted(record["output_keys"]):
        file = folder / key
        if not file.resolve().is_relative_to(folder.resolve()):
            key_of_photo = record["id"].removeprefix(JOB)
            raise CommandError(f"The cut-out {key} of {key_of_photo} would lie outside of {folder}: fetch it by hand.")
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            deployment.client("s3").download_file(deployment.outputs["OutputBucketName"], key, str(file))
        except OSError as error:  # boto3's does not say where
            error.filename = error.filename or str(file)
            raise
        output.progress(f"fetched    {file}")
