"""Photos that the API rejected: found in the state table, and sent through the pipeline once more."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dropcut.core.messages import NOT_ASKED_AGAIN

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_JOB = "object#"


@dataclass(frozen=True, kw_only=True)
class RejectedPhoto:
    code: str
    reason: str
    event: str
    """Its upload as S3 announces it, for the intake queue: of the same job, so that a newer upload is not undone."""


def rejected_photos(dynamodb: "DynamoDBClient", table: str) -> Iterator[RejectedPhoto]:
    """Photos that were rejected after a call of the API, their own or that of the same picture.

    What was rejected without a call, such as a file that is no picture, would be rejected again. The whole table is
    read: that costs half a read request unit for each 4 KiB.
    """
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table,
        FilterExpression="begins_with(id, :job) AND #status = :rejected"
        " AND (attempts > :none OR contains(reason, :copy))",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={
            ":job": {"S": _JOB},
            ":rejected": {"S": "rejected"},
            ":none": {"N": "0"},
            ":copy": {"S": NOT_ASKED_AGAIN},
        },
    )
    for page in pages:
        for item in page["Items"]:
            text = {name: str(value.get("S", "")) for name, value in item.items()}
            yield RejectedPhoto(code=text["code"], reason=text["reason"], event=json.dumps(_event(text)))


def _event(job: Mapping[str, str]) -> dict[str, Any]:
    bucket, _, key = job["id"].removeprefix(_JOB).partition("/")
    version = {"version-id": job["version_id"]} if job.get("version_id") else {}
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key, "sequencer": job["sequencer"], **version}},
    }
