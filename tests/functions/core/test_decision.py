"""The error table of the API, row by row, in every shape in which a row can come."""

import base64
import json
from typing import Any

import pytest
from dropcut.core.decision import (
    LONGEST_LOCKOUT_SECONDS,
    Decision,
    Delivered,
    Expected,
    LockedOut,
    NoReply,
    Pause,
    Rejected,
    Reply,
    RetryLater,
    classify,
    may_be_charged,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.pictures import cutout, picture

EXPECTED = Expected(width=80, height=64, format="png")
PICTURE = cutout()


def maker(name: str, message: str = "image: no", *, with_id: bool = True) -> bytes:
    fields: dict[str, Any] = {"errors": [message], "name": name}
    return json.dumps(fields | ({"id": "1f"} if with_id else {})).encode()


def maker_before(name: str, message: str = "no") -> bytes:
    return json.dumps({"id": "1f", "message": message, "name": name}).encode()


def gateway(message: str = "no (request id: 1)") -> bytes:
    return json.dumps({"error": {"message": message, "type": "api_error"}}).encode()


def page(title: str) -> bytes:
    return f"<html><head><title>{title}</title></head></html>".encode()


BROKE_OFF = b'{"error":"failed to get response"}'
NO_CHANNELS = gateway("There are no channels available for model edit_remove_background under the current group")


def decide(status: int, body: bytes, **headers: str) -> Decision:
    return classify(
        Reply(status=status, headers={name.replace("_", "-"): v for name, v in headers.items()}, body=body), EXPECTED
    )


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, maker("bad_request"), "bad_request"),
        (400, maker("bad_request", with_id=False), "bad_request"),
        (400, maker_before("bad_request"), "bad_request"),
        (400, gateway(), "http_400"),
        (400, page("400 Bad Request"), "http_400"),
        (400, b"", "http_400"),
        (403, maker("content_moderation"), "content_moderation"),
        (403, maker_before("content_moderation"), "content_moderation"),
        (413, maker("payload_too_large"), "payload_too_large"),
        (413, page("413 Request Entity Too Large"), "http_413"),
        (422, maker("invalid_language"), "invalid_language"),
        (422, maker("public_figure"), "public_figure"),
        (422, b"", "http_422"),
    ],
)
def test_a_refusal_of_the_picture_is_for_good_and_free(status: int, body: bytes, code: str) -> None:
    decision = decide(status, body)
    assert isinstance(decision, Rejected)
    assert (decision.code, decision.possibly_paid) == (code, False)
    assert f"HTTP {status}" in decision.reason


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, maker("unauthorized"), "key_refused"),
        (401, maker_before("unauthorized"), "key_refused"),
        (401, gateway("invalid token"), "key_refused"),
        (401, b"", "key_refused"),
        (402, maker("payment_required"), "no_credits"),
        (402, b"", "no_credits"),
        (403, gateway("user has been banned"), "account_barred"),
        (403, maker("forbidden"), "account_barred"),
        (403, page("403 Forbidden"), "account_barred"),
        (404, page("404 Not Found"), "route_gone"),
        (404, maker("not_found"), "route_gone"),
        (404, gateway("invalid URL (POST /v2beta)"), "route_gone"),
        (405, b"", "route_gone"),
        (301, page("Moved"), "route_gone"),
        (302, page("Found"), "route_gone"),
        (303, b"", "route_gone"),
        (307, b"", "route_gone"),
        (308, b"", "route_gone"),
        (418, b"", "unexpected_answer"),
        (304, b"", "unexpected_answer"),
    ],
)
def test_a_problem_of_the_account_or_the_address_pauses_and_says_what_to_do(
    status: int, body: bytes, code: str
) -> None:
    decision = decide(status, body)
    assert isinstance(decision, Pause)
    assert decision.code == code
    assert f"HTTP {status}" in decision.reason
    assert any(advice in decision.reason for advice in ("secret", "credits", "provider", "api_base_url"))


@pytest.mark.parametrize(
    ("status", "body", "possibly_paid", "then_pause"),
    [
        (400, BROKE_OFF, True, False),
        (408, b"", True, False),
        (500, maker("internal_error"), False, False),
        (500, gateway("do request failed"), False, False),
        (500, b"", False, True),
        (502, page("502 Bad Gateway"), True, False),
        (503, page("503 Service Temporarily Unavailable"), False, False),
        (503, NO_CHANNELS, False, True),
        (504, page("504 Gateway Time-out"), True, False),
        (520, page("520: Web server is returning an unknown error"), True, False),
        (521, page("521: Web server is down"), False, False),
        (522, page("522: Connection timed out"), False, False),
        (523, page("523: Origin is unreachable"), False, False),
        (524, page("524: A timeout occurred"), True, False),
        (599, b"", False, False),
    ],
)
def test_what_may_pass_is_tried_again(status: int, body: bytes, possibly_paid: bool, then_pause: bool) -> None:
    decision = decide(status, body)
    assert isinstance(decision, RetryLater)
    assert (decision.possibly_paid, decision.then_pause) == (possibly_paid, then_pause)


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        (maker("rate_limit_exceeded"), {}, None),
        (gateway("too many requests"), {}, None),
        (b"", {}, None),
        (b"", {"retry-after": "7"}, 7.0),
        (b"", {"retry-after": "0.5"}, 0.5),
        (b"", {"retry-after": "-3"}, 0.0),
        (b"", {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        (b"", {"retry-after": "soon"}, None),
        (b"", {"retry-after": "inf"}, None),
        (b"", {"retry-after": "nan"}, None),
        (b"", {"retry-after": "1e12"}, LONGEST_LOCKOUT_SECONDS),
    ],
)
def test_too_many_requests_lock_the_key_out(body: bytes, headers: dict[str, str], seconds: float | None) -> None:
    decision = classify(Reply(status=429, headers=headers, body=body), EXPECTED)
    assert isinstance(decision, LockedOut)
    assert decision.seconds == seconds


@pytest.mark.parametrize(
    ("was_connected", "was_sent", "code"),
    [(False, False, "not_connected"), (True, False, "not_taken"), (True, True, "broken_off")],
)
def test_without_a_reply_the_call_is_paid_for_only_if_it_was_sent_and_no_pictures_fault_if_nothing_was(
    was_connected: bool, was_sent: bool, code: str
) -> None:
    reply = NoReply(was_connected=was_connected, request_was_sent=was_sent, detail="ConnectTimeout")
    decision = classify(reply, EXPECTED)
    assert isinstance(decision, RetryLater)
    assert (decision.code, decision.possibly_paid, decision.then_pause) == (code, was_sent, not was_connected)
    assert "ConnectTimeout" in decision.reason


def as_json(data: bytes = PICTURE, **changed: Any) -> bytes:
    fields = {"image": base64.b64encode(data).decode(), "finish_reason": "SUCCESS", "seed": 343940597} | changed
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("body", "headers", "request_id"),
    [
        pytest.param(
            PICTURE, {"content_type": "image/png", "finish_reason": "SUCCESS", "x_request_id": "m"}, "m", id="maker"
        ),
        pytest.param(PICTURE, {"x_oneapi_request_id": "g"}, "g", id="gateway, bytes"),
        pytest.param(as_json(), {"content_type": "application/json; type=image/png"}, None, id="maker, JSON"),
        pytest.param(as_json(), {"content_type": "text/plain", "x_oneapi_request_id": "g"}, "g", id="gateway, JSON"),
        pytest.param(as_json(seed=None), {}, None, id="without seed and id"),
        pytest.param(PICTURE, {}, None, id="bytes alone"),
    ],
)
def test_the_picture_asked_for_is_delivered(body: bytes, headers: dict[str, str], request_id: str | None) -> None:
    assert decide(200, body, **headers) == Delivered(picture=PICTURE, request_id=request_id)


def test_a_webp_is_delivered_where_webp_was_asked_for() -> None:
    answer = Reply(status=200, headers={}, body=cutout("webp"))
    assert isinstance(classify(answer, Expected(width=80, height=64, format="webp")), Delivered)
    assert isinstance(classify(answer, EXPECTED), RetryLater)


@pytest.mark.parametrize("finish_reason", ["CONTENT_FILTERED", "ERROR", "", "success"])
@pytest.mark.parametrize("form", ["json", "bytes"])
def test_any_finish_reason_but_success_is_a_refusal_that_may_have_been_charged(finish_reason: str, form: str) -> None:
    if form == "json":
        decision = decide(200, as_json(finish_reason=finish_reason))
    else:
        decision = decide(200, PICTURE, finish_reason=finish_reason)
    assert isinstance(decision, Rejected)
    assert (decision.code, decision.possibly_paid) == ("content_filtered", True)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"garbage", id="garbage"),
        pytest.param(PICTURE[:-30], id="cut off"),
        pytest.param(PICTURE[:15], id="cut off in the header"),
        pytest.param(cutout(width=64), id="wrong size"),
        pytest.param(picture("png"), id="no alpha"),
        pytest.param(cutout("webp"), id="wrong format"),
        pytest.param(picture("jpeg"), id="jpeg"),
        pytest.param(b"", id="empty"),
        pytest.param(page("Welcome"), id="web page"),
    ],
)
@pytest.mark.parametrize("form", ["json", "bytes"])
def test_a_success_that_is_none_is_tried_again_and_may_have_been_charged(data: bytes, form: str) -> None:
    decision = decide(200, as_json(data) if form == "json" else data, x_request_id="r")
    assert isinstance(decision, RetryLater)
    assert (decision.code, decision.possibly_paid, decision.request_id) == ("unusable_answer", True, "r")


BROKEN_JSON = [b"{", b"{}", as_json(image=None), as_json(image="!"), as_json()[:-9], b'{"a":' * 9_999]


@pytest.mark.parametrize("body", BROKEN_JSON)
def test_broken_json_with_200_may_have_been_charged(body: bytes) -> None:
    decision = decide(200, body)
    assert isinstance(decision, RetryLater)
    assert decision.possibly_paid


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 503])
def test_a_key_in_an_error_text_goes_no_further(status: int) -> None:
    decision = decide(status, maker("x", "Incorrect API key provided: sk-abcDEF123456789"))
    assert "abcDEF123456789" not in repr(decision)


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422, 429, 500, 503])
def test_the_request_id_is_kept_for_the_provider(status: int) -> None:
    assert decide(status, maker("x")).request_id == "1f"
    assert decide(status, b"", x_oneapi_request_id="g").request_id == "g"


@pytest.mark.parametrize("said", ["ü\nx: y", "é" * 3000, "a b"])
def test_an_odd_request_id_is_made_fit_to_stand_beside_a_paid_answer(said: str) -> None:
    decision = decide(200, PICTURE, x_request_id=said)
    assert isinstance(decision, Delivered)
    assert decision.request_id is not None
    assert decision.request_id.isascii() and decision.request_id.isprintable() and len(decision.request_id) <= 128


@pytest.mark.parametrize(
    ("decision", "charged"),
    [
        (Delivered(picture=PICTURE, request_id=None), True),
        (Rejected(code="c", reason="r", possibly_paid=True), True),
        (Rejected(code="c", reason="r"), False),
        (RetryLater(code="c", reason="r", possibly_paid=True), True),
        (RetryLater(code="c", reason="r", possibly_paid=False, then_pause=True), False),
        (LockedOut(seconds=7), False),
        (Pause(code="c", reason="r"), False),
    ],
)
def test_what_may_have_been_charged_is_what_delivered_and_what_nobody_knows(decision: Decision, charged: bool) -> None:
    assert may_be_charged(decision) is charged


HEADERS = st.dictionaries(
    st.sampled_from(["x-request-id", "retry-after", "finish-reason", "content-type", "x-oneapi-request-id"]),
    st.text(max_size=10) | st.sampled_from(["SUCCESS", "1", "inf"]),
)
VALUES = st.none() | st.integers() | st.text(max_size=8) | st.lists(st.none() | st.text(max_size=3), max_size=2)
BODIES = (
    st.binary(max_size=60)
    | st.sampled_from([PICTURE, as_json(), BROKE_OFF, NO_CHANNELS, page("x"), b"[" * 9_999])
    | st.dictionaries(
        st.sampled_from(["errors", "error", "message", "name", "id", "image", "finish_reason"]), VALUES
    ).map(lambda fields: json.dumps(fields).encode())
)


@given(st.integers(200, 599), HEADERS, BODIES)
def test_any_reply_gets_a_decision_and_only_free_ones_and_filtered_ones_reject(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    decision = classify(Reply(status=status, headers=headers, body=body), EXPECTED)
    if isinstance(decision, Rejected):
        assert status in (200, 400, 403, 413, 422)
        assert decision.possibly_paid is (status == 200)
    if isinstance(decision, Delivered):
        assert (status, decision.picture) == (200, PICTURE)
    if status == 200:
        assert isinstance(decision, Delivered) or decision.possibly_paid  # type: ignore[union-attr]
    if isinstance(decision, LockedOut):
        assert status == 429 and (decision.seconds is None or 0 <= decision.seconds <= LONGEST_LOCKOUT_SECONDS)
