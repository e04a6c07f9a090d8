"""One photo by its record in the state table, in the words of `status`."""

import json
import shlex
import time
from collections.abc import Mapping
from typing import Any

from dropcut.core.gate import BY_HAND, UNTIL_RESUMED, Gate
from dropcut.core.item_kinds import JOB, PAYMENT
from dropcut.core.messages import NOT_ASKED_AGAIN, PAID, OutcomeMessage, PaidAnswer
from dropcut.core.review import Held

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError
from dropcut_cli.output import amount, for_people

ENDED = ("delivered", "rejected", "failed", "skipped", "held")
"""Nothing happens to such a photo by itself any more."""
_ADVICE = {
    "preparing": "Wait: it is being made ready.",
    "waiting": "Wait: its turn comes by itself.",
    "paused": "Put right what it waits for; then `dropcut resume` tries at once.",
    "by hand": "`dropcut resume`, if nobody needs the pause any more. Its turn comes within minutes of that.",
    "held": "Look at it, then `dropcut accept {key}`, `dropcut reject {key}` or `dropcut replace {key} FILE`.",
    "rejected": "Put right what the reason says and upload it again.",
    "rejected by the API": "Put right what the reason says and upload it again. If the API takes it now: "
    "`dropcut redrive {key} --rejected --send`.",
    "failed": "`dropcut redrive {key} --send` sends it through again.",
    "skipped": "Nothing is to be done.",
    "delivered": "Nothing is to be done.",
}


def find_photo(deployment: Deployment, name: str, bucket: str = "") -> Mapping[str, Any]:
    """The record of a photo by its key, as `s3://BUCKET/KEY`, or by the id of its job.

    Without a bucket, the first input has precedence before the others.

    Raises:
        CommandError: there is no record of it.
    """
    if name.startswith("s3://"):
        bucket, _slash, name = name.removeprefix("s3://").partition("/")
    item = deployment.table.get(deployment.photo_id(name, bucket))
    if item is None and not bucket:
        others = deployment.table.get_many(deployment.photo_id(name, each) for each in deployment.sources)
        item = next(iter(others.values()), None)
    if item is None and len(name) == 32 and not set(name) - set("0123456789abcdef"):
        item = _of_job(deployment, name)
    if item is None:
        raise CommandError(
            f"No photo '{name}' is on record in {deployment.name}. Name it as its bucket does, or s3://BUCKET/KEY; "
            "records are kept for `keep_jobs_days`."
        )
    return item


def place_of(item: Mapping[str, Any]) -> tuple[str, str]:
    """The bucket and the key of a photo's record."""
    bucket, _slash, key = str(item["id"]).removeprefix(JOB).partition("/")
    return bucket, key


def _of_job(deployment: Deployment, job_id: str) -> dict[str, Any] | None:
    from boto3.dynamodb.conditions import Attr

    for found in deployment.scan(Attr("id").begins_with(JOB) & Attr("job_id").eq(job_id), "id"):
        return deployment.table.get(found["id"])
    return None


def payment_id(item: Mapping[str, Any]) -> str:
    """Of the record of the payment for a photo's picture; of none where the photo is not that far."""
    answer = _answer(item)
    return f"{PAYMENT}{answer.work_key.removeprefix(PAID) if answer else item.get('payment_key', '')}"


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


def described(item: Mapping[str, Any], payment: Mapping[str, Any], gate: Gate) -> dict[str, Any]:
    """The record, with that of its payment, under the stable names of `--json`. Times are epoch seconds.

    Why it waits is asked of the gate: what the record says of that may be over.
    """
    state = str(item.get("status", ""))
    bucket, key = place_of(item)
    is_paused = state == "waiting" and gate.is_closed
    return {
        "key": key,
        "bucket": bucket,
        "state": state,
        "since": item.get("updated_at"),
        "job_id": item.get("job_id"),
        **_spent(item, payment),
        "code": item.get("code"),
        "reason": item.get("reason"),
        "waits_for": gate.why if is_paused else None,
        "next_try": gate.until if is_paused else None,
        "outputs": sorted(item.get("output_keys", [])) if state == "delivered" else [],
        "quality": json.loads(item["quality"]) if "quality" in item else None,
        "advice": _advice(item, state, gate).format(key=shlex.quote(key)),
    }


def _advice(item: Mapping[str, Any], state: str, gate: Gate) -> str:
    if state == "waiting" and gate.is_closed:
        return _ADVICE["by hand" if gate.code == BY_HAND else "paused"]
    if state == "rejected" and (item.get("attempts") or NOT_ASKED_AGAIN in item.get("reason", "")):
        return _ADVICE["rejected by the API"]
    return _ADVICE.get(state, "Look into its logs: `dropcut logs {key}`.")


def lines_of(photo: Mapping[str, Any]) -> list[str]:
    """What `described` returns, for people."""
    now = time.time()
    since = f", for {for_people(now - photo['since'])}" if photo["since"] else ""
    lines = [f"{photo['key']}: {photo['state']}{since}"]
    if photo["reason"]:
        lines.append(f"  why      {photo['reason']} ({photo['code']})")
    if photo["waits_for"]:
        next_try = photo["next_try"]
        when = "until `dropcut resume`" if next_try >= UNTIL_RESUMED else f"in {for_people(next_try - now)}"
        lines += [f"  waits    {photo['waits_for']}", f"  next try {when}"]
    if photo["attempts"] or photo["possibly_paid"]:
        charged = f", of which {photo['possibly_paid']} may have been charged in vain" if photo["possibly_paid"] else ""
        lines.append(f"  calls    {photo['attempts'] or 0}{charged}")
    if photo["credits"] is not None:
        lines.append(f"  credits  {amount(photo['credits'])}")
    lines += [f"  output   {key}" for key in photo["outputs"]]
    lines += [f"  doubt    {doubt['sentence']}" for doubt in (photo["quality"] or {}).get("doubts", [])]
    return [*lines, f"  to do    {photo['advice']}"]
