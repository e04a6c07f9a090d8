"""Lambda: turning the cut function's event source off and on, and calling the function with one message."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


_UNDER_CHANGE = ("ResourceInUseException", "ResourceConflictException")
"""Somebody else changes it right now: a deployment, or another look of ours."""


class ProbeFailedError(RuntimeError):
    """The cut function itself failed when it was called with one message."""


class CutFunction:
    def __init__(self, client: "LambdaClient", *, function_name: str, event_source_id: str) -> None:
        self._client = client
        self._function_name = function_name
        self._event_source_id = event_source_id

    def take_messages(self, wanted: bool) -> None:
        """Let the queue's messages come in, or hold them in the queue.

        Changes nothing that is as wanted, nor while a change is under way: AWS refuses a second one, and the next
        minute brings another look.
        """
        state = self._client.get_event_source_mapping(UUID=self._event_source_id)["State"]
        if state != ("Disabled" if wanted else "Enabled"):
            return
        try:
            self._client.update_event_source_mapping(UUID=self._event_source_id, Enabled=wanted)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _UNDER_CHANGE:
                raise

    def handle(self, record: Mapping[str, Any]) -> bool:
        """Call the function with one record; returns whether the message is done with.

        Raises:
            ProbeFailedError: the function did not answer as it should.
        """
        answer = self._client.invoke(
            FunctionName=self._function_name, Payload=json.dumps({"Records": [record]}).encode()
        )
        text = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise ProbeFailedError(text.decode("utf-8", "replace")[:500])
        return not json.loads(text)["batchItemFailures"]
