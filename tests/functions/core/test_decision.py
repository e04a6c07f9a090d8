"""The error table of the API, row by row, in every shape in which a row can come."""

import base64
import json
from typing import Any

import pytest
from dropcut.core.decision import (
    LONGEST_LOCKOUT_SECONDS,
    AccountProblem,
    Decision,
    Failure,
    GavePicture,
    LockedOut,
    NoReply,
    Refused,
    Reply,
    decide,
    possibly_paid,
)
from dropcut.core.operation import REMOVE_BACKGROUND, Expected
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.pictures import cutout, picture

EXPECTED = REMOVE_BACKGROUND.expected(width=80, height=64)
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


def decided(status: int, body: bytes, **headers: str) -> Decision:
    return decide(
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
def test_a_refusal_with_an_errors_status_is_free(status: int, body: bytes, code: str) -> None:
    decision = decided(status, body)
    assert isinstance(decision, Refused)
    assert (decision.code, decision.possibly_paid) == (code, False)
    assert decision.proves_account is (code == "content_moderation"), "a form and sizes are looked at before the key"
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
    decision = decided(status, body)
    assert isinstance(decision, AccountProblem)
    assert decision.code == code
    assert f"HTTP {status}" in decision.reason
    assert any(advice in decision.reason for advice in ("secret", "credits", "provider", "api_base_url"))


@pytest.mark.parametrize(
    ("status", "body", "possibly_paid", "suspects_account"),
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
def test_a_failure_says_what_it_may_have_cost_and_whom_it_suspects(
    status: int, body: bytes, possibly_paid: bool, suspects_account: bool
) -> None:
    decision = decided(status, body)
    assert isinstance(decision, Failure)
    assert (decision.possibly_paid, decision.suspects_account) == (possibly_paid, suspects_account)


@pytest.mark.parametrize(
    "body", [b"", PICTURE, maker("accepted"), page("OK")], ids=["empty", "picture", "JSON", "page"]
)
@pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 226, 299])
def test_any_other_success_may_have_been_charged_and_gives_no_picture(status: int, body: bytes) -> None:
    decision = decided(status, body, x_request_id="r")
    assert isinstance(decision, Failure)
    assert (decision.code, decision.possibly_paid, decision.suspects_account) == (f"http_{status}", True, False)
    assert decision.request_id == ("1f" if body == maker("accepted") else "r")


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
    decision = decide(Reply(status=429, headers=headers, body=body), EXPECTED)
    assert isinstance(decision, LockedOut)
    assert decision.seconds == seconds


@pytest.mark.parametrize(
    ("was_connected", "was_sent", "code"),
    [(False, False, "not_connected"), (True, False, "not_taken"), (True, True, "broken_off")],
)
def test_without_a_reply_a_call_may_have_been_charged_only_if_it_was_sent(
    was_connected: bool, was_sent: bool, code: str
) -> None:
    reply = NoReply(was_connected=was_connected, request_was_sent=was_sent, detail="ConnectTimeout")
    decision = decide(reply, EXPECTED)
    assert isinstance(decision, Failure)
    assert (decision.code, decision.possibly_paid, decision.suspects_account) == (code, was_sent, not was_connected)
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
    assert decided(200, body, **headers) == GavePicture(picture=PICTURE, request_id=request_id)


def test_a_webp_is_delivered_where_webp_was_asked_for() -> None:
    answer = Reply(status=200, headers={}, body=cutout("webp"))
    assert isinstance(decide(answer, Expected(width=80, height=64, format="webp", has_alpha=True)), GavePicture)
    assert isinstance(decide(answer, EXPECTED), Failure)


def test_an_answer_needs_an_alpha_channel_only_where_one_was_asked_for() -> None:
    answer = Reply(status=200, headers={}, body=picture("png"))
    assert isinstance(decide(answer, Expected(width=80, height=64, format="png", has_alpha=False)), GavePicture)
    assert isinstance(decide(answer, EXPECTED), Failure)


@pytest.mark.parametrize("before", [b"\n", b" \t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n  "])
def test_a_byte_order_mark_and_spaces_before_the_json_lose_no_picture(before: bytes) -> None:
    assert decided(200, before + as_json()) == GavePicture(picture=PICTURE, request_id=None)


def answered(finish_reason: str, form: str, data: bytes = PICTURE) -> Decision:
    """What an answer of 200 with this finish reason is, in JSON or as bytes."""
    if form == "json":
        return decided(200, as_json(data, finish_reason=finish_reason))
    return decided(200, data, finish_reason=finish_reason)


@pytest.mark.parametrize("data", [PICTURE, b""], ids=["with a picture", "without"])
@pytest.mark.parametrize("form", ["json", "bytes"])
def test_only_a_filtered_result_refuses_the_picture_and_it_may_have_been_charged(form: str, data: bytes) -> None:
    decision = answered("CONTENT_FILTERED", form, data)
    assert isinstance(decision, Refused)
    assert (decision.code, decision.possibly_paid, decision.proves_account) == ("content_filtered", True, True)


@pytest.mark.parametrize("finish_reason", ["ERROR", "success", "STOP", "content_filtered", "x" * 300])
@pytest.mark.parametrize("form", ["json", "bytes"])
def test_an_odd_finish_reason_of_a_good_picture_is_only_noted(finish_reason: str, form: str) -> None:
    decision = answered(finish_reason, form)
    assert isinstance(decision, GavePicture)
    assert decision.picture == PICTURE
    assert finish_reason[:80] in decision.note
    assert len(decision.note) < 200


@pytest.mark.parametrize("finish_reason", ["SUCCESS", None])
def test_an_ordinary_finish_reason_makes_no_note(finish_reason: str | None) -> None:
    decision = decided(200, as_json(finish_reason=finish_reason))
    assert isinstance(decision, GavePicture)
    assert decision.note == ""


@pytest.mark.parametrize("form", ["json", "bytes"])
def test_an_empty_finish_reason_loses_no_picture(form: str) -> None:
    assert isinstance(answered("", form), GavePicture)


@pytest.mark.parametrize("form", ["json", "bytes"])
def test_an_odd_finish_reason_does_not_excuse_a_picture_that_was_not_asked_for(form: str) -> None:
    decision = answered("ERROR", form, cutout(width=64))
    assert isinstance(decision, Failure)
    assert (decision.code, decision.possibly_paid) == ("unusable_answer", True)


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
def test_a_success_that_is_none_may_have_been_charged(data: bytes, form: str) -> None:
    decision = decided(200, as_json(data) if form == "json" else data, x_request_id="r")
    assert isinstance(decision, Failure)
    assert (decision.code, decision.possibly_paid, decision.request_id) == ("unusable_answer", True, "r")


BROKEN_JSON = [b"{", b"{}", as_json(image=None), as_json(image="!"), as_json()[:-9], b'{"a":' * 9_999]


@pytest.mark.parametrize("body", BROKEN_JSON)
def test_broken_json_with_200_may_have_been_charged(body: bytes) -> None:
    decision = decided(200, body)
    assert isinstance(decision, Failure)
    assert decision.possibly_paid


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 503])
def test_a_key_in_an_error_text_goes_no_further(status: int) -> None:
    decision = decided(status, maker("x", "Incorrect API key provided: sk-abcDEF123456789"))
    assert "abcDEF123456789" not in repr(decision)


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422, 429, 500, 503])
def test_the_request_id_is_kept_for_the_provider(status: int) -> None:
    assert decided(status, maker("x")).request_id == "1f"
    assert decided(status, b"", x_oneapi_request_id="g").request_id == "g"


@pytest.mark.parametrize("said", ["ü\nx: y", "é" * 3000, "a b"])
def test_an_odd_request_id_is_made_fit_to_stand_beside_a_paid_answer(said: str) -> None:
    decision = decided(200, PICTURE, x_request_id=said)
    assert isinstance(decision, GavePicture)
    assert decision.request_id is not None
    assert decision.request_id.isascii() and decision.request_id.isprintable() and len(decision.request_id) <= 128


@pytest.mark.parametrize(
    ("decision", "charged"),
    [
        (GavePicture(picture=PICTURE, request_id=None), False),
        (Refused(code="c", reason="r", possibly_paid=True), True),
        (Refused(code="c", reason="r"), False),
        (Failure(code="c", reason="r", possibly_paid=True), True),
        (Failure(code="c", reason="r", possibly_paid=False, suspects_account=True), False),
        (LockedOut(seconds=7), False),
        (AccountProblem(code="c", reason="r"), False),
    ],
)
def test_possibly_paid_is_what_may_have_been_charged_and_gave_no_picture(decision: Decision, charged: bool) -> None:
    assert possibly_paid(decision) is charged


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
def test_any_reply_gets_a_decision_and_a_success_is_never_called_free(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    decision = decide(Reply(status=status, headers=headers, body=body), EXPECTED)
    if isinstance(decision, Refused):
        assert status in (200, 400, 403, 413, 422)
        assert decision.possibly_paid is (status == 200)
    if isinstance(decision, GavePicture):
        assert (status, decision.picture) == (200, PICTURE)
    if status < 300:
        assert isinstance(decision, GavePicture) or possibly_paid(decision)
    if isinstance(decision, AccountProblem):
        assert 300 <= status < 500
    if isinstance(decision, LockedOut):
        assert status == 429 and (decision.seconds is None or 0 <= decision.seconds <= LONGEST_LOCKOUT_SECONDS)


LEAK = "a\x1b[2J key-of-ours-0123 \u202e"
LEAKS = [
    *(
        Reply(status=status, headers={"x-request-id": LEAK}, body=body)
        for status in (204, 301, 400, 401, 403, 413, 429, 500, 503, 504)
        for body in (LEAK.encode(), json.dumps({"name": LEAK, "id": LEAK, "message": LEAK}).encode(), page(LEAK), b"")
    ),
    *(NoReply(request_was_sent=sent, was_connected=sent, detail=LEAK) for sent in (True, False)),
    Reply(status=200, headers={"x-request-id": LEAK}, body=LEAK.encode()),
    Reply(status=200, headers={"x-request-id": LEAK, "finish-reason": LEAK}, body=PICTURE),
]


@pytest.mark.parametrize("reply", LEAKS)
def test_no_decision_tells_the_key_or_controls_a_terminal(reply: Reply | NoReply) -> None:
    decision = decide(reply, EXPECTED, api_key="key-of-ours-0123".upper())
    texts = [value for name, value in vars(decision).items() if isinstance(value, str) and name != "picture"]
    assert texts
    assert all("ours" not in text and text.isprintable() for text in texts), texts
