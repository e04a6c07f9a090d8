"""The table in memory answers as moto's does, for every expression that the functions use."""

import contextlib
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from dropcut.adapters.gate_record import Closed, GateRecord
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.payment_records import PaymentRecords
from dropcut.adapters.spending_records import BudgetRecord, PaceRecord
from dropcut.adapters.state_table import StateTable
from dropcut.core.messages import Ended, OutcomeMessage, PaidAnswer, Upload
from dropcut.core.pace import Pace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from tests.model.dynamodb import DynamoDb

TABLE = "state"
ANSWER = PaidAnswer(
    work_key="paid/p.png",
    picture_sha256="p",
    format="png",
    width=1,
    height=1,
    credits=2,
    request_id=None,
    provider="ezlink",
)


class Both:
    """Asks moto and the table in memory, and wants the same answer from both."""

    def __init__(self, moto: Any) -> None:
        self.moto, self.memory = moto, DynamoDb()

    def get_item(self, **request: Any) -> Any:
        return self._same("get_item", request)

    def update_item(self, **request: Any) -> Any:
        return self._same("update_item", request)

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
        return answer.response["Error"]["Code"], _numbers(answer.response.get("Item"))  # type: ignore[typeddict-item]
    return _numbers(answer.get("Item")), _numbers(answer.get("Attributes"))


def _numbers(item: Any) -> Any:
    return {name: float(typed["N"]) if "N" in typed else typed["S"] for name, typed in (item or {}).items()}


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("dynamodb", region_name="eu-central-1")


def _everything(table: StateTable) -> list[Any]:
    """All that can be done to the table, each a function of a time and of one of three things."""
    jobs, payments = JobRecords(table=table), PaymentRecords(table=table, keep_days=30)
    pace = PaceRecord(table=table, pace=Pace(interval_seconds=0.07), horizon_seconds=3)
    budget = BudgetRecord(table=table, daily_credit_limit=5)
    unlimited = BudgetRecord(table=table, daily_credit_limit=0)
    gate = GateRecord(table=table, pause_seconds=60)
    problem = {"code": "no_credits", "reason": "Buy some."}

    def upload(which: int) -> Upload:
        return Upload(bucket="b", key="k", sequencer=str(which))

    def delivered(which: int) -> OutcomeMessage:
        return OutcomeMessage(upload=upload(which), outcome=ANSWER)

    return [
        lambda now, which: jobs.begin(upload(which), now=now),
        lambda now, which: jobs.standing(upload(which)),
        lambda now, which: jobs.wait_for_cut(upload(which), now=now),
        lambda now, which: jobs.delivered(delivered(which), output_key="o", now=now),
        lambda now, which: jobs.delivered_outcome("b", "k"),
        lambda now, which: jobs.ended(upload(which), Ended(kind="failed", code="c", reason="r"), now=now),
        lambda now, which: payments.claim(str(which), now=now, lease_seconds=40),
        lambda now, which: payments.claim(str(which), now=now, lease_seconds=40),
        lambda now, which: payments.complete(str(which), ANSWER, job_id="j", now=now),
        lambda now, which: payments.release(str(which), now=now, counts=which == 1, possibly_paid=which == 0),
        lambda now, which: payments.give_up(str(which), now=now),
        lambda now, which: payments.forget(str(which), ANSWER),
        lambda now, which: pace.reserve("f", which * 20 + 1, now=now),
        lambda now, which: pace.hold("f", until=now + which * 30),
        lambda now, which: budget.take("f", 2, now=now),
        lambda now, which: unlimited.take("f", 2, now=now),
        lambda now, which: budget.give_back("f", 2, taken_at=now),
        lambda now, which: budget.add_to_total("f", 2),
        lambda now, which: gate.enter(now=now),
        lambda now, which: gate.close(Closed(until=now + 60, **problem), now=now),
        lambda now, which: gate.stay_closed(**problem, now=now),
        lambda now, which: gate.announced(),
        lambda now, which: gate.begin_to_open("second"),
        lambda now, which: gate.opened(),
    ]


STEP = st.tuples(st.integers(0, 23), st.floats(0, 60), st.integers(0, 2))


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, min_size=20, max_size=60))
def test_all_records_are_kept_as_in_moto(moto: Any, steps: list[tuple[int, float, int]]) -> None:
    with contextlib.suppress(ClientError):
        moto.delete_table(TableName=TABLE)
    moto.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    everything, now = _everything(StateTable(Both(moto), TABLE)), 1_780_000_000.0  # type: ignore[arg-type]
    assert len(everything) == 24
    for what, seconds, which in steps:
        now += seconds
        everything[what](now, which)
