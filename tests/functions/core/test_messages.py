import json
from dataclasses import replace
from typing import Any

import pytest
from dropcut.core.choices import NO_CHOICES, Choices
from dropcut.core.messages import (
    MOST_INLINE_BYTES,
    CutRequest,
    Ended,
    MalformedMessageError,
    OutcomeMessage,
    PaidAnswer,
    Upload,
)
from dropcut.core.operation import REMOVE_BACKGROUND
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.records import ANSWER, PICTURE

UPLOAD = Upload(bucket="in", key="ü/a b+c.jpg", sequencer="0A", version_id="v1", arrived_at_seconds=12.5)


REQUEST = CutRequest(upload=UPLOAD, picture=PICTURE)
CHOSEN = replace(
    UPLOAD, choices=Choices(renditions=("web",), reference="order 4711", metadata={"sku": "42"}), request="e1"
)


@pytest.mark.parametrize(
    "request_",
    [
        REQUEST,
        replace(REQUEST, content=bytes(range(256))),
        replace(REQUEST, redriven_at=1_722_000_000.25),
        replace(REQUEST, upload=replace(UPLOAD, etag='"9"')),
        replace(REQUEST, upload=CHOSEN),
    ],
    ids=["plain", "with its picture", "redriven", "with an ETag", "requested, with choices"],
)
def test_a_cut_request_survives_the_queue(request_: CutRequest) -> None:
    assert CutRequest.from_json(request_.to_json()) == request_


OLD_REQUEST = """{"upload": {"bucket": "in", "key": "a.jpg", "sequencer": "0A", "version_id": null,
    "arrived_at_seconds": 12.5}, "picture": {"work_key": "prepared/x.jpeg", "sha256": "x", "format": "jpeg",
    "width": 80, "height": 64, "size_bytes": 9}}"""


def test_a_cut_request_of_the_version_before_is_read() -> None:
    request = CutRequest.from_json(OLD_REQUEST)
    assert (request.content, request.redriven_at, request.operation) == (b"", 0.0, REMOVE_BACKGROUND)
    assert (request.payment_key, request.upload.etag) == ("x.png", None)
    assert (request.upload.choices, request.upload.request) == (NO_CHOICES, "")


def test_a_cut_request_that_asks_for_nothing_new_reads_as_before_there_was_more() -> None:
    written = json.loads(REQUEST.to_json())
    assert written.keys() == {"upload", "picture"}
    assert written["upload"].keys() == json.loads(OLD_REQUEST)["upload"].keys() | {"etag"}


def test_eight_cut_requests_with_their_pictures_fit_into_what_sqs_hands_over() -> None:
    long_key = replace(UPLOAD, key="日" * 341, etag='"' + "9" * 40 + '"', version_id="v" * 1024)
    largest = CutRequest(upload=long_key, picture=PICTURE, content=bytes(MOST_INLINE_BYTES), redriven_at=1e9)
    assert 8 * len(largest.to_json()) < 1024 * 1024


@pytest.mark.parametrize(
    "wrong",
    [{"content": "no base64!"}, {"content": 7}, {"operation": "sing"}, {"redriven_at": "soon"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_cut_request_with_an_unreadable_part_is_malformed(wrong: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessageError, match="not a cut request"):
        CutRequest.from_json(json.dumps(json.loads(OLD_REQUEST) | wrong))


OUTCOMES = [
    ANSWER,
    replace(ANSWER, credits=0.0),
    replace(ANSWER, note="It was called 'ERROR'."),
    Ended(kind="failed", code="c", reason="why\n“so”", attempts=3, possibly_paid=2, request_id="r"),
]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_survives_the_queue(outcome: PaidAnswer | Ended) -> None:
    message = OutcomeMessage(upload=UPLOAD, outcome=outcome)
    assert OutcomeMessage.from_json(message.to_json()) == message


def test_an_outcome_that_says_nothing_new_reads_as_before_there_was_more_to_say() -> None:
    """While a deployment runs, or is taken back, an older deliver reads what a newer stage wrote."""
    plain = OutcomeMessage(upload=UPLOAD, outcome=Ended(kind="rejected", code="c", reason="why"))
    assert json.loads(plain.to_json())["outcome"] == {"kind": "rejected", "code": "c", "reason": "why"}
    assert "note" not in json.loads(OutcomeMessage(upload=UPLOAD, outcome=ANSWER).to_json())["outcome"]


@given(st.text())
def test_any_key_survives_the_queue_in_plain_ascii(key: str) -> None:
    message = CutRequest(upload=replace(UPLOAD, key=key), picture=PICTURE).to_json()
    assert message.isascii()
    assert CutRequest.from_json(message).upload.key == key


BROKEN: list[str] = [
    "",
    "not json",
    "null",
    "[]",
    "7",
    "{}",
    '{"upload": {}}',
    '{"upload": null, "picture": null, "outcome": null}',
    '{"upload": [], "picture": [], "outcome": []}',
    '{"upload": "text", "picture": "text", "outcome": "text"}',
    "[" * 100_000,
]


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text[:40])
@pytest.mark.parametrize("kind", [CutRequest, OutcomeMessage])
def test_what_is_no_such_message_is_malformed_and_says_so(kind: Any, text: str) -> None:
    with pytest.raises(MalformedMessageError, match="The message is not a"):
        kind.from_json(text)


@pytest.mark.parametrize("missing", ["bucket", "key", "sequencer"])
def test_an_upload_without_what_names_it_is_malformed(missing: str) -> None:
    fields = json.loads(CutRequest(upload=UPLOAD, picture=PICTURE).to_json())
    del fields["upload"][missing]
    with pytest.raises(MalformedMessageError, match=missing):
        CutRequest.from_json(json.dumps(fields))


def test_a_request_in_the_queue_of_outcomes_is_malformed() -> None:
    with pytest.raises(MalformedMessageError):
        OutcomeMessage.from_json(CutRequest(upload=UPLOAD, picture=PICTURE).to_json())


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"version_id": None}, True),
        ({"arrived_at_seconds": 99.0}, True),
        ({"etag": '"9"'}, True),
        ({"key": "other"}, False),
        ({"bucket": "other"}, False),
        ({"sequencer": "0B"}, False),
        ({"bucket": "inü", "key": "/a b+c.jpg"}, False),
    ],
)
def test_the_job_id_names_the_upload_and_not_the_event(changed: dict[str, Any], same: bool) -> None:
    assert (replace(UPLOAD, **changed).job_id == UPLOAD.job_id) is same


def test_what_there_is_to_say_of_photo_and_answer_stands_in_one_note() -> None:
    request = replace(REQUEST, note="Its range was wider.")
    assert CutRequest.from_json(request.to_json()) == request
    answer = replace(ANSWER, note="The API called it odd.")
    delivered = OutcomeMessage.from_json(request.delivers(answer)).outcome
    assert isinstance(delivered, PaidAnswer)
    assert delivered.note == "Its range was wider. The API called it odd."
