"""What ended without a cut-out: dead letters, and photos that the API rejected; and how each is sent back."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

from dropcut.core.cutout_request import request_event
from dropcut.core.item_kinds import JOB
from dropcut.core.messages import NOT_ASKED_AGAIN, Upload

from dropcut_cli.deployment import Deployment

HELD_SECONDS = 300
"""For how long what was looked at is unseen by others; what is not sent back is released at once."""
WITHOUT_CODE = "unexpected"
FROM_THE_PHOTO = {"prepared_gone", "answer_expired"}
"""What the stage of these dead letters needs is not kept any more; everything can be made of the photo."""
PATIENCE_SECONDS = 1
"""How long an empty answer is waited for: SQS may need it to ask all of its servers."""
_CRASHED = "It was received too often: the function crashed each time, or was throttled."
ASKED_FOR = "It was rejected by the API, and somebody asked for it to be tried again."
"""The reason with which a rejected photo is sent again."""


class Failure(NamedTuple):
    """What ended without a cut-out."""

    key: str
    """Of its photo; empty when it does not say."""
    code: str
    """The outcome's stable word, such as `http_500`; `unexpected` where there is none."""
    reason: str
    send_back: Callable[[], None]


@contextmanager
def dead_letters(deployment: Deployment, stage: str) -> Iterator[Iterator[Failure]]:
    """All dead letters of one stage's queue, held while they are looked at, and released after."""
    sqs = deployment.resource("sqs")
    queue = sqs.Queue(deployment.queue_url(stage, dead_letters=True))
    asked = {"MaxNumberOfMessages": 10, "VisibilityTimeout": HELD_SECONDS, "WaitTimeSeconds": PATIENCE_SECONDS}
    held: dict[str, Any] = {}
    try:
        while came := {
            each.message_id: each for each in queue.receive_messages(**asked, MessageAttributeNames=["All"])
        }:
            seen_before = came.keys() <= held.keys()
            held |= came
            if seen_before:  # reading took so long that the first ones are to be seen again
                break
        yield (_dead_letter(deployment, stage, message) for message in held.values())
    finally:
        for message in held.values():
            with suppress(sqs.meta.client.exceptions.ClientError):  # it was sent back and deleted
                message.change_visibility(VisibilityTimeout=0)


def _dead_letter(deployment: Deployment, stage: str, message: Any) -> Failure:
    values = {name: value["StringValue"] for name, value in (message.message_attributes or {}).items()}
    code, reason = values.get("code", WITHOUT_CODE), values.get("reason", _CRASHED)

    def send_back() -> None:
        """Into its stage's queue, then out of the dead-letter queue: a crash in between may send it twice."""
        upload = json.loads(message.body).get("upload") if code in FROM_THE_PHOTO else None
        if upload:
            deployment.send("Intake", _intake_message(Upload.from_fields(upload)), reason)
        else:
            deployment.send(stage, message.body, reason)
        message.delete()

    return Failure(_key_in(message.body), code, reason, send_back)


def _key_in(body: str) -> str:
    try:
        values = json.loads(body)
        about = values.get("upload") or values.get("remake") or values.get("review") or {}
        return str(about.get("key") or values.get("detail", {}).get("object", {}).get("key", ""))
    except (ValueError, AttributeError):
        return ""


def _intake_message(upload: Upload) -> str:
    """An upload as S3 announces it by EventBridge; or the request again that it was."""
    if upload.request:
        return json.dumps(request_event(upload))
    version = {"version-id": upload.version_id} if upload.version_id else {}
    stored = {"key": upload.key, "sequencer": upload.sequencer, **version}
    detail = {"bucket": {"name": upload.bucket}, "object": stored}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})


def rejected_photos(deployment: Deployment) -> Iterator[Failure]:
    """Photos that were rejected after a call of the API, their own or that of the same picture.

    What was rejected without a call, such as a file that is no picture, would be rejected again.
    """
    from boto3.dynamodb.conditions import Attr

    called = Attr("attempts").gt(0) | Attr("reason").contains(NOT_ASKED_AGAIN)
    condition = Attr("id").begins_with(JOB) & Attr("status").eq("rejected") & called
    wanted = ("id", "sequencer", "version_id", "requested", "code", "reason")
    for item in deployment.scan(condition, *wanted):
        bucket, _, key = item["id"].removeprefix(JOB).partition("/")
        # Of the same job, so that a newer upload is not undone.
        upload = Upload(bucket=bucket, key=key, sequencer=item["sequencer"], version_id=item.get("version_id") or None)
        event = item.get("requested") or _intake_message(upload)
        yield Failure(key, item["code"], item["reason"], partial(deployment.send, "Intake", event, ASKED_FOR))
