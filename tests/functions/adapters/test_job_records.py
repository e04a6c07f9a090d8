import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from dropcut.adapters.job_records import LOST_AFTER_SECONDS, JobRecords
from dropcut.adapters.state_table import StateTable
from dropcut.core.cutout_request import BEFORE_ALL, request_event, sequencer_after
from dropcut.core.messages import CutRequest, Ended, OutcomeMessage, Upload

from tests.functions.adapters.threads import at_once
from tests.functions.records import ANSWER, PICTURE

OLD, THIS, NEW = (Upload(bucket="in", key="a.jpg", sequencer=sequencer) for sequencer in ("01", "02", "03"))
REJECTED = Ended(kind="rejected", code="too_small", reason="Too small.")
OF_AN_END = {"code", "reason", "attempts", "possibly_paid", "request_id"}
FAILED = Ended(kind="failed", code="broken_off", reason="It broke off.")
SKIPPED = Ended(kind="skipped", code="gone", reason="It is gone.")


def request_of(upload: Upload) -> CutRequest:
    return CutRequest(upload=upload, picture=PICTURE)


def delivered_as(upload: Upload) -> OutcomeMessage:
    return OutcomeMessage(upload=upload, outcome=ANSWER)


@pytest.fixture
def jobs(table: StateTable) -> JobRecords:
    return JobRecords(table=table)


def item(table: StateTable) -> dict[str, str | float]:
    return table.get("object#in/a.jpg") or {}


@pytest.mark.parametrize("version_id", [None, "v1"])
def test_an_upload_is_taken_up(jobs: JobRecords, table: StateTable, version_id: str | None) -> None:
    assert jobs.begin(replace(THIS, version_id=version_id), now=5) == "begun"
    assert item(table) == {
        "id": "object#in/a.jpg",
        "sequencer": "02",
        "job_id": THIS.job_id,
        "version_id": version_id or "",
        "requested": "",
        "requested_at": 0.0,
        "status": "preparing",
        "updated_at": 5,
    }


def test_a_second_event_of_an_upload_under_way_changes_nothing(jobs: JobRecords) -> None:
    jobs.begin(THIS, now=5)
    jobs.wait_for_cut(request_of(THIS), now=6)
    assert jobs.begin(THIS, now=7) == "already_under_way"


@pytest.mark.parametrize(("seconds", "begun"), [(0, False), (3600, False), (3600.001, True)])
def test_an_upload_that_waited_for_over_an_hour_is_taken_up_again(
    jobs: JobRecords, table: StateTable, seconds: float, begun: bool
) -> None:
    """Its message may be gone; if it is not, the second one finds the picture paid for."""
    assert LOST_AFTER_SECONDS == 3600
    jobs.begin(THIS, now=5)
    jobs.wait_for_cut(request_of(THIS), now=1_000)
    assert jobs.begin(THIS, now=1_000 + seconds) == ("begun" if begun else "already_under_way")
    assert item(table)["status"] == ("preparing" if begun else "waiting")


def test_an_upload_that_is_seen_to_wait_is_not_taken_for_lost(jobs: JobRecords) -> None:
    jobs.begin(THIS, now=5)
    jobs.wait_for_cut(request_of(THIS), now=6)
    jobs.waits(THIS, why="spending is paused", next_try=9_000, now=5_000)
    assert jobs.begin(THIS, now=8_600) == "already_under_way"
    assert jobs.begin(THIS, now=8_601) == "begun"


def test_an_older_upload_that_waited_for_long_does_not_come_back(jobs: JobRecords) -> None:
    jobs.begin(OLD, now=5)
    jobs.wait_for_cut(request_of(OLD), now=6)
    jobs.begin(THIS, now=7)
    jobs.wait_for_cut(request_of(THIS), now=8)
    assert jobs.begin(OLD, now=100_000) == "superseded"


def test_an_upload_whose_worker_died_is_taken_up_again(jobs: JobRecords) -> None:
    jobs.begin(THIS, now=5)
    assert jobs.begin(THIS, now=7) == "begun"


@pytest.mark.parametrize(
    ("end", "begun"), [(FAILED, "begun"), (REJECTED, "already_under_way"), (SKIPPED, "already_under_way")]
)
def test_only_a_failed_upload_can_be_sent_again(jobs: JobRecords, table: StateTable, end: Ended, begun: str) -> None:
    jobs.begin(THIS, now=5)
    jobs.ended(THIS, end, now=6)
    assert jobs.begin(THIS, now=7) == begun
    assert OF_AN_END & item(table).keys() == (set() if begun == "begun" else OF_AN_END)


@pytest.mark.parametrize(("end", "begun"), [(FAILED, "begun"), (REJECTED, "begun"), (SKIPPED, "already_under_way")])
def test_a_redriven_upload_is_taken_up_also_when_it_was_rejected(
    jobs: JobRecords, table: StateTable, end: Ended, begun: str
) -> None:
    jobs.begin(THIS, now=5)
    jobs.ended(THIS, end, now=6)
    assert jobs.begin(THIS, now=7, redriven=True) == begun
    assert item(table)["status"] == ("preparing" if begun == "begun" else "skipped")


def test_a_redrive_does_not_take_up_what_is_delivered_or_what_is_older(jobs: JobRecords) -> None:
    jobs.begin(THIS, now=5)
    assert jobs.begin(OLD, now=6, redriven=True) == "superseded"
    jobs.delivered(delivered_as(THIS), output_keys=["a.png"], now=6)
    assert jobs.begin(THIS, now=7, redriven=True) == "already_under_way"


def test_a_failed_uploads_record_says_how_often_it_was_tried_and_whom_to_ask_about(
    jobs: JobRecords, table: StateTable
) -> None:
    jobs.begin(THIS, now=5)
    jobs.ended(THIS, replace(FAILED, attempts=3, possibly_paid=1, request_id="r-7"), now=6)
    record = item(table)
    assert (record["attempts"], record["possibly_paid"], record["request_id"]) == (3, 1, "r-7")


def test_a_delivered_upload_is_not_taken_up_again(jobs: JobRecords) -> None:
    jobs.begin(THIS, now=5)
    jobs.delivered(delivered_as(THIS), output_keys=["a.png"], now=6)
    assert jobs.begin(THIS, now=7) == "already_under_way"


def test_a_newer_upload_takes_the_keys_record_over(jobs: JobRecords, table: StateTable) -> None:
    jobs.begin(OLD, now=5)
    jobs.delivered(delivered_as(OLD), output_keys=["a.png"], now=5)
    assert jobs.begin(THIS, now=6) == "begun"
    assert item(table)["job_id"] == THIS.job_id
    assert "output_key" not in item(table)


def test_an_older_upload_comes_too_late(jobs: JobRecords, table: StateTable) -> None:
    jobs.begin(THIS, now=5)
    assert jobs.begin(OLD, now=6) == "superseded"
    assert item(table)["job_id"] == THIS.job_id


def test_other_keys_are_other_jobs(jobs: JobRecords) -> None:
    jobs.begin(NEW, now=5)
    assert jobs.begin(replace(OLD, key="b.jpg"), now=6) == "begun"


def test_the_records_of_many_are_the_record_of_each(jobs: JobRecords) -> None:
    made, other = replace(THIS, etag='"1"'), replace(THIS, key="b.jpg")
    jobs.begin(made, now=5)
    jobs.delivered(delivered_as(made), output_keys=["o.png"], renditions=["full"], now=6)
    jobs.begin(other, now=5)
    found = jobs.records("in", ["a.jpg", "b.jpg", "never met.jpg"])
    assert found == {"a.jpg": jobs.record(made), "b.jpg": jobs.record(other)}
    assert (found["a.jpg"].etag, found["a.jpg"].status, found["b.jpg"].status) == ('"1"', "delivered", "preparing")


def test_the_state_of_an_upload_unknown_or_under_way(jobs: JobRecords) -> None:
    assert jobs.state(THIS) == "under_way"
    jobs.begin(THIS, now=5)
    assert jobs.state(THIS) == "under_way"
    jobs.wait_for_cut(request_of(THIS), now=6)
    assert jobs.state(THIS) == "under_way"
    assert jobs.state(NEW) == "under_way"
    assert jobs.state(OLD) == "superseded"


@pytest.mark.parametrize(("end", "state"), [(REJECTED, "ended"), (SKIPPED, "ended"), (FAILED, "under_way")])
def test_a_failed_upload_has_not_ended_for_good(jobs: JobRecords, end: Ended, state: str) -> None:
    jobs.begin(THIS, now=5)
    jobs.ended(THIS, end, now=6)
    assert jobs.state(THIS) == state


def test_a_newer_upload_is_under_way_although_the_one_before_it_has_ended(jobs: JobRecords) -> None:
    jobs.begin(THIS, now=5)
    jobs.delivered(delivered_as(THIS), output_keys=["a.png"], now=6)
    assert jobs.state(NEW) == "under_way"


def test_a_delivered_upload_has_ended_and_its_record_says_where(jobs: JobRecords, table: StateTable) -> None:
    jobs.begin(THIS, now=5)
    jobs.delivered(delivered_as(THIS), output_keys=["a.png"], now=6)
    assert jobs.state(THIS) == "ended"
    assert (item(table)["status"], item(table)["output_key"], item(table)["updated_at"]) == ("delivered", "a.png", 6)


def test_a_delivered_upload_keeps_nothing_of_an_earlier_failure(jobs: JobRecords, table: StateTable) -> None:
    jobs.begin(THIS, now=5)
    jobs.ended(THIS, FAILED, now=6)
    assert {"code", "reason"} <= set(item(table))
    jobs.delivered(delivered_as(THIS), output_keys=["a.png"], now=7)
    assert {"code", "reason"}.isdisjoint(item(table))


def test_an_older_upload_does_not_write_into_a_newer_ones_record(jobs: JobRecords, table: StateTable) -> None:
    jobs.begin(THIS, now=5)
    before = item(table)
    jobs.wait_for_cut(request_of(OLD), now=6)
    jobs.ended(OLD, FAILED, now=6)
    jobs.delivered(delivered_as(OLD), output_keys=["a.png"], now=6)
    assert item(table) == before


def test_of_twenty_uploads_at_once_the_newest_has_the_record(jobs: JobRecords, table: StateTable) -> None:
    uploads = iter([replace(THIS, sequencer=f"{number:02}") for number in (*range(10, 20), *range(9, -1, -1))])
    at_once(20, lambda: jobs.begin(next(uploads), now=5))
    assert item(table)["sequencer"] == "19"


def test_the_record_of_a_delivered_upload_keeps_what_its_cutouts_were_made_of(jobs: JobRecords) -> None:
    assert jobs.delivered_outcome("in", "a.jpg") is None
    jobs.begin(THIS, now=5)
    assert jobs.delivered_outcome("in", "a.jpg") is None
    jobs.delivered(delivered_as(THIS), output_keys=["a.png"], now=6)
    assert jobs.delivered_outcome("in", "a.jpg") == delivered_as(THIS)
    jobs.begin(NEW, now=7)
    assert jobs.delivered_outcome("in", "a.jpg") is None


def test_an_upload_delivered_before_this_was_recorded_has_nothing_to_be_made_of(
    jobs: JobRecords, table: StateTable
) -> None:
    jobs.begin(THIS, now=5)
    table.update("object#in/a.jpg", "SET #status = :status", {"status": "delivered"})
    assert jobs.delivered_outcome("in", "a.jpg") is None


# Uploads that wait.


def test_the_record_of_a_waiting_upload_says_why_and_when_the_next_try_is(jobs: JobRecords, table: StateTable) -> None:
    jobs.begin(THIS, now=5)
    jobs.wait_for_cut(request_of(THIS), now=6)
    jobs.waits(THIS, why="spending is paused (no_credits)", next_try=120, now=60)
    record = item(table)
    assert (record["status"], record["waits_for"], record["next_try"], record["updated_at"]) == (
        "waiting",
        "spending is paused (no_credits)",
        120,
        60,
    )


@pytest.mark.parametrize(
    "go_on",
    [
        lambda jobs: jobs.delivered(delivered_as(THIS), output_keys=["a.png"], now=99),
        lambda jobs: jobs.ended(THIS, FAILED, now=99),
        lambda jobs: jobs.begin(THIS, now=9_000),
        lambda jobs: jobs.begin(NEW, now=99),
    ],
    ids=["delivered", "ended", "taken up again", "replaced"],
)
def test_an_upload_that_goes_on_says_no_more_that_it_waits(
    jobs: JobRecords, table: StateTable, go_on: Callable[[JobRecords], object]
) -> None:
    jobs.begin(THIS, now=5)
    jobs.wait_for_cut(request_of(THIS), now=6)
    jobs.waits(THIS, why="spending is paused", next_try=120, now=60)
    go_on(jobs)
    assert {"waits_for", "next_try"}.isdisjoint(item(table))


def test_only_a_waiting_upload_is_said_to_wait(jobs: JobRecords, table: StateTable) -> None:
    jobs.begin(THIS, now=5)
    for go_on in (lambda: None, lambda: jobs.ended(THIS, REJECTED, now=6)):
        go_on()
        before = item(table)
        jobs.waits(THIS, why="spending is paused", next_try=120, now=60)
        assert item(table) == before
    jobs.begin(NEW, now=7)
    jobs.wait_for_cut(request_of(NEW), now=8)
    before = item(table)
    jobs.waits(THIS, why="spending is paused", next_try=120, now=60)
    assert item(table) == before


def test_a_photo_that_went_its_way_already_does_not_wait_again(jobs: JobRecords, table: StateTable) -> None:
    jobs.begin(THIS, now=5)
    jobs.delivered(delivered_as(THIS), output_keys=["a.png"], now=6)
    jobs.wait_for_cut(request_of(THIS), now=7)
    assert item(table)["status"] == "delivered"


# What an operator needs to find and to forget a photo.


def test_a_waiting_upload_names_its_picture_and_a_newer_one_does_not_inherit_it(
    jobs: JobRecords, table: StateTable
) -> None:
    jobs.begin(THIS, now=5)
    jobs.wait_for_cut(request_of(THIS), now=6)
    assert item(table)["payment_key"] == "x.png"
    jobs.begin(NEW, now=7)
    assert "payment_key" not in item(table)


def test_a_delivered_upload_says_it_once_and_names_its_newest_cutouts(jobs: JobRecords, table: StateTable) -> None:
    jobs.begin(THIS, now=5)
    jobs.wait_for_cut(request_of(THIS), now=6)
    jobs.delivered(delivered_as(THIS), output_keys=["a.png", "a-small.png"], now=7)
    jobs.begin(NEW, now=8)
    jobs.delivered(delivered_as(NEW), output_keys=["a.webp"], now=9)
    assert "payment_key" not in item(table)
    assert item(table)["output_keys"] == {"a.webp"}  # no more, however often it is delivered


@pytest.mark.parametrize(
    "end",
    [
        lambda jobs: jobs.delivered(delivered_as(THIS), output_keys=["a.png"], now=100.5),
        lambda jobs: jobs.ended(THIS, REJECTED, now=100.5),
        lambda jobs: jobs.ended(THIS, SKIPPED, now=100.5),
        lambda jobs: jobs.ended(THIS, FAILED, now=100.5),
    ],
    ids=["delivered", "rejected", "skipped", "failed"],
)
def test_only_an_ended_job_expires_and_not_while_a_newer_upload_is_under_way(
    table: StateTable, end: Callable[[JobRecords], object]
) -> None:
    """DynamoDB takes an item whose time is in whole seconds, and leaves one that has no time."""
    jobs = JobRecords(table=table, keep_days=60)
    jobs.begin(THIS, now=5)
    jobs.wait_for_cut(request_of(THIS), now=6)
    jobs.waits(THIS, why="spending is paused", next_try=120, now=60)
    assert "expires_at" not in item(table)
    end(jobs)
    assert item(table)["expires_at"] == 100 + 60 * 86_400
    jobs.begin(NEW, now=200)
    assert "expires_at" not in item(table)


ASKED = replace(THIS, sequencer=BEFORE_ALL, request="e1")


def test_a_request_comes_after_the_newest_upload_and_keeps_its_place(jobs: JobRecords) -> None:
    assert jobs.ordered(ASKED).sequencer == sequencer_after(BEFORE_ALL)
    jobs.begin(THIS, now=5)
    placed = jobs.ordered(ASKED)
    assert placed.sequencer == sequencer_after(THIS.sequencer)
    assert jobs.begin(placed, now=6) == "begun"
    assert jobs.ordered(ASKED) == placed
    assert jobs.is_superseded(THIS)


def test_of_two_requests_with_the_same_place_one_has_to_come_again(jobs: JobRecords) -> None:
    first, second = (jobs.ordered(replace(ASKED, request=request)) for request in ("e1", "e2"))
    assert first.sequencer == second.sequencer
    assert (jobs.begin(first, now=5), jobs.begin(second, now=5)) == ("begun", "superseded")
    assert jobs.begin(jobs.ordered(second), now=6) == "begun"


def test_a_requests_record_can_be_sent_again_and_a_newer_upload_does_not_inherit_it(
    jobs: JobRecords, table: StateTable
) -> None:
    placed = jobs.ordered(ASKED)
    jobs.begin(placed, now=5)
    assert json.loads(item(table)["requested"]) == request_event(placed)
    jobs.begin(THIS, now=6)
    assert item(table)["requested"] == ""
