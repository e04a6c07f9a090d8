"""One photo by its record in the state table, in the words of `status`."""

import json
import time
from collections.abc import Mapping
from typing import Any

from dropcut.core.gate import UNTIL_RESUMED
from dropcut.core.item_kinds import JOB
from dropcut.core.messages import OutcomeMessage, PaidAnswer

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError
from dropcut_cli.output import for_people

ENDED = ("delivered", "rejected", "failed", "skipped", "held")
"""Nothing happens to such a photo by itself any more."""
_ADVICE = {
    "preparing": "Wait: it is being made ready.",
    "waiting": "Wait: its turn comes by itself. `dropcut status` says whether spending is paused.",
    "held": "Look at it, then `dropcut accept KEY`, `dropcut reject KEY` or `dropcut replace KEY FILE`.",
    "rejected": "Put right what the reason says and upload it again. If the API rejected it "
    "and takes it now: `dropcut redrive KEY --rejected --send`.",
    "failed": "`dropcut redrive` sends it through again.",
    "skipped": "Nothing is to be done.",
    "delivered": "Nothing is to be done.",
}
_WAITS_FOR_A_PERSON = "`dropcut resume`, if nobody needs the pause any more. Its turn comes within minutes of that."


def find_photo(deployment: Deployment, name: str, bucket: str = "") -> Mapping[str, Any]:
    """The record of a photo by its key, in another bucket than the first if need be, or by the id of its job.

    Raises:
        CommandError: there is no record of it.
    """
    item = deployment.table.get(deployment.photo_id(name, bucket))
    if item is None and len(name) == 32 and not set(name) - set("0123456789abcdef"):
        item = _of_job(deployment, name)
    if item is None:
        raise CommandError(
            f"No photo '{name}' is on record in {deployment.name}. Name it as the input bucket does; records are kept "
            "for `keep_jobs_days`."
        )
    return item


def _of_job(deployment: Deployment, job_id: str) -> dict[str, Any] | None:
    from boto3.dynamodb.conditions import Attr

    for found in deployment.scan(Attr("id").begins_with(JOB) & Attr("job_id").eq(job_id), "id"):
        return deployment.table.get(found["id"])
    return None


def described(item: Mapping[str, Any]) -> dict[str, Any]:
    """The record under the stable names of `--json`. Times are epoch seconds."""
    state, outcome = str(item.get("status", "")), None
    bucket, _, key = str(item["id"]).removeprefix(JOB).partition("/")
    if "delivered_outcome" in item:
        outcome = OutcomeMessage.from_json(item["delivered_outcome"]).outcome
    by_hand = state == "waiting" and item.get("next_try", 0) >= UNTIL_RESUMED
    return {
        "key": key,
        "bucket": bucket,
        "state": state,
        "since": item.get("updated_at"),
        "job_id": item.get("job_id"),
        "attempts": int(item.get("attempts", 0)),
        "possibly_paid": int(item.get("possibly_paid", 0)),
        "credits": outcome.credits if isinstance(outcome, PaidAnswer) else None,
        "code": item.get("code"),
        "reason": item.get("reason"),
        "waits_for": item.get("waits_for"),
        "next_try": item.get("next_try"),
        "outputs": sorted(item.get("output_keys", [])) if state == "delivered" else [],
        "quality": json.loads(item["quality"]) if "quality" in item else None,
        "advice": _WAITS_FOR_A_PERSON if by_hand else _ADVICE.get(state, "Look into its logs: `dropcut logs KEY`."),
    }


def lines_of(photo: Mapping[str, Any]) -> list[str]:
    """What `described` returns, for people."""
    now = time.time()
    since = f", for {for_people(now - photo['since'])}" if photo["since"] else ""
    lines = [f"{photo['key']}: {photo['state']}{since}"]
    if photo["reason"]:
        lines.append(f"  why      {photo['reason']} ({photo['code']})")
    if photo["waits_for"]:
        next_try = photo["next_try"] or now
        when = "until `dropcut resume`" if next_try >= UNTIL_RESUMED else f"next try in {for_people(next_try - now)}"
        lines.append(f"  waits    {photo['waits_for']}, {when}")
    if photo["attempts"] or photo["possibly_paid"]:
        lines.append(f"  calls    {photo['attempts']}, of which {photo['possibly_paid']} may have been charged in vain")
    if photo["credits"] is not None:
        lines.append(f"  credits  {photo['credits']:g}")
    lines += [f"  output   {key}" for key in photo["outputs"]]
    lines += [f"  doubt    {doubt['sentence']}" for doubt in (photo["quality"] or {}).get("doubts", [])]
    return [*lines, f"  to do    {photo['advice']}"]
