"""Stand-ins in memory for clients of AWS that tests ask often: an AWS in memory takes milliseconds for each answer."""

from typing import Any


class SecretsInMemory:
    """A client of Secrets Manager that holds one secret."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_secret_value(self, **_request: Any) -> dict[str, str]:
        return {"SecretString": self.text}


class SqsInMemory:
    """A client of SQS whose messages are seen once: nobody puts them back, and no time passes."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[dict[str, Any]]] = {}
        self._in_flight: dict[str, list[dict[str, Any]]] = {}
        self._sent = 0

    def create_queue(self, *, QueueName: str) -> dict[str, str]:
        self._waiting[QueueName], self._in_flight[QueueName] = [], []
        return {"QueueUrl": QueueName}

    def send_message(self, *, QueueUrl: str, MessageBody: str, **more: Any) -> None:
        self._sent += 1
        names = {"MessageId": str(self._sent), "ReceiptHandle": f"handle of {self._sent}"}
        attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "1722000000500"}
        self._waiting[QueueUrl].append({"Body": MessageBody, "Attributes": attributes} | names | more)

    def receive_message(self, *, QueueUrl: str, MaxNumberOfMessages: int, **_more: Any) -> dict[str, Any]:
        waiting = self._waiting[QueueUrl]
        seen, self._waiting[QueueUrl] = waiting[:MaxNumberOfMessages], waiting[MaxNumberOfMessages:]
        self._in_flight[QueueUrl] += seen
        return {"Messages": seen}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        """Noted only: what is put back comes when a test lets it."""
        seen_again = next(each for each in self._in_flight[QueueUrl] if each["ReceiptHandle"] == ReceiptHandle)
        seen_again["VisibilityTimeout"] = VisibilityTimeout

    def unseen_for(self, *, QueueUrl: str) -> list[int | None]:
        """For each message in flight the seconds for which it was put back; None where it was not."""
        return [each.get("VisibilityTimeout") for each in self._in_flight[QueueUrl]]

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        left = [message for message in self._in_flight[QueueUrl] if message["ReceiptHandle"] != ReceiptHandle]
        self._in_flight[QueueUrl] = left

    def get_queue_attributes(self, *, QueueUrl: str, **_more: Any) -> dict[str, dict[str, str]]:
        counts = {
            "ApproximateNumberOfMessages": str(len(self._waiting[QueueUrl])),
            "ApproximateNumberOfMessagesNotVisible": str(len(self._in_flight[QueueUrl])),
            "ApproximateNumberOfMessagesDelayed": "0",
        }
        return {"Attributes": counts}
