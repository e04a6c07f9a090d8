"""What Lambda hands to a function that reads a queue."""

from dataclasses import dataclass
from typing import Any

from tests.functions.cloud import Cloud


@dataclass
class Context:
    """Lambda's context object, as far as the functions look at it."""

    remaining_seconds: float = 300.0
    function_name: str = "f"
    function_version: str = "1"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:111122223333:function:f"
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining_seconds * 1000)


def batch_of(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The event that Lambda makes of received messages."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {
                    name: {"stringValue": given["StringValue"], "dataType": given["DataType"]}
                    for name, given in message.get("MessageAttributes", {}).items()
                },
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:111122223333:queue",
                "awsRegion": "eu-central-1",
            }
            for message in messages
        ]
    }


def run(handler: Any, cloud: Cloud, queue: str) -> list[str]:
    """Hand a queue's messages to a handler, as Lambda does. Returns the bodies of those that stay in the queue.

    They are taken out all the same: a test that wants them to come back sends them anew.
    """
    messages = cloud.take(queue)
    if not messages:
        return []  # nobody is invoked then
    answer = handler(batch_of(messages), Context())
    for message in messages:
        cloud.clients.sqs.delete_message(QueueUrl=cloud.queues[queue].url, ReceiptHandle=message["ReceiptHandle"])
    staying = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    return [message["Body"] for message in messages if message["MessageId"] in staying]
