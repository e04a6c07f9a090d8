"""What a batch of the cut queue learns before it begins, by one read."""

from dataclasses import replace
from typing import Any

import pytest
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.key_records import HealthRecord
from dropcut.adapters.snapshot import Snapshot, Snapshots
from dropcut.adapters.state_table import StateTable
from dropcut.core.blame import Health
from dropcut.core.gate import Gate
from dropcut.core.messages import Ended, Upload

from tests.functions.cloud import TABLE

NOW = 1_722_000_000.0
CLOSED = Gate(is_closed=True, code="no_credits", reason="Buy some.", until=NOW + 60, fingerprint="f1", swept_at=NOW)
UPLOADS = [Upload(bucket="in", key=f"{number}.jpg", sequencer="02") for number in range(10)]


class Counting:
    """A client of DynamoDB that notes what is read, and how."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.reads: list[dict[str, Any]] = []

    def batch_get_item(self, **request: Any) -> Any:
        self.reads.append(request["RequestItems"][TABLE])
        return self._client.batch_get_item(**request)

    def ids(self) -> list[str]:
        return [key["id"]["S"] for read in self.reads for key in read["Keys"]]


def test_of_a_table_that_is_empty_all_is_well_and_under_way(table: StateTable) -> None:
    jobs = {upload.job_id: "under_way" for upload in UPLOADS}
    assert Snapshots(table=table).read("f1", UPLOADS) == Snapshot(gate=Gate(), health=Health(), jobs=jobs)


def test_gate_health_and_jobs_are_as_their_own_records_say(table: StateTable) -> None:
    jobs, rejected = JobRecords(table=table), Ended(kind="rejected", code="c", reason="r")
    GateRecord(table=table).close(CLOSED)
    HealthRecord(table=table).trouble("f1", "a.png", now=NOW)
    HealthRecord(table=table).trouble("f2", "b.png", now=NOW)
    jobs.begin(UPLOADS[1], now=NOW)
    jobs.begin(UPLOADS[2], now=NOW)
    jobs.ended(UPLOADS[2], rejected, now=NOW)
    jobs.begin(replace(UPLOADS[3], sequencer="03"), now=NOW)
    snapshot = Snapshots(table=table).read("f1", UPLOADS[:4])
    assert snapshot.gate == CLOSED
    assert snapshot.health == Health(troubled=frozenset({"a.png"}))
    assert [snapshot.jobs[upload.job_id] for upload in UPLOADS[:4]] == [
        "under_way",
        "under_way",
        "ended",
        "superseded",
    ]


def test_a_batch_is_read_by_one_consistent_call(dynamodb: Any) -> None:
    counting = Counting(dynamodb)
    Snapshots(table=StateTable(counting, TABLE)).read("f1", UPLOADS)  # type: ignore[arg-type]
    assert [read["ConsistentRead"] for read in counting.reads] == [True]
    assert len(counting.ids()) == 12


def test_two_uploads_of_one_key_ask_for_its_record_once(dynamodb: Any, table: StateTable) -> None:
    """DynamoDB refuses a request that names an item twice."""
    counting, newer = Counting(dynamodb), replace(UPLOADS[0], sequencer="03")
    JobRecords(table=table).begin(newer, now=NOW)
    snapshot = Snapshots(table=StateTable(counting, TABLE)).read("f1", [UPLOADS[0], newer])  # type: ignore[arg-type]
    assert len(counting.ids()) == len(set(counting.ids())) == 3
    assert [snapshot.jobs[each.job_id] for each in (UPLOADS[0], newer)] == ["superseded", "under_way"]


@pytest.mark.parametrize("uploads", [[], UPLOADS[:1]])
def test_without_a_key_gate_and_jobs_are_known_all_the_same(table: StateTable, uploads: list[Upload]) -> None:
    GateRecord(table=table).close(CLOSED)
    snapshot = Snapshots(table=table).read("", uploads)
    assert (snapshot.gate, snapshot.health == Health(), len(snapshot.jobs)) == (CLOSED, True, len(uploads))
