"""Dead letters: read out of the dead-letter queues, and sent back to the stages that they came from."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from dropcut.core.cutout_request import request_event
from dropcut.core.messages import Upload

from dropcut_cli.deployment import Deployment

HELD_SECONDS = 300
"""For how long what was looked at is unseen by others; what is not sent back is released at once."""
WITHOUT_CODE = "unexpected"
FROM_THE_PHOTO = {"prepared_gone", "answer_expired"}
"""What the stage of these dead letters needs is not kept any more; everything can be made of the photo."""
PATIENCE_SECONDS = 1
"""How long an empty answer is waited for: SQS may need it to ask all of its servers."""
_CRASHED = "It was received too often: the function crashed each time, or was throttled."


class Failure(NamedTuple):
    """What ended without a cut-out."""

    key: str
    """Of its photo; empty when it does not say."""
    code: str
    """The outcome's stable word, such as `http_500`; `unexpected` where there is none."""
    reason: str
    send_back: Callable[[], None]


@contextmanager
def dead_letters(deployment: Deployment, queue: str) -> Iterator[Iterator[Failure]]:
    """All dead letters of one stage, held while they are looked at, and released after."""
    sqs, url = deployment.client("sqs"), deployment.queue_url(queue, dead_letters=True)
    held: dict[str, Mapping[str, Any]] = {}
    try:
        while messages := {each["MessageId"]: each for each in _receive(sqs, url)}:
            seen_before = messages.keys() <= held.keys()
            held |= messages
            if seen_before:  # reading took so long that the first ones are to be seen again
                break
        yield (_failure(deployment, queue, message) for message in held.values())
    finally:
        for message in held.values():
            with suppress(ClientError):  # it was sent back and deleted
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)


def _receive(sqs: Any, url: str) -> list[Mapping[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=HELD_SECONDS,
        WaitTimeSeconds=PATIENCE_SECONDS,
        MessageAttributeNames=["All"],
    )
    return list(answer.get("Messages", []))


def _failure(deployment: Deployment, queue: str, message: Mapping[str, Any]) -> Failure:
    values = {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}
    code, reason = values.get("code", WITHOUT_CODE), values.get("reason", _CRASHED)
    send_back = partial(_send_back, deployment, queue, message, code=code, reason=reason)
    return Failure(_key_in(message["Body"]), code, reason, send_back)


def _key_in(body: str) -> str:
    try:
        values = json.loads(body)
        about = values.get("upload") or values.get("remake") or values.get("review") or {}
        return str(about.get("key") or values.get("detail", {}).get("object", {}).get("key", ""))
    except (ValueError, AttributeError):
        return ""


def _send_back(deployment: Deployment, queue: str, message: Mapping[str, Any], *, code: str, reason: str) -> None:
    """Into its stage's queue, then out of the dead-letter queue: a crash in between may send it twice."""
    upload = json.loads(message["Body"]).get("upload") if code in FROM_THE_PHOTO else None
    if upload:
        deployment.send("Intake", intake_message(Upload.from_fields(upload)), reason)
    else:
        deployment.send(queue, message["Body"], reason)
    url = deployment.queue_url(queue, dead_letters=True)
    deployment.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def intake_message(upload: Upload) -> str:
    """An upload as S3 announces it by EventBridge; or the request again that it was."""
    if upload.request:
        return json.dumps(request_event(upload))
    version = {"version-id": upload.version_id} if upload.version_id else {}
    stored = {"key": upload.key, "sequencer": upload.sequencer, **version}
    detail = {"bucket": {"name": upload.bucket}, "object": stored}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})
