"""What a person sends to decide on a held photo, and what is kept of such a photo."""

import json
from dataclasses import replace
from typing import Any

import pytest
from dropcut.core.messages import MalformedMessageError, OutcomeMessage, Upload
from dropcut.core.quality import Doubt, Quality
from dropcut.core.rendition import RenditionFile
from dropcut.core.review import EndOldHeld, Held, Review, read_review

from tests.functions.records import ANSWER

ACCEPT = Review(bucket="in", key="a.jpg", decision="accept")
REPLACE = Review(bucket="in", key="a.jpg", decision="replace", picture="held/mine.png", job_id="j")


@pytest.mark.parametrize("review", [ACCEPT, REPLACE, replace(ACCEPT, decision="reject")])
def test_a_decision_is_read_from_what_it_is_written_as(review: Review) -> None:
    assert read_review(json.dumps(review.to_fields())) == review


def test_a_written_decision_says_only_what_is_given() -> None:
    assert ACCEPT.to_fields() == {"review": {"bucket": "in", "key": "a.jpg", "decision": "accept"}}


def test_decisions_differ_by_word_and_picture_alone() -> None:
    assert (ACCEPT.text, REPLACE.text) == ("accept", "replace held/mine.png")
    assert replace(ACCEPT, job_id="j").text == ACCEPT.text


def test_the_hourly_request_is_read() -> None:
    assert read_review('{"end_old_held": {}}') == EndOldHeld()


@pytest.mark.parametrize("text", ['{"remake": {}}', "[]", '"review"', "7", "null", "no JSON", "[" * 100_000])
def test_a_message_about_something_else_is_no_decision(text: str) -> None:
    assert read_review(text) is None


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
        read_review(json.dumps({"review": given}))


def test_what_is_kept_of_a_held_photo_is_read_as_it_was_and_written_the_same_again() -> None:
    held = Held(
        outcome=OutcomeMessage(upload=Upload(bucket="in", key="ü.jpg", sequencer="01"), outcome=ANSWER),
        files=[RenditionFile(rendition="full", path="held/ü.png", format="png", width=8, height=6, size_bytes=9)],
        renditions='["full"]',
        note="It is small.",
        quality=Quality(0.123, (Doubt("holes", "There are two."),)),
    )
    read = Held.from_json(held.to_json())
    assert read == held
    assert read.to_json() == held.to_json()  # by this text it finds what to forget, and keeps what came later
    assert (read.answer, read.upload.key, read.keys) == (ANSWER, "ü.jpg", ["held/ü.png"])
