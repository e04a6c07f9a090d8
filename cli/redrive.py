"""Looks into the dead-letter queues, and sends what lies there back to its own stage.

    python -m cli.redrive                                shows what lies there and why
    python -m cli.redrive --send --code http_500         sends back what failed for this reason
    python -m cli.redrive --send --queue deliver         sends back everything of one stage
    python -m cli.redrive --rejected                     shows the photos that the API rejected, and why
    python -m cli.redrive --send --rejected --code CODE  sends those with this code through the pipeline again

The deployment is the one that `--stage` names, or else the setting `stage` (in the environment variable SETTINGS, or
in cdk.json), or else `prod`.
Nothing that was paid for is paid for again: a picture whose answer is stored is delivered from it. What is remembered
of a picture's refusal or failure is forgotten: the API is asked again. A photo whose prepared picture or paid answer is
no longer kept starts from the photo itself.
"""

import argparse
import json
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from dropcut.core.messages import Upload
from dropcut.core.plain_text import shown

from cli.rejected import intake_message, rejected_photos
from infra.settings import Settings, SettingsError
from local.problem import Problem
from local.real_account import deployed_outputs, real_account
from local.settings_line import make_command, quoted_for_make, settings_of_deployment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

QUEUES = {"intake": "Intake", "cut": "Cut", "deliver": "Deliver"}
HELD_SECONDS = 300
"""For how long what was looked at is unseen by others; what is not sent back is released at once."""
WITHOUT_CODE = "unexpected"
FROM_THE_PHOTO = {"prepared_gone", "answer_expired"}
"""What the stage of these dead letters needs is not kept any more; everything can be made of the photo."""
REJECTED = "It was rejected by the API, and somebody asked for it to be tried again."
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


@dataclass(frozen=True, kw_only=True)
class Stages:
    """The queues of one deployment, and its state table."""

    sqs: "SQSClient"
    dynamodb: "DynamoDBClient"
    outputs: Mapping[str, str]

    def queue_url(self, queue: str) -> str:
        return self.outputs[f"{QUEUES[queue]}QueueUrl"]

    def dead_letter_queue_url(self, queue: str) -> str:
        return self.outputs[f"{QUEUES[queue]}DeadLetterQueueUrl"]

    @contextmanager
    def dead_letters(self, queue: str) -> Iterator[list[DeadLetter]]:
        """All dead letters of one stage, held while they are looked at, and released after."""
        url, held = self.dead_letter_queue_url(queue), []
        try:
            while messages := self._receive(url):
                held += [_read(queue, message) for message in messages]
            yield held
        finally:
            for letter in held:
                self._release(url, letter)

    def send_back(self, letter: DeadLetter) -> None:
        """Into its stage's queue, then out of the dead-letter queue: a crash in between may send it twice."""
        upload = json.loads(letter.body).get("upload") if letter.code in FROM_THE_PHOTO else None
        if upload:
            self.send("intake", intake_message(Upload.from_fields(upload)), letter.reason)
        else:
            self.send(letter.queue, letter.body, letter.reason)
        self.sqs.delete_message(QueueUrl=self.dead_letter_queue_url(letter.queue), ReceiptHandle=letter.receipt_handle)

    def send(self, queue: str, body: str, reason: str) -> None:
        """Into a stage's queue; by the reason, the functions know that somebody wants the photo to be tried again."""
        self.sqs.send_message(
            QueueUrl=self.queue_url(queue),
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
        )

    def _receive(self, url: str) -> list[Mapping[str, object]]:
        answer = self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=HELD_SECONDS,
            WaitTimeSeconds=PATIENCE_SECONDS,
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))

    def _release(self, url: str, letter: DeadLetter) -> None:
        try:
            self.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=letter.receipt_handle, VisibilityTimeout=0)
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


def stages_of(stage: str) -> Stages:
    """The queues of a deployment in the account and region that the environment names.

    Raises:
        Problem: who is asking is unknown, AWS does not answer, or there is no such deployment.
    """
    account = real_account()
    outputs = deployed_outputs(account, stage)
    return Stages(sqs=account.client("sqs"), dynamodb=account.client("dynamodb"), outputs=outputs)


def redrive(stages: Stages, queues: Iterable[str], *, code: str | None, reason: str, send: bool) -> Counter[str]:
    """Show the dead letters, and send back those that match when told to; returns how many by line shown."""
    lines: Counter[str] = Counter()
    for queue in queues:
        with stages.dead_letters(queue) as letters:
            for letter in letters:
                if code in (None, letter.code) and reason in letter.reason:
                    lines[_line(queue, letter.code, letter.reason)] += 1
                    if send:
                        stages.send_back(letter)
    return lines


def redrive_rejected(stages: Stages, *, code: str | None, reason: str, send: bool) -> Counter[str]:
    """Show the photos that the API rejected, and send those that match to the intake queue when told to."""
    lines: Counter[str] = Counter()
    for photo in rejected_photos(stages.dynamodb, stages.outputs["StateTableName"]):
        if code in (None, photo.code) and reason in photo.reason:
            lines[_line("rejected", photo.code, photo.reason)] += 1
            if send:
                stages.send("intake", photo.event, REJECTED)
    return lines


def _line(where: str, code: str, reason: str) -> str:
    """What is printed of a photo: code and reason may hold what the API, or whoever wrote the message, says."""
    return f"{where:8} {shown(code):22} {shown(reason)}"


def main(arguments: list[str] | None = None) -> int:
    try:
        settings = settings_of_deployment()
        stage = Settings.from_context(settings).stage
    except (Problem, SettingsError) as wrong:  # not `prod` instead: that is not what was meant
        print(wrong, file=sys.stderr)
        return 1
    parser = argparse.ArgumentParser(
        prog="python -m cli.redrive", description="Shows dead letters, and sends them back to their own stage."
    )
    parser.add_argument("--stage", default=stage, help=f"the deployment, as in the setting `stage` ({stage})")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--queue", choices=QUEUES, help="only this stage's dead letters")
    which.add_argument("--rejected", action="store_true", help="photos that the API rejected, instead of dead letters")
    parser.add_argument("--code", help="only those that ended with this code, such as http_500")
    parser.add_argument("--reason", default="", help="only those whose reason holds this text")
    parser.add_argument("--send", action="store_true", help="send them back; without it they are only shown")
    told = parser.parse_args(arguments)
    try:
        stages = stages_of(Settings.from_context({**settings, "stage": told.stage}).stage)
        if told.rejected:
            lines = redrive_rejected(stages, code=told.code, reason=told.reason, send=told.send)
        else:
            queues = [told.queue] if told.queue else list(QUEUES)
            lines = redrive(stages, queues, code=told.code, reason=told.reason, send=told.send)
    except (Problem, SettingsError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"The queues of `{told.stage}` could not be read or written: {error}", file=sys.stderr)
        print(
            "Run this again for the rest: what was sent already is done once, however often it is sent.",
            file=sys.stderr,
        )
        return 1
    for line, times in sorted(lines.items()):
        print(f"{times:6} x {line}")
    noun = "rejected photo" if told.rejected else "dead letter"
    sent = "sent through the pipeline again" if told.rejected else "sent back to the stages they came from"
    what = sent if told.send else f"found; {how_to_send(arguments)}"
    print(
        f"{_counted(lines.total(), noun)} of `{told.stage}` {what}."
        if lines
        else f"No {noun} of `{told.stage}` matches."
    )
    return 0


def how_to_send(arguments: list[str] | None) -> str:
    """The command that sends what was shown, and only that: with what narrowed it down."""
    again = shlex.join([*(sys.argv[1:] if arguments is None else arguments), "--send"])
    return f"`{make_command('redrive', f'ARGS={quoted_for_make(again)}')}` sends what is shown back"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


if __name__ == "__main__":
    sys.exit(main())
