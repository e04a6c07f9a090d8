"""The switch's record: one of several answers turns it off, and each receiver has its own."""

import pytest
from dropcut.adapters.state_table import StateTable
from dropcut.adapters.webhook_record import WebhookRecord
from dropcut.core.webhook_switch import Switch

from tests.functions.adapters.threads import at_once


@pytest.fixture
def record(table: StateTable) -> WebhookRecord:
    return WebhookRecord(table=table)


def test_webhooks_are_on_at_first(record: WebhookRecord) -> None:
    assert record.get() == Switch()
    assert not record.get().is_off_for("r1")


def test_one_of_several_answers_turns_them_off(record: WebhookRecord) -> None:
    assert sorted(at_once(8, lambda: record.turn_off("r1", now=5.0))) == [False] * 7 + [True]
    assert record.get() == Switch(receiver="r1", off_since=5.0, announced=False)
    assert record.get().is_off_for("r1")


def test_another_receivers_410_is_nothing_to_this_one(record: WebhookRecord) -> None:
    record.turn_off("r1", now=5.0)
    record.announced("r1")
    assert not record.get().is_off_for("r2")
    record.turn_on("r2")
    record.announced("r2")
    assert record.get() == Switch(receiver="r1", off_since=5.0, announced=True)
    assert record.turn_off("r2", now=6.0)
    assert record.get() == Switch(receiver="r2", off_since=6.0, announced=False)


def test_turned_on_again_it_is_as_at_first(record: WebhookRecord) -> None:
    record.turn_off("r1", now=5.0)
    record.announced("r1")
    record.turn_on("r1")
    assert record.get() == Switch()
    assert record.turn_off("r1", now=7.0)
