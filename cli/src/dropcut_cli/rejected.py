"""Photos that the API rejected: found in the state table, and sent through the pipeline once more."""

from collections.abc import Iterator
from functools import partial

from dropcut.core.item_kinds import JOB
from dropcut.core.messages import NOT_ASKED_AGAIN, Upload

from dropcut_cli.dead_letters import Failure, intake_message
from dropcut_cli.deployment import Deployment

REJECTED = "It was rejected by the API, and somebody asked for it to be tried again."


def rejected_photos(deployment: Deployment) -> Iterator[Failure]:
    """Photos that were rejected after a call of the API, their own or that of the same picture.

    What was rejected without a call, such as a file that is no picture, would be rejected again. The whole table is
    read: that costs half a read request unit for each 4 KiB.
    """
    values = {":job": {"S": JOB}, ":rejected": {"S": "rejected"}, ":none": {"N": "0"}, ":copy": {"S": NOT_ASKED_AGAIN}}
    condition = "begins_with(id, :job) AND #status = :rejected AND (attempts > :none OR contains(reason, :copy))"
    for item in deployment.scan(condition, values, ExpressionAttributeNames={"#status": "status"}):
        text = {name: str(value.get("S", "")) for name, value in item.items()}
        bucket, _, key = text["id"].removeprefix(JOB).partition("/")
        version_id = text.get("version_id") or None
        # Of the same job, so that a newer upload is not undone.
        upload = Upload(bucket=bucket, key=key, sequencer=text["sequencer"], version_id=version_id)
        event = text.get("requested") or intake_message(upload)
        yield Failure(key, text["code"], text["reason"], partial(deployment.send, "Intake", event, REJECTED))
