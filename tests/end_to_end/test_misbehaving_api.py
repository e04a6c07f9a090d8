"""The API, the account or AWS misbehave for good: the spending stops in time, and no photo is lost by it."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from dropcut_cli.failures import find_failures
from tests.end_to_end.dropcut_in_use import DropcutInUse, until
from tests.end_to_end.photos import photo

PAUSE_AFTER_FAILURES = 8
PAUSE_AFTER_POSSIBLY_PAID = 6
SETTINGS = {
    "PAUSE_AFTER_FAILURES": str(PAUSE_AFTER_FAILURES),
    "PAUSE_AFTER_POSSIBLY_PAID": str(PAUSE_AFTER_POSSIBLY_PAID),
    "LOCKOUT_SECONDS": "0.5",
}
WORKERS = 2
IN_FLIGHT = WORKERS * 10
PHOTOS = 22
"""More than can be in flight at once."""
MAX_ATTEMPTS = 3
STREAM_SECONDS = 0.2
"""Between two photos of a stream: some are paid for in the second that another one waits at the least."""
PATIENCE_SECONDS = 60

Photos = Mapping[str, bytes]
"""By their key in the input bucket."""
Published = Callable[[], set[str]]


@pytest.fixture(scope="module", autouse=True)
def of_few_trials(running: DropcutInUse) -> Iterator[None]:
    """Small limits, two workers, and a key of its own, to which nothing has happened yet."""
    key, before = f"sk-{uuid.uuid4().hex}", _event_source(running)["ScalingConfig"]
    _change_event_source(running, ScalingConfig={"MaximumConcurrency": WORKERS})
    running.api.set_credits(key, None)
    running.known_keys.append(key)
    running.put_key(key)
    with running.configured("Cut", SETTINGS):
        yield
        running.put_key(running.api.key)
    _change_event_source(running, ScalingConfig=before)


@pytest.fixture
def published(dropcut: DropcutInUse) -> Published:
    """Codes of the events about spending that came since the test began; each event can come twice."""
    before = len(dropcut.spending_changes())
    return lambda: {change.code for change in dropcut.spending_changes()[before:]}


def test_answers_that_cannot_be_stored_stop_the_calls_and_are_kept_until_they_can(
    dropcut: DropcutInUse, published: Published
) -> None:
    """None is paid for twice here: the workers that hold the answers live until it is put right."""
    with _paid_answers_denied(dropcut):
        photos = _all_at_once(dropcut)
        _gate_closes(dropcut, "answer_not_stored")
        until(lambda: not dropcut.resumes() and dropcut.item("gate")["probes"] != "0", "a probe that cannot store")
        assert sum(_paid(dropcut, photos)) <= IN_FLIGHT
    _gate_opens(dropcut, published, after="answer_not_stored")
    _all_are_delivered(dropcut, photos)
    assert _paid(dropcut, photos) == [1] * PHOTOS


def test_a_picture_that_looks_like_the_accounts_trouble_stops_the_others_once(
    dropcut: DropcutInUse, published: Published
) -> None:
    closings = _closings(dropcut)
    poison, others = photo(), dict[str, bytes]()
    dropcut.fault("firewall", poison, times=None)
    key = dropcut.drop(poison, dropcut.unused("poison.jpg"))
    _gate_closes(dropcut, "account_barred")

    def ends_among_others() -> bool:
        others.update(_drop(dropcut, 1))
        dropcut.resumes()
        time.sleep(STREAM_SECONDS)
        return "open" in published() and bool(dropcut.outcomes(key))

    until(ends_among_others, "an end of the poison picture", seconds=PATIENCE_SECONDS)
    outcome = dropcut.outcome(key)
    assert (outcome.kind, outcome.detail["code"]) == ("failed", "account_barred")
    assert outcome.detail["attempts"] == MAX_ATTEMPTS
    assert dropcut.dead_letter("Cut", key).attributes["code"] == "account_barred"
    _gate_opens(dropcut, published, after="account_barred")
    _all_are_delivered(dropcut, others)
    assert _paid(dropcut, others) == [1] * len(others)
    assert _closings(dropcut) == closings + 1


def test_photos_wait_out_a_lockout_without_end(dropcut: DropcutInUse, published: Published) -> None:
    dropcut.api.fault("rate_limit_exceeded", times=None)
    photos = _all_at_once(dropcut)
    _gate_closes(dropcut, "locked_out")
    assert not dropcut.resumes()
    dropcut.api.clear_faults()
    _gate_opens(dropcut, published, after="locked_out")
    _all_are_delivered(dropcut, photos)
    assert _paid(dropcut, photos) == [1] * PHOTOS
    assert not [letter for letter in dropcut.dead_letters("Cut") if any(key in letter.body for key in photos)]


def test_refusals_of_every_picture_stop_the_calls_and_the_rejected_come_back(
    dropcut: DropcutInUse, published: Published
) -> None:
    dropcut.api.fault("bad_request", times=None)
    photos = _all_at_once(dropcut)
    _gate_closes(dropcut, "refuses_everything")
    assert not dropcut.resumes()
    dropcut.api.clear_faults()
    _gate_opens(dropcut, published, after="refuses_everything")
    ends = {key: dropcut.outcome(key).kind for key in photos}
    rejected = [key for key, end in ends.items() if end == "rejected"]
    assert len(rejected) == PAUSE_AFTER_FAILURES - 1
    assert set(ends.values()) == {"delivered", "rejected"}
    for key in rejected:
        dropcut.ended_record(key)
    find_failures(dropcut.as_operated(), rejected=True, code="bad_request", send=True)
    assert [dropcut.outcome(key, number=2).kind for key in rejected] == ["delivered"] * len(rejected)
    assert _paid(dropcut, photos) == [1] * PHOTOS


def test_calls_that_break_off_after_they_were_charged_stop_the_spending(
    dropcut: DropcutInUse, published: Published
) -> None:
    dropcut.api.fault("closed_after_payment", times=None, probability=0.6)
    photos = _all_at_once(dropcut)
    _gate_closes(dropcut, "paid_in_vain")
    dropcut.api.clear_faults()  # first, for a probe that went well would open the gate in the middle of it
    _gate_opens(dropcut, published, after="paid_in_vain")
    _all_are_delivered(dropcut, photos)
    in_vain = sum(_paid(dropcut, photos)) - PHOTOS
    assert PAUSE_AFTER_POSSIBLY_PAID <= in_vain < PAUSE_AFTER_POSSIBLY_PAID + IN_FLIGHT


@contextmanager
def _paid_answers_denied(dropcut: DropcutInUse) -> Iterator[None]:
    """A bucket policy of the work bucket that somebody got wrong."""
    s3, bucket = dropcut.client("s3"), dropcut.outputs["WorkBucketName"]
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    policy = json.loads(before)
    denial = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/paid/*",
    }
    policy["Statement"].append(denial)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    try:
        yield
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=before)


def _all_at_once(dropcut: DropcutInUse) -> Photos:
    """Photos of which the first is paid for when all are prepared: then as many calls are in flight as there can be."""
    _change_event_source(dropcut, Enabled=False)
    photos = _drop(dropcut, PHOTOS)
    for key in photos:
        until(lambda key=key: dropcut.record(key).get("status") not in (None, "preparing"), f"{key!r} prepared")
    _change_event_source(dropcut, Enabled=True)
    return photos


def _event_source(dropcut: DropcutInUse) -> Mapping[str, Any]:
    """That of the cut function."""
    name = dropcut.function("cut")["FunctionName"]
    (source,) = dropcut.client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    return source


def _change_event_source(dropcut: DropcutInUse, **changes: Any) -> None:
    dropcut.client("lambda").update_event_source_mapping(UUID=_event_source(dropcut)["UUID"], **changes)


def _drop(dropcut: DropcutInUse, number: int) -> Photos:
    return {dropcut.drop(content, dropcut.unused("photo.jpg")): content for content in (photo() for _ in range(number))}


def _gate_closes(dropcut: DropcutInUse, code: str) -> None:
    gate = until(dropcut.closed_gate, "a closed gate", seconds=PATIENCE_SECONDS)
    assert gate["code"] == code, gate


def _gate_opens(dropcut: DropcutInUse, published: Published, after: str) -> None:
    """By the gatekeeper, which publishes the pause and its end."""
    until(dropcut.resumes, "an open gate", seconds=PATIENCE_SECONDS)
    until(lambda: published() == {after, "open"}, f"events for the pause {after!r} and its end")


def _closings(dropcut: DropcutInUse) -> int:
    """How often the gate has closed so far. The events can come twice."""
    return len(dropcut.log("cut", "Spending is paused; the pictures wait"))


def _all_are_delivered(dropcut: DropcutInUse, photos: Photos) -> None:
    ends = {key: dropcut.outcome(key) for key in photos}
    assert {end.kind for end in ends.values()} == {"delivered"}, ends


def _paid(dropcut: DropcutInUse, photos: Photos) -> list[int]:
    """How often each was charged."""
    return [dropcut.paid_calls(content) for content in photos.values()]
