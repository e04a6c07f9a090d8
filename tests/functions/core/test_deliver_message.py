"""What deliver reads from its queue: outcomes, notices, refused requests, remakes and decisions."""

import json
from dataclasses import replace
from typing import Any

import pytest
from dropcut.core.deliver_message import read_deliver_message
from dropcut.core.messages import (
    Ended,
    MalformedMessageError,
    OutcomeMessage,
    PaidAnswer,
    Remake,
    SpendingNotice,
    Upload,
)
from dropcut.core.review import EndOldHeld, Review

from tests.functions.records import ANSWER

UPLOAD = Upload(bucket="in", key="a.jpg", sequencer="0A")
ACCEPT = Review(bucket="in", key="a.jpg", decision="accept")
REJECT = replace(ACCEPT, decision="reject")
REPLACE = replace(ACCEPT, decision="replace", picture="held/mine.png", job_id="j")
NOTICES = [
    SpendingNotice(kind="paused", code="no_credits", reason="Buy “some”.", until=12.5),
    SpendingNotice(kind="resumed", code="open", reason="It went well."),
]


@pytest.mark.parametrize("notice", NOTICES, ids=lambda notice: notice.kind)
def test_a_spending_notice_survives_the_queue_in_plain_ascii(notice: SpendingNotice) -> None:
    assert notice.to_json().isascii()
    assert read_deliver_message(notice.to_json()) == notice


@pytest.mark.parametrize("outcome", [ANSWER, Ended(kind="failed", code="c", reason="why")])
def test_what_deliver_reads_is_clear_also_when_a_key_is_called_spending(outcome: PaidAnswer | Ended) -> None:
    message = OutcomeMessage(upload=replace(UPLOAD, key="spending"), outcome=outcome)
    assert read_deliver_message(message.to_json()) == message


@pytest.mark.parametrize("job_id", [None, "5a47"])
def test_a_remake_survives_the_queue_and_needs_no_job(job_id: str | None) -> None:
    remake = Remake(bucket="in", key="ü/a b+c.jpg", job_id=job_id)
    assert read_deliver_message(remake.to_json()) == remake
    assert read_deliver_message('{"remake": {"bucket": "in", "key": "a"}}') == Remake(bucket="in", key="a")


@pytest.mark.parametrize(
    "text", ['{"remake": {}}', '{"remake": "a"}', '{"remake": {"bucket": "b", "key": "k", "x": 1}}']
)
def test_a_remake_that_names_no_photo_is_malformed(text: str) -> None:
    with pytest.raises(MalformedMessageError, match="a remake"):
        read_deliver_message(text)


@pytest.mark.parametrize("review", [ACCEPT, REJECT, REPLACE])
def test_a_decision_is_read_from_what_it_is_written_as(review: Review) -> None:
    assert read_deliver_message(json.dumps(review.to_fields())) == review


def test_the_hourly_request_is_read() -> None:
    assert read_deliver_message('{"end_old_held": {}}') == EndOldHeld()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"bucket": "in", "key": "a.jpg"},
        {"bucket": "in", "key": "a.jpg", "decision": "maybe"},
        {"bucket": "in", "key": ["a.jpg"], "decision": "accept"},
        {"bucket": "in", "key": "a.jpg", "decision": "accept", "job_id": 7},
        {"bucket": "in", "key": "a.jpg", "decision": "accept", "reason": "good"},
        {"bucket": "in", "key": "a.jpg", "decision": "replace"},
        {"bucket": "in", "key": "a.jpg", "decision": "accept", "picture": "held/mine.png"},
        "accept",
        None,
        [],
    ],
    ids=str,
)
def test_a_decision_that_cannot_be_understood_is_malformed(given: Any) -> None:
    with pytest.raises(MalformedMessageError, match="not a review"):
        read_deliver_message(json.dumps({"review": given}))


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        *[(text, "JSON") for text in ("", "not json", "[" * 100_000)],
        *[(text, "an outcome") for text in ("null", "[]", "7", "{}", '"spending"', '["spending"]', '{"upload": {}}')],
        *[(text, "a spending notice") for text in ('{"spending": null}', '{"spending": {"kind": "paused"}}')],
        *[(text, "a refused request") for text in ('{"refused_request": null}', '{"refused_request": {"code": "c"}}')],
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_such_message_is_malformed_and_says_what_it_is_not(text: str, shape: str) -> None:
    with pytest.raises(MalformedMessageError, match=f"The message is not {shape} "):
        read_deliver_message(text)
