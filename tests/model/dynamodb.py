"""DynamoDB in memory, as far as the state table needs it: one item read or changed at a time, under a condition.

Fast enough for thousands of random histories. `test_dynamodb.py` holds it against moto, expression by expression.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from botocore.exceptions import ClientError

Plain = str | Decimal | frozenset[str]
Stored = dict[str, Plain]
Values = Mapping[str, Plain]
Condition = Callable[[Stored, Values], bool]
Change = Callable[[Stored, Stored, Values], None]
"""Reads the item as it was, and changes the item that is to be."""


class DynamoDb:
    """Answers `get_item`, `update_item` and `query` as the client of boto3 does."""

    def __init__(self) -> None:
        self.items: dict[str, Stored] = {}

    def get_item(self, **request: Any) -> dict[str, Any]:
        item = self.items.get(request["Key"]["id"]["S"])
        return {} if item is None else {"Item": _typed(item)}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        asked = {table: [key["id"]["S"] for key in wanted["Keys"]] for table, wanted in RequestItems.items()}
        found = {table: [_typed(self.items[i]) for i in ids if i in self.items] for table, ids in asked.items()}
        return {"Responses": found, "UnprocessedKeys": {}}

    def query(self, **request: Any) -> dict[str, Any]:
        """Of the index of held jobs, whatever name is given: those that are held, by time."""
        values = {name: _plain(typed) for name, typed in request["ExpressionAttributeValues"].items()}
        matches = condition(request["KeyConditionExpression"], ())
        found = sorted((item for item in self.items.values() if matches(item, values)), key=_held_at)
        return {
            "Items": [
                _typed({name: item[name] for name in ("id", "held_index", "held_at")})
                for item in found[: request["Limit"]]
            ]
        }

    def update_item(self, **request: Any) -> dict[str, Any]:
        item_id = request["Key"]["id"]["S"]
        names = tuple(request.get("ExpressionAttributeNames", {}).items())
        change_text, condition_text = request["UpdateExpression"], request.get("ConditionExpression", "")
        values = {name: _plain(typed) for name, typed in request.get("ExpressionAttributeValues", {}).items()}
        used = set(re.findall(r":\w+", change_text + " " + condition_text))
        if used != set(values):
            raise _error("ValidationException", f"values {sorted(used ^ set(values))} are unused or missing")
        before = self.items.get(item_id)
        if condition_text and not condition(condition_text, names)(before or {}, values):
            raise _error("ConditionalCheckFailedException", "The conditional request failed", before)
        after = dict(before or {"id": item_id})
        change(change_text, names)(dict(before or {}), after, values)
        self.items[item_id] = after
        return {"Attributes": _typed(before)} if before else {}


def _held_at(item: Stored) -> Decimal:
    held_at = item["held_at"]
    assert isinstance(held_at, Decimal)
    return held_at


def _plain(typed: Mapping[str, Any]) -> Plain:
    if "SS" in typed:
        return frozenset(typed["SS"])
    return Decimal(typed["N"]) if "N" in typed else str(typed["S"])


def _typed(item: Stored) -> dict[str, dict[str, Any]]:
    return {name: _typed_value(value) for name, value in item.items()}


def _typed_value(value: Plain) -> dict[str, Any]:
    if isinstance(value, frozenset):
        return {"SS": sorted(value)}
    return {"N": str(value)} if isinstance(value, Decimal) else {"S": value}


def _error(code: str, message: str, item: Stored | None = None) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}}
    if item:
        answer["Item"] = _typed(item)
    return ClientError(answer, "UpdateItem")


class _Tokens:
    """The words of an expression, with `#names` replaced."""

    def __init__(self, text: str, names: tuple[tuple[str, str], ...]) -> None:
        words = re.findall(r"[#:]?\w+|<>|<=|>=|[()<>=,+-]", text)
        assert "".join(words) == re.sub(r"\s", "", text), f"not understood: {text}"
        replaced = dict(names)
        self._words = [replaced.get(word, word) for word in words]

    def peek(self) -> str:
        return self._words[0] if self._words else ""

    def take(self, *expected: str) -> str:
        word = self._words.pop(0)
        assert not expected or word in expected, f"{word!r} where one of {expected} was expected"
        return word

    def listed(self) -> Iterator[None]:
        """Once for each part of a list with commas."""
        yield
        while self.peek() == ",":
            self.take(",")
            yield


@lru_cache
def condition(text: str, names: tuple[tuple[str, str], ...]) -> Condition:
    tokens = _Tokens(text, names)
    parsed = _either(tokens)
    assert not tokens.peek(), f"{tokens.peek()!r} was not understood in: {text}"
    return parsed


def _either(tokens: _Tokens) -> Condition:
    parts = [_both(tokens)]
    while tokens.peek() == "OR":
        tokens.take()
        parts.append(_both(tokens))
    return lambda item, values: any(part(item, values) for part in parts)


def _both(tokens: _Tokens) -> Condition:
    parts = [_single(tokens)]
    while tokens.peek() == "AND":
        tokens.take()
        parts.append(_single(tokens))
    return lambda item, values: all(part(item, values) for part in parts)


def _single(tokens: _Tokens) -> Condition:
    word = tokens.take()
    if word == "(":
        inner = _either(tokens)
        tokens.take(")")
        return inner
    if word == "NOT":
        negated = _single(tokens)
        return lambda item, values: not negated(item, values)
    if word in ("attribute_not_exists", "attribute_exists"):
        tokens.take("(")
        name = tokens.take()
        tokens.take(")")
        return lambda item, values: (name in item) == (word == "attribute_exists")
    return _comparison(word, tokens)


def _comparison(left: str, tokens: _Tokens) -> Condition:
    operator = tokens.take("=", "<>", "<", "<=", ">", ">=", "IN")
    if operator == "IN":
        tokens.take("(")
        options = [tokens.take() for _ in tokens.listed()]
        tokens.take(")")
        return lambda item, values: _operand(left, item, values) in [_operand(o, item, values) for o in options]
    right = tokens.take()
    return lambda item, values: _holds(operator, _operand(left, item, values), _operand(right, item, values))


def _operand(word: str, item: Stored, values: Values) -> Plain | None:
    return values[word] if word.startswith(":") else item.get(word)


def _holds(operator: str, left: Plain | None, right: Plain | None) -> bool:
    """As DynamoDB compares: what is absent or of another type differs from everything, and is neither more nor less."""
    if operator == "<>":
        return left != right
    if left is None or right is None or isinstance(left, str) != isinstance(right, str):
        return False
    order = (left > right) - (left < right)  # type: ignore[operator]
    return {"=": order == 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[operator]


@lru_cache
def change(text: str, names: tuple[tuple[str, str], ...]) -> Change:
    tokens = _Tokens(text, names)
    changes: list[Change] = []
    while tokens.peek():
        clause = {"SET": _set, "REMOVE": _remove, "ADD": _add}[tokens.take("SET", "REMOVE", "ADD")]
        changes += [clause(tokens) for _ in tokens.listed()]

    def all_of_them(before: Stored, after: Stored, values: Values) -> None:
        for one in changes:
            one(before, after, values)

    return all_of_them


def _set(tokens: _Tokens) -> Change:
    name = tokens.take()
    tokens.take("=")
    first = tokens.take()
    operator = tokens.take() if tokens.peek() in ("+", "-") else ""
    second = tokens.take() if operator else ""

    def assign(before: Stored, after: Stored, values: Values) -> None:
        value = _present(first, before, values)
        if operator:
            other = _present(second, before, values)
            value = value + other if operator == "+" else value - other  # type: ignore[operator]
        after[name] = value

    return assign


def _present(word: str, item: Stored, values: Values) -> Plain:
    value = _operand(word, item, values)
    if value is None:
        raise _error("ValidationException", f"The expression refers to an attribute that does not exist: {word}")
    return value


def _remove(tokens: _Tokens) -> Change:
    name = tokens.take()
    return lambda before, after, values: _forget(after, name)


def _forget(after: Stored, name: str) -> None:
    after.pop(name, None)


def _add(tokens: _Tokens) -> Change:
    name, amount = tokens.take(), tokens.take()

    def add(before: Stored, after: Stored, values: Values) -> None:
        value = values[amount]
        if isinstance(value, frozenset):
            after[name] = frozenset(before.get(name, frozenset())) | value
        else:
            after[name] = before.get(name, Decimal(0)) + value  # type: ignore[operator]

    return add
