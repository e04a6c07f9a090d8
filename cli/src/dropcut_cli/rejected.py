"""Photos that the API rejected: found in the state table, and sent through the pipeline once more."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from dropcut.core.cutout_request import request_event
from dropcut.core.item_kinds import JOB
from dropcut.core.messages import NOT_ASKED_AGAIN, Upload

from dropcut_cli.deployment import Deployment


@dataclass(frozen=True, kw_only=True)
class RejectedPhoto:
    key: str
    code: str
    reason: str
    event: str
    """A message for the intake queue: its upload as S3 announces it, or the request for it. It is of the same job, so
    that a newer upload is not undone."""


def rejected_photos(deployment: Deployment) -> Iterator[RejectedPhoto]:
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
        upload = Upload(bucket=bucket, key=key, sequencer=text["sequencer"], version_id=version_id)
        event = text.get("requested") or intake_message(upload)
        yield RejectedPhoto(key=key, code=text["code"], reason=text["reason"], event=event)


def intake_message(upload: Upload) -> str:
    """An upload as S3 announces it by EventBridge; or the request again that it was."""
    if upload.request:
        return json.dumps(request_event(upload))
    version = {"version-id": upload.version_id} if upload.version_id else {}
    stored = {"key": upload.key, "sequencer": upload.sequencer, **version}
    detail = {"bucket": {"name": upload.bucket}, "object": stored}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})
