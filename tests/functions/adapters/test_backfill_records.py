"""The records of back-fills: each cell of `core/backfill.py`, carried out, and what two feeders do to each other."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from dropcut.adapters.backfill_records import KEEP_DAYS, BackfillRecords
from dropcut.adapters.state_table import StateTable
from dropcut.core.backfill import EVENTS, TABLE, Backfill

NOON = 1_722_081_600.0
NEW = Backfill(name="a", bucket="photos", prefix="2024/", total=10, started_at=NOON)
MOVED = replace(NEW, cursor="2024/k", seen=5, sent=4, fed_at=NOON + 60, fed_until=NOON + 160)
EVENT: dict[str, Callable[[BackfillRecords], object]] = {
    "page sent": lambda records: records.page_sent(NEW, MOVED),
    "end reached": lambda records: records.finish(NEW, now=NOON),
    "list not readable": lambda records: records.break_off(NEW, "It is gone."),
    "stop": lambda records: records.stop("a"),
    "resume": lambda records: records.resume("a"),
}
WAYS = {
    "running": [[], ["stop", "resume"], ["list not readable", "resume"]],
    "stopped": [["stop"], ["list not readable", "stop"]],
    "broken": [["list not readable"]],
    "finished": [["end reached"]],
}
"""For each state the ways into it."""


@pytest.fixture
def records(table: StateTable) -> BackfillRecords:
    records = BackfillRecords(table=table)
    records.start(NEW)
    return records


def the_one(records: BackfillRecords) -> Backfill:
    (found,) = records.all()
    return found


def test_what_is_started_is_found_again(records: BackfillRecords) -> None:
    assert the_one(records) == NEW


def test_there_may_be_none(table: StateTable) -> None:
    assert BackfillRecords(table=table).all() == []


def test_a_list_is_found_again(records: BackfillRecords) -> None:
    other = Backfill(name="b", bucket="photos", parts=3, started_at=NOON + 1)
    records.start(other)
    assert records.all() == [NEW, other]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(("state", "way"), [(state, way) for state, ways in WAYS.items() for way in ways])
def test_each_cell_of_the_table_is_carried_out(
    records: BackfillRecords, state: str, way: list[str], event: str
) -> None:
    for each in way:
        EVENT[each](records)
    assert the_one(records).status == state
    EVENT[event](records)
    assert the_one(records).status == TABLE[state][event].next


@pytest.mark.parametrize("event", ["stop", "resume"])
def test_an_operator_hears_what_became_of_it(records: BackfillRecords, event: str) -> None:
    change = getattr(records, event)
    assert change("a") == TABLE["running"][event].next
    records.resume("a")
    records.finish(NEW, now=NOON)
    assert change("a") == "finished"
    assert change("unknown") == ""
    assert len(records.all()) == 1


def test_why_it_is_broken_is_shown_until_it_goes_on(records: BackfillRecords) -> None:
    records.break_off(NEW, "The bucket is gone.")
    assert the_one(records).reason == "The bucket is gone."
    records.resume("a")
    assert the_one(records).reason == ""


def test_a_page_moves_the_cursor_once_whoever_sends_it(records: BackfillRecords) -> None:
    assert records.page_sent(NEW, MOVED) == "running"
    assert records.page_sent(NEW, replace(MOVED, seen=99)) == ""
    assert the_one(records) == MOVED
    end = replace(MOVED, cursor="2024/z", seen=10)
    assert records.page_sent(MOVED, end) == "running"
    assert the_one(records) == end


def test_an_empty_bucket_has_a_first_page_as_often_as_it_is_looked_at(records: BackfillRecords) -> None:
    for _ in range(2):
        assert records.page_sent(NEW, replace(NEW, fed_at=NOON)) == "running"


def test_a_page_that_was_on_its_way_counts_when_the_back_fill_is_stopped(records: BackfillRecords) -> None:
    records.stop("a")
    assert records.page_sent(NEW, MOVED) == "stopped"
    assert the_one(records) == replace(MOVED, status="stopped")


def test_a_page_of_one_that_was_removed_makes_no_record(table: StateTable) -> None:
    assert BackfillRecords(table=table).page_sent(NEW, MOVED) == ""
    assert table.get("backfill#a") is None


def test_the_start_is_announced_once(records: BackfillRecords) -> None:
    records.announced(NEW)
    assert the_one(records).announced


def test_one_that_has_finished_is_shown_for_a_while(records: BackfillRecords, table: StateTable) -> None:
    records.finish(NEW, now=NOON)
    assert the_one(records).ended_at == NOON
    item = table.get("backfill#a")
    assert item is not None and item["expires_at"] == NOON + KEEP_DAYS * 86_400
