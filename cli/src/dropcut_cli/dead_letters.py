"""Dead letters: read out of the dead-letter queues, and sent back to the stages that they came from."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.exceptions import ClientError
from dropcut.core.messages import Upload

from dropcut_cli.deployment import Deployment
from dropcut_cli.rejected import intake_message

HELD_SECONDS = 300
"""For how long what was looked at is unseen by others; what is not sent back is released at once."""
WITHOUT_CODE = "unexpected"
FROM_THE_PHOTO = {"prepared_gone", "answer_expired"}
"""What the stage of these dead letters needs is not kept any more; everything can be made of the photo."""
PATIENCE_SECONDS = 1
"""How long an empty answer is waited for: SQS may need it to ask all of its servers."""


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    queue: str
    body: str
    receipt_handle: str
    code: str
    """The outcome's stable word, such as `http_500`; `unexpected` where there is none."""
    reason: str

    @property
    def key(self) -> str:
        """Of the photo that it is about; empty when it does not say."""
        try:
            values = json.loads(self.body)
            about = values.get("upload") or values.get("remake") or values.get("review") or {}
            return str(about.get("key") or values.get("detail", {}).get("object", {}).get("key", ""))
        except (ValueError, AttributeError):
            return ""


@contextmanager
def dead_letters(deployment: Deployment, queue: str) -> Iterator[list[DeadLetter]]:
    """All dead letters of one stage, held while they are looked at, and released after."""
    url = deployment.queue_url(queue, dead_letters=True)
    held: list[DeadLetter] = []
    try:
        while messages := _receive(deployment, url):
            held += [_read(queue, message) for message in messages]
        yield held
    finally:
        for letter in held:
            _release(deployment, url, letter)


def send_back(deployment: Deployment, letter: DeadLetter) -> None:
    """Into its stage's queue, then out of the dead-letter queue: a crash in between may send it twice."""
    upload = json.loads(letter.body).get("upload") if letter.code in FROM_THE_PHOTO else None
    if upload:
        deployment.send("Intake", intake_message(Upload.from_fields(upload)), letter.reason)
    else:
        deployment.send(letter.queue, letter.body, letter.reason)
    url = deployment.queue_url(letter.queue, dead_letters=True)
    deployment.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=letter.receipt_handle)


def _receive(deployment: Deployment, url: str) -> list[Mapping[str, object]]:
    answer = deployment.client("sqs").receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=HELD_SECONDS,
        WaitTimeSeconds=PATIENCE_SECONDS,
        MessageAttributeNames=["All"],
    )
    return list(answer.get("Messages", []))


def _release(deployment: Deployment, url: str, letter: DeadLetter) -> None:
    try:
        deployment.client("sqs").change_message_visibility(
            QueueUrl=url, ReceiptHandle=letter.receipt_handle, VisibilityTimeout=0
        )
    except ClientError:
        return  # it was sent back and deleted


def _read(queue: str, message: Mapping[str, object]) -> DeadLetter:
    attributes = message.get("MessageAttributes") or {}
    values = {name: value["StringValue"] for name, value in attributes.items()}  # type: ignore[attr-defined]
    return DeadLetter(
        queue=queue,
        body=str(message["Body"]),
        receipt_handle=str(message["ReceiptHandle"]),
        code=values.get("code", WITHOUT_CODE),
        reason=values.get("reason", "It was received too often: the function crashed each time, or was throttled."),
    )
