"""Stand-ins in memory for what use cases ask most often, because an AWS in memory takes milliseconds for each answer.

The adapters' own tests run on both the table here and moto's, so the two agree on every expression that is used.
"""

import re
import threading
from collections.abc import Mapping
from typing import Any

from dropcut.adapters.state_table import Item, Update

Values = Mapping[str, str | float]


class TableInMemory:
    """A `StateTable` that understands the part of DynamoDB's expression language that the adapters use."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._lock = threading.Lock()

    def get(self, item_id: str) -> Item | None:
        with self._lock:
            item = self._items.get(item_id)
            return dict(item) if item else None

    def update(
        self, item_id: str, change: str, values: Values, *, only_if: str = "", repeatable: bool = True
    ) -> Update:
        with self._lock:
            before = self._items.get(item_id)
            if only_if and not _holds(only_if, before or {}, values):
                return Update(changed=False, before=dict(before) if before else None)
            self._items[item_id] = _changed({"id": item_id} | (before or {}), change, values)
            return Update(changed=True, before=dict(before) if before else None)


def _holds(condition: str, item: Item, values: Values) -> bool:
    """Translated to Python; an attribute that is not there is unequal to everything, and no more than that."""
    text = re.sub(r"attribute_not_exists\((\w+)\)", r"('\1' not in item)", condition)
    text = re.sub(r"(#?\w+) (<=|<>|<|>|=) :(\w+)", r"compare('\1', '\2', '\3')", text)
    text = re.sub(r"(#?\w+) IN \(([^)]*)\)", r"is_one_of('\1', '\2')", text)
    text = text.replace(" AND ", " and ").replace(" OR ", " or ")

    def compare(name: str, sign: str, value: str) -> bool:
        have, want = item.get(name.lstrip("#")), values[value]
        if sign == "<>":
            return have != want
        if have is None or isinstance(have, str) is not isinstance(want, str):
            return False
        return {"<": have < want, "<=": have <= want, ">": have > want, "=": have == want}[sign]  # type: ignore[operator]

    def is_one_of(name: str, listed: str) -> bool:
        return item.get(name.lstrip("#")) in [values[value.strip(" :")] for value in listed.split(",")]

    return bool(eval(text, {"item": item, "compare": compare, "is_one_of": is_one_of}))


def _changed(before: Item, change: str, values: Values) -> Item:
    """Every right-hand side sees the item as it was before."""
    item = dict(before)
    for verb, clause in re.findall(r"(SET|REMOVE|ADD) (.*?)(?= SET | REMOVE | ADD |$)", change):
        for part in re.split(r",\s*", clause):
            if verb == "REMOVE":
                item.pop(part, None)
            elif verb == "ADD":
                name, value = part.split()
                item[name] = float(before.get(name, 0)) + float(values[value[1:]])
            else:
                name, right = (side.strip() for side in part.split("=", 1))
                item[name.lstrip("#")] = _sum(right, before, values)
    return item


def _sum(text: str, before: Item, values: Values) -> Any:
    first, *more = [values[term[1:]] if term.startswith(":") else before[term] for term in text.split(" + ")]
    if isinstance(first, str):
        return first
    return sum(float(term) for term in (first, *more))


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
        }
        return {"Attributes": counts}
