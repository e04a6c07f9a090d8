"""AWS refusing one operation of a function for a while: what is refused, and how the service says so.

The refusal takes the place of the HTTP answer, so that botocore's own tries meet it as they would meet AWS's.
"""

import io
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

SECONDS = 60
"""How long a refusal lasts on the virtual clock."""
_ERRORS = {
    ("denied", "S3"): (403, "AccessDenied"),
    ("throttled", "S3"): (503, "SlowDown"),
    ("throttled", "SQS"): (400, "RequestThrottled"),
    ("throttled", "DynamoDB"): (400, "ThrottlingException"),
}
_OTHER_ERRORS = {"denied": (400, "AccessDeniedException"), "throttled": (400, "ThrottlingException")}


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An operation that is refused until a time on the clock."""

    name: str
    """Service and operation: `S3 PutObject`."""
    where: str
    """What it is done to, as `where` tells."""
    way: str
    """`denied` or `throttled`."""
    until: float

    def meets(self, name: str, place: str) -> bool:
        """Whether this call is refused now."""
        return (name, place) == (self.name, self.where) and time.time() < self.until

    def answer(self, url: str) -> AWSResponse:
        """What the service answers instead."""
        service = self.name.rpartition(" ")[0]
        status, code = _ERRORS.get((self.way, service)) or _OTHER_ERRORS[self.way]
        text = f"{self.name} is {self.way} by the harness"
        body = json.dumps({"__type": code, "message": text})
        if service == "S3":
            body = f"<Error><Code>{code}</Code><Message>{text}</Message></Error>"
        return AWSResponse(url, status, HTTPHeaders(), _Body(body.encode()))


class _Body(io.BytesIO):
    """As urllib3 hands over an answer's body."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def where(parameters: Mapping[str, Any]) -> str:
    """What a call is done to: bucket and first folder, queue, kinds of items in the table, or secret; else empty."""
    if "Bucket" in parameters:
        folder, slash, _ = str(parameters.get("Key", "")).partition("/")
        return f"{parameters['Bucket']}/{folder if slash else ''}"
    if "QueueUrl" in parameters:
        return str(parameters["QueueUrl"]).rpartition("/")[2]
    return "+".join(sorted(set(_kinds(parameters)))) or str(parameters.get("SecretId", ""))


def _kinds(value: object) -> Iterator[str]:
    """The kinds of all items that a call of DynamoDB names: an item's id is `kind#...`."""
    match value:
        case {"id": {"S": str(item_id)}}:
            yield item_id.partition("#")[0]
        case Mapping():
            for each in value.values():
                yield from _kinds(each)
        case list():
            for each in value:
                yield from _kinds(each)
