from collections.abc import Callable
from dataclasses import replace

import pytest
from dropcut.adapters.held_records import HeldRecords
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.state_table import StateTable
from dropcut.core.messages import Ended, OutcomeMessage, Upload
from dropcut.core.quality import Doubt, Quality
from dropcut.core.rendition import RenditionFile
from dropcut.core.review import DECIDED_AGAIN_AFTER_SECONDS, Held

from tests.functions.adapters.threads import at_once
from tests.functions.records import ANSWER

THIS, NEW = (Upload(bucket="in", key="shop/a.jpg", sequencer=sequencer) for sequencer in ("02", "03"))
QUALITY = Quality(0.2, (Doubt("holes", "There are two."),))
REJECTED = Ended(kind="rejected", code="rejected_by_reviewer", reason="No.")
FAILED = Ended(kind="failed", code="held_too_long", reason="Too long.")


def held_of(upload: Upload) -> Held:
    file = RenditionFile(rendition="full", path=f"held/{upload.key}", format="png", width=8, height=6, size_bytes=9)
    outcome = OutcomeMessage(upload=upload, outcome=ANSWER)
    return Held(outcome=outcome, files=[file], renditions='["full"]', note="", quality=QUALITY)


@pytest.fixture
def jobs(table: StateTable) -> JobRecords:
    """One photo is under way."""
    jobs = JobRecords(table=table)
    jobs.begin(THIS, now=1)
    return jobs


@pytest.fixture
def records(table: StateTable, jobs: JobRecords) -> HeldRecords:
    return HeldRecords(table=table)


def test_a_held_photo_is_found_by_its_key_and_by_its_time(records: HeldRecords, jobs: JobRecords) -> None:
    assert records.hold(held_of(THIS), now=5)
    found = records.under_review("in", "shop/a.jpg")
    assert found
    assert (found.held, found.waits, found.decision, found.is_of_newest) == (held_of(THIS), True, "", True)
    assert jobs.state(THIS) == "ended"  # as far as its messages go
    assert records.held_before(4.999, most=9) == []
    assert records.held_before(5, most=9) == [("in", "shop/a.jpg")]


def test_the_oldest_are_found_first_and_no_more_than_are_asked_for(records: HeldRecords, jobs: JobRecords) -> None:
    for number in (3, 1, 2):
        upload = replace(THIS, key=f"{number}.jpg")
        jobs.begin(upload, now=1)
        records.hold(held_of(upload), now=number)
    assert records.held_before(9, most=2) == [("in", "1.jpg"), ("in", "2.jpg")]


def test_a_photo_that_was_never_held_is_not_under_review(records: HeldRecords) -> None:
    assert records.under_review("in", "shop/a.jpg") is None
    assert records.under_review("in", "unknown.jpg") is None


@pytest.mark.parametrize(
    "goes_on",
    [
        lambda jobs: jobs.begin(NEW, now=6),
        lambda jobs: jobs.delivered(OutcomeMessage(upload=THIS, outcome=ANSWER), output_keys=["a.png"], now=6),
        lambda jobs: jobs.ended(THIS, REJECTED, now=6),
        lambda jobs: jobs.ended(THIS, FAILED, now=6),
    ],
    ids=["replaced", "delivered", "rejected", "failed"],
)
def test_a_photo_that_waits_no_more_is_not_found_by_time_but_what_is_left_of_it_is(
    records: HeldRecords, jobs: JobRecords, goes_on: Callable[[JobRecords], object]
) -> None:
    records.hold(held_of(THIS), now=5)
    records.decide(THIS, "accept", now=5)
    goes_on(jobs)
    assert records.held_before(9, most=9) == []
    found = records.under_review("in", "shop/a.jpg")
    assert found
    assert (found.held, found.waits) == (held_of(THIS), False)
    records.forget(held_of(THIS))
    left = records.under_review("in", "shop/a.jpg")
    assert left is None or left.held is None


def test_whoever_ends_a_photo_learns_whether_files_are_left(records: HeldRecords, jobs: JobRecords) -> None:
    assert not jobs.ended(THIS, FAILED, now=4)
    records.hold(held_of(THIS), now=5)
    assert not jobs.ended(NEW, FAILED, now=6)  # the record is not about it
    assert jobs.ended(THIS, REJECTED, now=6)


@pytest.mark.parametrize("end", [REJECTED, Ended(kind="skipped", code="gone", reason="It is gone.")])
def test_what_has_ended_is_not_held_afterwards(records: HeldRecords, jobs: JobRecords, end: Ended) -> None:
    jobs.ended(THIS, end, now=5)
    assert not records.hold(held_of(THIS), now=6)
    assert records.under_review("in", "shop/a.jpg") is None


def test_a_photo_whose_record_is_gone_is_held_in_one_made_anew(table: StateTable) -> None:
    records, jobs = HeldRecords(table=table), JobRecords(table=table)
    assert records.hold(held_of(NEW), now=5)
    assert (jobs.state(NEW), jobs.state(THIS)) == ("ended", "superseded")
    assert records.held_before(5, most=9) == [("in", "shop/a.jpg")]
    assert records.decide(NEW, "accept", now=6)


def test_what_is_being_decided_on_is_not_held_once_more(records: HeldRecords) -> None:
    records.hold(held_of(THIS), now=5)
    records.decide(THIS, "accept", now=6)
    assert not records.hold(held_of(THIS), now=7)


def test_what_was_held_too_long_can_be_held_again(records: HeldRecords, jobs: JobRecords) -> None:
    records.hold(held_of(THIS), now=5)
    records.decide(THIS, "held too long", now=6)
    jobs.ended(THIS, FAILED, now=7)
    assert records.hold(held_of(THIS), now=8)
    assert records.decide(THIS, "accept", now=9)


def test_a_newer_upload_that_is_held_takes_the_place_of_the_one_before(records: HeldRecords, jobs: JobRecords) -> None:
    records.hold(held_of(THIS), now=5)
    jobs.begin(NEW, now=6)
    assert not records.hold(held_of(THIS), now=7)
    assert records.hold(held_of(NEW), now=8)
    assert not records.decide(THIS, "accept", now=9)
    records.forget(held_of(THIS))
    found = records.under_review("in", "shop/a.jpg")
    assert found
    assert found.held == held_of(NEW)


def test_the_first_decision_is_the_one_and_may_come_again(records: HeldRecords) -> None:
    assert not records.decide(THIS, "accept", now=4)
    records.hold(held_of(THIS), now=5)
    assert records.decide(THIS, "accept", now=6)
    assert records.decide(THIS, "accept", now=7)
    assert not records.decide(THIS, "reject", now=7 + DECIDED_AGAIN_AFTER_SECONDS)
    assert records.decide(THIS, "reject", now=7.01 + DECIDED_AGAIN_AFTER_SECONDS)


def test_of_twenty_decisions_at_once_one_is_carried_out(records: HeldRecords) -> None:
    records.hold(held_of(THIS), now=5)
    decisions = iter(range(20))
    carried_out = at_once(20, lambda: records.decide(THIS, f"replace held/{next(decisions)}", now=6))
    assert sum(carried_out) == 1
