"""The state table: one DynamoDB item per thing that several workers must agree on.

Each method is one conditional write (or reads), so that workers never need a lock. If the table cannot be asked,
botocore's error goes up and the record fails: nothing is paid on a guess.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Value = str | float | frozenset[str]
Item = dict[str, Any]
"""An item as it is read: each attribute is a `Value`."""
_TRIES_FOR_MANY = 5
_MOST_AT_ONCE = 100
"""DynamoDB's most in one BatchGetItem."""


class ItemsNotReadError(RuntimeError):
    """Some items could not be read; trying again will help."""


class StateTable:
    def __init__(self, client: "DynamoDBClient", table: str, *, once: "DynamoDBClient | None" = None) -> None:
        """`once`: a client that does not try again by itself, for what must not be done twice."""
        self._client, self._once = client, once or client
        self._table = table

    def get(self, item_id: str) -> Item | None:
        """The item as it is now (consistent read), or None."""
        answer = self._client.get_item(TableName=self._table, Key={"id": {"S": item_id}}, ConsistentRead=True)
        return _decode(answer["Item"]) if "Item" in answer else None

    def get_many(self, item_ids: Iterable[str]) -> Mapping[str, Item]:
        """The items that are there, as they are now (consistent read), in one call for each hundred.

        Raises:
            ItemsNotReadError: DynamoDB leaves some unread again and again, as it does when it is throttled.
        """
        ids, found = sorted(set(item_ids)), dict[str, Item]()
        for first in range(0, len(ids), _MOST_AT_ONCE):
            found |= self._get_some(ids[first : first + _MOST_AT_ONCE])
        return found

    def _get_some(self, item_ids: Sequence[str]) -> Mapping[str, Item]:
        found: dict[str, Item] = {}
        wanted: Any = {self._table: {"Keys": [{"id": {"S": each}} for each in item_ids], "ConsistentRead": True}}
        for _try in range(_TRIES_FOR_MANY):
            answer = self._client.batch_get_item(RequestItems=wanted)
            for item in answer["Responses"].get(self._table, []):
                decoded = _decode(item)
                found[decoded["id"]] = decoded
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
        raise ItemsNotReadError(f"{self._table} was asked {_TRIES_FOR_MANY} times for items, and left some unread")

    def query(self, index: str, condition: str, values: Mapping[str, Value], *, most: int) -> list[str]:
        """Ids of the items that an index finds, in its order; what was written last may be missing yet."""
        asked: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": index,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": {f":{name}": _encode(value) for name, value in values.items()},
        }
        found: list[str] = []
        while len(found) < most:
            answer = self._client.query(**asked, Limit=most - len(found))  # a page has 1 MB at most
            found += [item["id"]["S"] for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return found

    def update(
        self,
        item_id: str,
        change: str,
        values: Mapping[str, Value],
        *,
        only_if: str = "",
        repeatable: bool = True,
    ) -> "Update":
        """Change an item if a condition holds, both in DynamoDB's expression language.

        `#status` stands for the attribute `status`, which is a reserved word.
        Without `repeatable` it is sent once. When the answer gets lost, botocore would send it again, and what was
        given back twice could be spent twice. Returns whether it was changed, and the item as it was before (None when
        there was none).
        """
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"id": {"S": item_id}},
            "UpdateExpression": change,
            "ReturnValues": "ALL_OLD",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if values:
            request["ExpressionAttributeValues"] = {f":{name}": _encode(value) for name, value in values.items()}
        if only_if:
            request["ConditionExpression"] = only_if
        if "#status" in change + only_if:
            request["ExpressionAttributeNames"] = {"#status": "status"}
        try:
            client = self._client if repeatable else self._once
            before = client.update_item(**request).get("Attributes")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            item = error.response.get("Item")
            return Update(changed=False, before=_decode(item) if item else None)  # type: ignore[arg-type]
        return Update(changed=True, before=_decode(before) if before else None)


class Update(NamedTuple):
    """What an update did."""

    changed: bool
    before: Item | None


def _encode(value: Value) -> dict[str, Any]:
    match value:
        case str():
            return {"S": value}
        case frozenset():
            return {"SS": sorted(value)}
    return {"N": repr(value)}


def _decode(item: Mapping[str, Mapping[str, Any]]) -> Item:
    return {name: _decoded(typed) for name, typed in item.items()}


def _decoded(typed: Mapping[str, Any]) -> Value:
    if "SS" in typed:
        return frozenset(typed["SS"])
    return float(typed["N"]) if "N" in typed else str(typed["S"])
