"""Forged messages: what whoever holds the role of the stage before could write into the next one's queue."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from dropcut.core.deliver_message import read_deliver_message
from dropcut.core.message_checks import (
    check_content,
    check_notice,
    check_outcome,
    check_refused,
    check_request,
    check_upload,
)
from dropcut.core.messages import (
    CutRequest,
    Ended,
    MalformedMessageError,
    OutcomeMessage,
    PaidAnswer,
    RefusedRequest,
    SpendingNotice,
    Upload,
)

from tests.functions.cloud import INPUT
from tests.functions.pictures import picture

PHOTO, OTHER = picture("jpeg"), picture("png")
SHA256, OTHER_SHA256 = (hashlib.sha256(content).hexdigest() for content in (PHOTO, OTHER))
UPLOAD: dict[str, Any] = {
    "bucket": INPUT,
    "key": "ü/a b.jpg",
    "sequencer": "0066A1B2C3D4E5F6070000000000000",
    "version_id": "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo",
    "arrived_at_seconds": 1_722_000_000.5,
    "etag": '"9b2cf535f27731c974343645a3985328-2"',
}
PICTURE: dict[str, Any] = {
    "work_key": f"prepared/{SHA256}.jpeg",
    "sha256": SHA256,
    "format": "jpeg",
    "width": 80,
    "height": 64,
    "size_bytes": len(PHOTO),
}
ANSWER: dict[str, Any] = {
    "work_key": f"paid/{SHA256}.png",
    "picture_sha256": SHA256,
    "format": "png",
    "width": 80,
    "height": 64,
    "credits": 2.0,
    "request_id": "r1",
    "provider": "ezlink",
}
END: dict[str, Any] = {"kind": "rejected", "code": "too_small", "reason": "Too small."}


def request(
    *, content: bytes = b"", upload: dict[str, Any] | None = None, redriven_at: float = 0, **changed: Any
) -> CutRequest:
    """As it is read from the queue."""
    written = {"upload": UPLOAD | (upload or {}), "picture": PICTURE | changed, "redriven_at": redriven_at}
    return replace(CutRequest.from_json(json.dumps(written)), content=content)


def outcome(fields: dict[str, Any], **changed: Any) -> tuple[Upload, PaidAnswer | Ended]:
    """As it is read from the queue."""
    read = OutcomeMessage.from_json(json.dumps({"upload": UPLOAD, "outcome": fields | changed}))
    return read.upload, read.outcome


def test_what_the_stages_write_passes() -> None:
    for content in (b"", PHOTO):
        check_request(request(content=content))
    check_request(request(upload={"version_id": None, "etag": None, "key": "k" * 1024}))
    for fields in (ANSWER, ANSWER | {"request_id": None, "credits": 0.0}, END, END | {"kind": "failed", "attempts": 3}):
        check_outcome(*outcome(fields))


@pytest.mark.parametrize(
    "changed",
    [
        {"bucket": "no bucket"},
        {"key": ""},
        {"key": 7},
        {"key": "k" * 1025},
        {"key": "日" * 342},
        {"sequencer": "~"},
        {"sequencer": "ff"},
        {"sequencer": "F" * 65},
        {"sequencer": ""},
        {"sequencer": 9},
        {"sequencer": "0A\n"},
        {"version_id": "v\r\nx-amz-acl: public-read"},
        {"version_id": ""},
        {"version_id": ["v"]},
        {"etag": '"\x1b"'},
        {"arrived_at_seconds": "soon"},
        {"arrived_at_seconds": -1},
        {"arrived_at_seconds": float("inf")},
        {"arrived_at_seconds": float("nan")},
        {"arrived_at_seconds": True},
        {"request": 7},
    ],
    ids=str,
)
def test_an_upload_that_s3_could_not_have_announced_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessageError, match="cannot be from the stage before") as refused:
        check_upload(Upload(**UPLOAD | changed))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"sha256": OTHER_SHA256}, "not where these bytes are kept"),
        ({"sha256": SHA256.upper(), "work_key": f"prepared/{SHA256.upper()}.jpeg"}, "no SHA-256"),
        ({"sha256": "../paid/x", "work_key": "prepared/../paid/x.jpeg"}, "no SHA-256"),
        ({"sha256": 7}, "no SHA-256"),
        ({"work_key": f"prepared/{OTHER_SHA256}.jpeg"}, "not where these bytes are kept"),
        ({"work_key": f"paid/{SHA256}.jpeg"}, "not where these bytes are kept"),
        ({"work_key": ["prepared"]}, "not where these bytes are kept"),
        ({"format": "svg", "work_key": f"prepared/{SHA256}.svg"}, "nothing is sent as"),
        ({"format": "jpeg\r\nx: y", "work_key": f"prepared/{SHA256}.jpeg\r\nx: y"}, "nothing is sent as"),
        ({"upload": {"bucket": "no bucket"}}, "no bucket"),
        ({"redriven_at": float("inf")}, "redriven_at"),
        ({"content": OTHER}, "not those with the SHA-256"),
        ({"content": PHOTO + b"1"}, "not those with the SHA-256"),
        ({"content": PHOTO, "width": 81}, "not as it states"),
        ({"content": PHOTO, "height": "64"}, "not as it states"),
        ({"content": PHOTO, "size_bytes": 1}, "not as it states"),
        ({"content": PHOTO, "format": "webp", "work_key": f"prepared/{SHA256}.webp"}, "not as it states"),
    ],
    ids=str,
)
def test_a_request_for_other_bytes_than_it_names_is_refused(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(MalformedMessageError, match=why) as refused:
        check_request(request(**changed))
    assert str(refused.value).isprintable()


def test_what_is_no_picture_is_not_sent_to_be_paid_for() -> None:
    text = b"<html>" * 20
    named = replace(request().picture, sha256=hashlib.sha256(text).hexdigest())
    with pytest.raises(MalformedMessageError, match="its picture is none"):
        check_content(text, named)


@pytest.mark.parametrize(
    ("fields", "changed", "why"),
    [
        (ANSWER, {"work_key": f"paid/{OTHER_SHA256}.png"}, "not where these bytes are kept"),
        (ANSWER, {"work_key": f"prepared/{SHA256}.jpeg"}, "not where these bytes are kept"),
        (ANSWER, {"picture_sha256": "x", "work_key": "paid/x.png"}, "no SHA-256"),
        (ANSWER, {"credits": -5}, "credits"),
        (ANSWER, {"credits": float("nan")}, "credits"),
        (ANSWER, {"width": "80"}, "width"),
        (ANSWER, {"request_id": {"a": 1}}, "request_id"),
        (ANSWER, {"format": "svg"}, "no answer is a 'svg'"),
        (ANSWER, {"note": ["n"]}, "note"),
        (END, {"reason": 7}, "reason"),
        (END, {"kind": "skip"}, "no photo ends as"),
        (END, {"kind": "delivered"}, "no photo ends as"),
        (END, {"kind": ["failed"]}, "no photo ends as"),
        (END, {"attempts": "many"}, "attempts"),
    ],
    ids=str,
)
def test_an_outcome_that_no_stage_decides_is_refused(fields: dict[str, Any], changed: Any, why: str) -> None:
    with pytest.raises(MalformedMessageError, match=why):
        check_outcome(*outcome(fields, **changed))


@pytest.mark.parametrize("changed", [{"kind": "stolen"}, {"kind": []}, {"reason": 7}, {"until": "soon"}], ids=str)
def test_a_notice_of_what_cannot_happen_to_spending_is_refused(changed: dict[str, Any]) -> None:
    notice = SpendingNotice(kind="paused", code="no_credits", reason="Buy some.", until=12.5)
    check_notice(notice)
    with pytest.raises(MalformedMessageError, match="cannot be from the stage before"):
        check_notice(replace(notice, **changed))


REFUSED: dict[str, Any] = {
    "upload": UPLOAD | {"bucket": "another", "request": "e1"},
    "code": "request_not_allowed",
    "reason": "No photos are taken from it.",
}


def refused(**changed: Any) -> RefusedRequest:
    """As it is read from the queue."""
    read = read_deliver_message(json.dumps({"refused_request": REFUSED | changed}))
    assert isinstance(read, RefusedRequest)
    return read


def test_the_refusal_of_a_request_may_be_about_any_bucket() -> None:
    check_refused(refused())


@pytest.mark.parametrize(
    "changed",
    [
        {"code": "no_credits"},
        {"reason": 7},
        {"upload": UPLOAD | {"bucket": 7}},
        {"upload": UPLOAD | {"key": ["k"]}},
        {"upload": UPLOAD | {"version_id": 7}},
    ],
    ids=str,
)
def test_a_forged_refusal_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessageError, match="cannot be from the stage before"):
        check_refused(refused(**changed))


@pytest.mark.parametrize(
    "choices",
    [{"reference": "a\r\nx: y"}, {"metadata": {"n": "v" * 300}}, {"renditions": "web"}, {"colour": "red"}, 7],
    ids=str,
)
def test_choices_that_nobody_could_have_made_are_malformed(choices: Any) -> None:
    with pytest.raises(MalformedMessageError):
        request(upload={"choices": choices})
