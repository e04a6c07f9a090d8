"""The table in memory answers as moto's does, for every expression that the functions use."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.held_records import HeldRecords
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.key_records import BudgetRecord, HealthRecord, PaceRecord
from dropcut.adapters.payment_records import PaymentRecords
from dropcut.adapters.snapshot import Snapshots
from dropcut.adapters.state_table import StateTable
from dropcut.core.gate import Gate
from dropcut.core.messages import CutRequest, Ended, OutcomeMessage, Upload
from dropcut.core.pace import Pace
from dropcut.core.payment import Payment
from dropcut.core.quality import Quality
from dropcut.core.review import Held
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from tests.functions.records import ANSWER, PICTURE
from tests.model.dynamodb import DynamoDb
from tests.model.state_table import STATE_TABLE

TABLE = "state"
UPLOAD = Upload(bucket="b", key="k", sequencer="1")
REJECTED = Ended(kind="rejected", code="c", reason="r")
FAILED = Ended(kind="failed", code="c", reason="r")


class Both:
    """Asks moto and the table in memory, and wants the same answer from both."""

    def __init__(self, moto: Any) -> None:
        self.moto, self.memory = moto, DynamoDb()

    def get_item(self, **request: Any) -> Any:
        return self._same("get_item", request)

    def batch_get_item(self, **request: Any) -> Any:
        return self._same("batch_get_item", request)

    def update_item(self, **request: Any) -> Any:
        return self._same("update_item", request)

    def query(self, **request: Any) -> Any:
        return self._same("query", request)

    def _same(self, method: str, request: dict[str, Any]) -> Any:
        ours, theirs = (_asked(client, method, request) for client in (self.memory, self.moto))
        assert _comparable(ours) == _comparable(theirs), request
        if isinstance(ours, ClientError):
            raise ours
        return ours


def _asked(client: Any, method: str, request: dict[str, Any]) -> Any:
    try:
        return getattr(client, method)(**request)
    except ClientError as error:
        return error


def _comparable(answer: Any) -> Any:
    """What of an answer the functions use, numbers as numbers."""
    if isinstance(answer, ClientError):
        return answer.response["Error"]["Code"], _values(answer.response.get("Item"))  # type: ignore[typeddict-item]
    listed = [_values(item) for item in answer.get("Responses", {}).get(TABLE, []) or answer.get("Items", [])]
    by_id = sorted(listed, key=lambda item: str(item["id"]))
    return _values(answer.get("Item")), _values(answer.get("Attributes")), by_id, answer.get("UnprocessedKeys") or {}


def _values(item: Any) -> dict[str, Any]:
    return {name: _value(typed) for name, typed in (item or {}).items()}


def _value(typed: Any) -> Any:
    if "SS" in typed:
        return set(typed["SS"])
    return float(typed["N"]) if "N" in typed else typed["S"]


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("dynamodb", region_name="eu-central-1")


Step = Callable[[float, int], object]
"""One thing that can be done to the table, at a time, to one of three things."""


def _everything(table: StateTable) -> list[Step]:
    return [*_jobs(table), *_held(table), *_payments(table), *_key(table), *_gate(table)]


def _jobs(table: StateTable) -> list[Step]:
    jobs = JobRecords(table=table)

    def upload(which: int) -> Upload:
        return Upload(bucket="b", key="k", sequencer=str(which))

    def delivered(which: int) -> OutcomeMessage:
        return OutcomeMessage(upload=upload(which), outcome=ANSWER)

    return [
        lambda now, which: jobs.begin(upload(which), now=now),
        lambda now, which: jobs.begin(upload(which), now=now + 3600),
        lambda now, which: jobs.begin(upload(which), now=now, redriven=True),
        lambda now, which: jobs.state(upload(which)),
        lambda now, which: jobs.wait_for_cut(CutRequest(upload=upload(which), picture=PICTURE), now=now),
        lambda now, which: jobs.waits(upload(which), why="w", next_try=now, now=now),
        lambda now, which: jobs.delivered(delivered(which), output_keys=["o"], quality=Quality(0.4), now=now),
        lambda now, which: jobs.delivered(delivered(which), output_keys=["o", str(which)], by_hand=True, now=now),
        lambda now, which: jobs.delivered_outcome("b", "k"),
        lambda now, which: jobs.ended(upload(which), REJECTED, now=now),
        lambda now, which: Snapshots(table=table).read("f", [upload(which), upload(2)]),
    ]


def _held(table: StateTable) -> list[Step]:
    held = HeldRecords(table=table)

    def photo(which: int) -> Held:
        upload = Upload(bucket="b", key="k", sequencer=str(which))
        outcome = OutcomeMessage(upload=upload, outcome=ANSWER)
        return Held(outcome=outcome, files=[], renditions="[]", note="", quality=Quality(0.4))

    return [
        lambda now, which: held.hold(photo(which), now=now),
        lambda now, which: held.hold(photo(which), now=now),
        lambda now, which: held.under_review("b", "k"),
        lambda now, which: held.decide(photo(which).upload, "accept", now=now),
        lambda now, which: held.decide(photo(which).upload, "reject", now=now + 90_000),
        lambda now, which: held.held_before(now - 60, most=1),
        lambda now, which: held.forget(photo(which)),
    ]


def _payments(table: StateTable) -> list[Step]:
    """Of two pictures, so that workers meet."""
    payments = PaymentRecords(table=table)

    def claim(key: str, now: float, holder: str, redriven_at: float = 0.0) -> Payment:
        return payments.claim(
            key, holder=holder, now=now, lease_until=now + 40, expires_at=now + 200, redriven_at=redriven_at
        )

    def end(ended: Ended, now: float, which: int) -> None:
        payments.end("p", ended, job_id="j", holder=str(which), now=now, expires_at=now + 200)

    return [
        lambda now, which: claim("p", now, str(which)),
        lambda now, which: claim("p", now, str(which)),
        lambda now, which: claim("q", now, str(which)),
        lambda now, which: claim("p", now, str(which), redriven_at=now),
        lambda now, which: payments.pay("p", ANSWER, upload=UPLOAD, payment=Payment(), expires_at=now + 200),
        lambda now, which: payments.release("p", holder=str(which), payment=Payment(attempts=which, probes=1)),
        lambda now, which: end(REJECTED, now, which),
        lambda now, which: end(FAILED, now, which),
        lambda now, which: payments.forget_answer("p", ANSWER),
    ]


def _key(table: StateTable) -> list[Step]:
    health = HealthRecord(table=table)
    pace = PaceRecord(table=table, pace=Pace(interval_seconds=0.7), horizon_seconds=3)
    budget = BudgetRecord(table=table, daily_credit_limit=5)
    unlimited = BudgetRecord(table=table, daily_credit_limit=0)
    return [
        lambda now, which: health.trouble("f", str(which), now=now),
        lambda now, which: health.refusal("f", str(which), now=now),
        lambda now, which: health.lockout("f", called_at=now - which * 20, until=now + 60),
        lambda now, which: health.possibly_paid("f", now=now + which * 1800),
        lambda now, which: health.went_well("f"),
        lambda now, which: [pace.reserve("f", now=now) for _ in range(which * 3)],
        lambda now, which: pace.hold("f", until=now + which * 30),
        lambda now, which: budget.take("f", 2, now=now),
        lambda now, which: unlimited.take("f", 2, now=now),
        lambda now, which: budget.give_back("f", 2, taken_at=now),
    ]


def _gate(table: StateTable) -> list[Step]:
    gate = GateRecord(table=table)

    def closed(now: float) -> Gate:
        return Gate(is_closed=True, code="no_credits", reason="Buy some.", until=now + 30, fingerprint="f")

    return [
        lambda now, which: gate.get(),
        lambda now, which: gate.close(closed(now)),
        lambda now, which: gate.begin_probe(str(which), now=now, ends=now + 40),
        lambda now, which: gate.begin_probe(str(which), now=now + 60, ends=now + 100),
        lambda now, which: gate.end_probe(str(which), closed(now)),
        lambda now, which: gate.give_probe_back(str(which)),
        lambda now, which: gate.make_due(),
        lambda now, which: gate.begin_to_open(str(which)),
        lambda now, which: gate.opened(),
        lambda now, which: gate.announced(),
        lambda now, which: gate.swept(now),
    ]


THINGS = 48
STEP = st.tuples(st.integers(0, THINGS - 1), st.floats(0, 60), st.integers(0, 2))


def _new_table(moto: Any) -> StateTable:
    with contextlib.suppress(ClientError):
        moto.delete_table(TableName=TABLE)
    moto.create_table(TableName=TABLE, **STATE_TABLE)
    return StateTable(Both(moto), TABLE)  # type: ignore[arg-type]


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_each_expression_is_understood_as_in_moto(moto: Any, backwards: bool) -> None:
    everything = _everything(_new_table(moto))
    assert len(everything) == THINGS
    now = 1_780_000_000.0
    for which in (0, 0, 1, 2):
        for step in reversed(everything) if backwards else everything:
            now += 7
            step(now, which)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, min_size=20, max_size=60))
def test_all_records_are_kept_as_in_moto(moto: Any, steps: list[tuple[int, float, int]]) -> None:
    everything, now = _everything(_new_table(moto)), 1_780_000_000.0
    for what, seconds, which in steps:
        now += seconds
        everything[what](now, which)
