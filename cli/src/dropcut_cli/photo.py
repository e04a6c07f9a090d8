"""One photo by its record in the state table, in the words of `status`."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from dropcut.core.gate import UNTIL_RESUMED
from dropcut.core.item_kinds import JOB, PAYMENT
from dropcut.core.messages import PAID, OutcomeMessage, PaidAnswer
from dropcut.core.review import Held

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


def payments_of(deployment: Deployment, items: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """By the ids of photos' records, those of the payments for their pictures; of one that has none, an empty one."""
    ids = {str(item["id"]): f"{PAYMENT}{key}" for item in items if (key := _payment_key(item))}
    found = deployment.table.get_many(set(ids.values()))
    return defaultdict(dict, {id_: found[payment] for id_, payment in ids.items() if payment in found})


def _payment_key(item: Mapping[str, Any]) -> str:
    answer = _answer(item)
    return answer.work_key.removeprefix(PAID) if answer else str(item.get("payment_key", ""))


def _answer(item: Mapping[str, Any]) -> PaidAnswer | None:
    """What the photo was delivered of, or is held with."""
    if "delivered_outcome" in item:
        outcome = OutcomeMessage.from_json(item["delivered_outcome"]).outcome
        return outcome if isinstance(outcome, PaidAnswer) else None
    return Held.from_json(item["held"]).answer if item.get("status") == "held" else None


def _spent(item: Mapping[str, Any], payment: Mapping[str, Any]) -> dict[str, Any]:
    """Calls and credits of a photo; None where it is not known any more. A copy of another photo takes none."""
    answer, is_paid = _answer(item), "work_key" in payment
    is_own = is_paid and payment.get("job_id") == item.get("job_id")
    credits = answer.credits if answer else float(payment["credits"]) if is_own else 0.0 if is_paid else None
    calls = {}
    for name in ("attempts", "possibly_paid"):
        known = payment.get(f"end_{name}") if is_own else item.get(name, payment.get(name, None if credits else 0))
        calls[name] = None if known is None else int(known)
    return {**calls, "credits": credits}


def described(item: Mapping[str, Any], payment: Mapping[str, Any]) -> dict[str, Any]:
    """The record, with that of its payment, under the stable names of `--json`. Times are epoch seconds."""
    state = str(item.get("status", ""))
    bucket, _, key = str(item["id"]).removeprefix(JOB).partition("/")
    by_hand = state == "waiting" and item.get("next_try", 0) >= UNTIL_RESUMED
    return {
        "key": key,
        "bucket": bucket,
        "state": state,
        "since": item.get("updated_at"),
        "job_id": item.get("job_id"),
        **_spent(item, payment),
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
        charged = f", of which {photo['possibly_paid']} may have been charged in vain" if photo["possibly_paid"] else ""
        lines.append(f"  calls    {photo['attempts'] or 0}{charged}")
    if photo["credits"] is not None:
        lines.append(f"  credits  {photo['credits']:g}")
    lines += [f"  output   {key}" for key in photo["outputs"]]
    lines += [f"  doubt    {doubt['sentence']}" for doubt in (photo["quality"] or {}).get("doubts", [])]
    return [*lines, f"  to do    {photo['advice']}"]
