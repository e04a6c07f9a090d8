from typing import Any

import pytest
from botocore.exceptions import ClientError
from dropcut.adapters.state_table import ItemsNotReadError, StateTable

from tests.functions.cloud import TABLE, Cloud


def test_nothing_is_there_before_the_first_write(table: StateTable) -> None:
    assert table.get("x") is None


def test_texts_and_numbers_come_back_as_they_went_in(table: StateTable) -> None:
    values = {"text": "ü\n", "empty": "", "whole": 7, "time": 1_722_000_000.123456, "small": 1e-7}
    update = table.update("x", "SET " + ", ".join(f"#{n} = :{n}".replace("#", "a_") for n in values), values)
    assert (update.changed, update.before) == (True, None)
    assert table.get("x") == {"id": "x"} | {f"a_{name}": value for name, value in values.items()}


def test_a_set_comes_back_as_it_went_in_and_grows(table: StateTable) -> None:
    for names in ({"a"}, {"b", "ü"}, {"a"}):
        table.update("x", "ADD pictures :names", {"names": frozenset(names)})
    assert table.get("x") == {"id": "x", "pictures": frozenset({"a", "b", "ü"})}


def test_many_items_are_read_by_their_ids_and_those_that_are_not_there_are_left_out(table: StateTable) -> None:
    for item_id in ("x", "y", "z"):
        table.update(item_id, "SET n = :n", {"n": 1})
    assert table.get_many(["x", "z", "no", "x"]) == {"x": {"id": "x", "n": 1.0}, "z": {"id": "z", "n": 1.0}}


class Throttled:
    """A client that leaves items unread, the last of each request, so many times."""

    def __init__(self, client: Any, times: int) -> None:
        self._client, self._times = client, times
        self.asked: list[list[str]] = []

    def batch_get_item(self, *, RequestItems: Any) -> Any:
        wanted = RequestItems[TABLE]
        self.asked.append([key["id"]["S"] for key in wanted["Keys"]])
        if len(self.asked) > self._times:
            return self._client.batch_get_item(RequestItems=RequestItems)
        *now, last = wanted["Keys"]
        read = self._client.batch_get_item(RequestItems={TABLE: wanted | {"Keys": now}}) if now else {"Responses": {}}
        return read | {"UnprocessedKeys": {TABLE: wanted | {"Keys": [last]}}}


@pytest.mark.parametrize("times", [0, 1, 4])
def test_items_that_were_left_unread_are_asked_for_again(dynamodb: Any, table: StateTable, times: int) -> None:
    for item_id in ("x", "y"):
        table.update(item_id, "SET n = :n", {"n": 1})
    throttled = Throttled(dynamodb, times)
    assert StateTable(throttled, TABLE).get_many(["x", "y"]).keys() == {"x", "y"}  # type: ignore[arg-type]
    assert [len(asked) for asked in throttled.asked] == [2, *[1] * times]


def test_more_than_dynamodb_reads_at_once_are_asked_for_in_hundreds(dynamodb: Any, table: StateTable) -> None:
    ids = [f"item-{number}" for number in range(101)]
    for item_id in ids[:1] + ids[-1:]:
        table.update(item_id, "SET n = :n", {"n": 1})
    counted = Throttled(dynamodb, 0)
    # Fakes of boto3's client, here and below.
    assert StateTable(counted, TABLE).get_many(ids).keys() == {ids[0], ids[-1]}  # type: ignore[arg-type]
    assert sorted(len(asked) for asked in counted.asked) == [1, 100]
    assert StateTable(counted, TABLE).get_many([]) == {}  # type: ignore[arg-type]


def test_items_that_stay_unread_are_an_error_and_no_guess(dynamodb: Any) -> None:
    throttled = Throttled(dynamodb, 99)
    with pytest.raises(ItemsNotReadError, match=f"{TABLE} was asked 5 times"):
        StateTable(throttled, TABLE).get_many(["x", "y"])  # type: ignore[arg-type]
    assert len(throttled.asked) == 5


def test_a_condition_that_does_not_hold_changes_nothing_and_shows_what_is_there(table: StateTable) -> None:
    table.update("x", "SET n = :n", {"n": 1})
    update = table.update("x", "SET n = :n", {"n": 2}, only_if="n > :n")
    assert (update.changed, update.before) == (False, {"id": "x", "n": 1.0})
    assert table.get("x") == {"id": "x", "n": 1.0}


def test_a_change_gives_the_item_as_it_was_before(table: StateTable) -> None:
    table.update("x", "SET #status = :s", {"s": "old"})
    assert table.update("x", "SET #status = :s", {"s": "new"}).before == {"id": "x", "status": "old"}


def test_a_table_that_cannot_be_asked_is_an_error_and_no_guess(cloud: Cloud) -> None:
    elsewhere = StateTable(cloud.clients.dynamodb, "no-such-table")
    with pytest.raises(ClientError):
        elsewhere.get("x")
    with pytest.raises(ClientError):
        elsewhere.get_many(["x"])
    with pytest.raises(ClientError):
        elsewhere.update("x", "SET n = :n", {"n": 1}, only_if="attribute_not_exists(n)")


def test_what_must_not_be_done_twice_is_sent_by_the_client_that_sends_once(cloud: Cloud) -> None:
    class Once:
        def update_item(self, **_request: Any) -> dict[str, Any]:
            return {}

    table = StateTable(cloud.clients.dynamodb, TABLE, once=Once())  # type: ignore[arg-type] - all that is asked of it
    assert table.update("x", "ADD n :n", {"n": 1}, repeatable=False).changed
    assert table.get("x") is None
    table.update("x", "ADD n :n", {"n": 1})
    assert table.get("x") == {"id": "x", "n": 1.0}


@pytest.mark.parametrize(("most", "found"), [(9, ["a", "b", "c"]), (3, ["a", "b", "c"]), (2, ["a", "b"])])
def test_an_index_is_read_page_by_page_until_enough_is_found(most: int, found: list[str]) -> None:
    """DynamoDB gives 1 MB at once, also when more is asked for; this one gives two items."""

    class TwoAtOnce:
        def query(self, *, Limit: int, ExclusiveStartKey: int = 0, **_asked: object) -> dict[str, object]:
            end = ExclusiveStartKey + min(Limit, 2)
            page: dict[str, object] = {"Items": [{"id": {"S": each}} for each in "abc"[ExclusiveStartKey:end]]}
            return page | ({"LastEvaluatedKey": end} if end < 3 else {})

    assert StateTable(TwoAtOnce(), "state").query("index", "c", {}, most=most) == found  # type: ignore[arg-type]
