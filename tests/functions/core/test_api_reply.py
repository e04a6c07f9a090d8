import base64
import html
import json
from typing import Any
from urllib.parse import quote

import pytest
from dropcut.core.api_reply import Answer, UnusableAnswerError, read_answer, read_error, redact
from dropcut.core.operation import Expected
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.pictures import cutout, picture

PICTURE = cutout()
EXPECTED = Expected(width=80, height=64, format="png", has_alpha=True)


def as_json(**changed: Any) -> bytes:
    fields = {"image": base64.b64encode(PICTURE).decode(), "finish_reason": "SUCCESS", "seed": 343940597} | changed
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("body", "headers", "finish_reason", "request_id"),
    [
        (PICTURE, {"finish-reason": "SUCCESS", "seed": "1", "x-request-id": "r1"}, "SUCCESS", "r1"),
        (PICTURE, {"x-oneapi-request-id": "r2"}, None, "r2"),
        (PICTURE, {}, None, None),
        (as_json(), {"content-type": "application/json; type=image/png", "x-request-id": "r3"}, "SUCCESS", "r3"),
        (as_json(), {"content-type": "text/plain; charset=utf-8"}, "SUCCESS", None),
        (as_json(seed=None), {}, "SUCCESS", None),
        (as_json(finish_reason=None), {}, None, None),
        (as_json(finish_reason="CONTENT_FILTERED"), {}, "CONTENT_FILTERED", None),
        (as_json(finish_reason=7), {}, "7", None),
        (b"\xef\xbb\xbf" + as_json(), {}, "SUCCESS", None),
        (b" \r\n" + as_json(), {}, "SUCCESS", None),
    ],
)
def test_both_forms_of_success_are_read(
    body: bytes, headers: dict[str, str], finish_reason: str | None, request_id: str | None
) -> None:
    assert read_answer(body, headers) == Answer(picture=PICTURE, finish_reason=finish_reason, request_id=request_id)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{}",
        as_json()[:-20],
        as_json(image=None),
        as_json(image=7),
        as_json(image=["x"]),
        as_json(image="not base64!"),
        as_json(image="ü"),
        b'{"image": ' + b"[" * 100_000,
        b"{\xff}",
    ],
)
def test_json_without_a_picture_is_unusable(body: bytes) -> None:
    with pytest.raises(UnusableAnswerError, match="its JSON holds no picture"):
        read_answer(body, {})


@pytest.mark.parametrize("format_", ["png", "webp"])
def test_the_picture_that_was_asked_for_passes(format_: str) -> None:
    answer = Answer(picture=cutout(format_), finish_reason=None, request_id=None)
    answer.verify(Expected(width=80, height=64, format=format_, has_alpha=True))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no picture"),
        (b"<html>", "a web page"),
        (PICTURE[:-1], "ends early"),
        (PICTURE[:20], "no picture"),
        (cutout(width=81), "81 x 64 where 80 x 64"),
        (cutout(width=64, height=80), "64 x 80 where 80 x 64"),
        (picture("png", mode="RGB"), "no alpha channel"),
        (cutout("webp"), "a webp where png"),
        (picture("jpeg"), "a jpeg where png"),
    ],
)
def test_a_picture_other_than_the_one_asked_for_is_named(data: bytes, said: str) -> None:
    with pytest.raises(UnusableAnswerError, match=said):
        Answer(picture=data, finish_reason=None, request_id=None).verify(EXPECTED)


@pytest.mark.parametrize(
    ("body", "name", "message", "request_id"),
    [
        pytest.param(
            b'{"errors":["image: is required","b: c"],"id":"1f","name":"bad_request"}',
            "bad_request",
            "image: is required; b: c",
            "1f",
            id="the maker's",
        ),
        pytest.param(
            b'{"errors":["x: y"],"name":"bad_request"}', "bad_request", "x: y", "header", id="the maker's without id"
        ),
        pytest.param(
            b'{"id":"2e","message":"no such engine","name":"not_found"}',
            "not_found",
            "no such engine",
            "2e",
            id="the maker's old shape",
        ),
        pytest.param(
            b'{"error":{"message":"invalid token (request id: 3d)","type":"api_error"}}',
            "",
            "invalid token (request id: 3d)",
            "header",
            id="the gateway's",
        ),
        pytest.param(
            b'{"error":"failed to get response"}', "", "failed to get response", "header", id="the gateway broke off"
        ),
        pytest.param(
            b"<html><head><TITLE>502\n Bad  Gateway</TITLE></head><body>nginx</body></html>",
            "",
            "502 Bad Gateway",
            "header",
            id="a web page",
        ),
        pytest.param(b"<p>no <b>title</b></p>", "", "no title", "header", id="a page without a title"),
        pytest.param(b"", "", "", "header", id="empty"),
        pytest.param(b"upstream connect error", "", "upstream connect error", "header", id="text"),
        pytest.param(b'{"something": "else"}', "", "", "header", id="other JSON"),
        pytest.param(b"[1, 2]", "", "[1, 2]", "header", id="a JSON list"),
        pytest.param(b'{"errors": "no list", "error": null, "name": 7}', "7", "", "header", id="wrong types"),
    ],
)
def test_every_shape_of_an_error_is_read(body: bytes, name: str, message: str, request_id: str) -> None:
    error = read_error(body, {"x-request-id": "header"})
    assert (error.name, error.message, error.request_id) == (name, message, request_id)


def test_the_gateways_request_id_is_taken_where_there_is_no_other() -> None:
    assert read_error(b"", {"x-oneapi-request-id": "g"}).request_id == "g"


@given(st.binary(max_size=300) | st.sampled_from([b"[" * 19_000, b'{"error":' * 2_000, b"1" * 10_000]))
def test_no_error_body_crashes_the_reader_or_becomes_long(body: bytes) -> None:
    assert len(read_error(body, {}).message) <= 500


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-abcDEF123456789",
        "key=sk_live_abcDEF123456789 refused",
        "Authorization: Bearer abcDEF123456789 is not valid",
        "authorization 'bearer abcDEF123456789'",
    ],
)
def test_keys_are_taken_out_of_texts(text: str) -> None:
    assert "abcDEF123456789" not in redact(text)
    assert "[redacted]" in redact(text)
    assert "abcDEF123456789" not in read_error(json.dumps({"message": text}).encode(), {}).message


REAL_KEY = "Zx9/q+W=less&7%kk-Vb3"


@pytest.mark.parametrize(
    "quoted",
    [
        REAL_KEY,
        REAL_KEY.upper(),
        quote(REAL_KEY, safe=""),
        quote(REAL_KEY, safe="").lower(),
        html.escape(REAL_KEY),
        *(
            base64.b64encode(f"{before}{REAL_KEY}{after}".encode()).decode()
            for before in ("", "x", "xy")
            for after in ("", ":pw")
        ),
        base64.urlsafe_b64encode(f"xy{REAL_KEY}".encode()).decode(),
    ],
)
@pytest.mark.parametrize("where", ["name", "id", "message"])
def test_the_very_key_is_taken_out_whatever_it_looks_like(quoted: str, where: str) -> None:
    error = read_error(json.dumps({where: f"no: {quoted}"}).encode(), {"x-request-id": quoted}, api_key=REAL_KEY)
    said = f"{error.name} {error.message} {error.request_id}".lower()
    assert "[redacted]" in said
    assert not any(quoted[place : place + 6].lower() in said for place in range(3, len(quoted) - 9))


def test_a_key_is_taken_out_before_a_text_is_cut() -> None:
    """Else its first half would stand at the end."""
    for spaces in range(470, 510):
        said = read_error(f"{'x' * spaces} {REAL_KEY}".encode(), {}, api_key=REAL_KEY).message
        assert REAL_KEY[:6] not in said


@pytest.mark.parametrize("key", ["", "no", "image"])
def test_no_key_and_a_key_shorter_than_any_real_one_spoil_no_words(key: str) -> None:
    assert redact("image: is not required", key) == "image: is not required"


def test_name_id_and_message_of_an_error_are_short_and_control_nothing() -> None:
    text = "a\x1b[31m\r\n\u202eb" * 100
    error = read_error(json.dumps({"name": text, "id": text, "message": text}).encode(), {})
    assert error.name == (r"a\u001b[31m\u000d\u000a\u202eb" * 1000)[:64]
    assert error.message == (r"a\u001b[31m\u000d\u000a\u202eb" * 1000)[:500]
    assert error.request_id == ("a_[31m_b" * 1000)[:128]


@pytest.mark.parametrize("text", ["", "image: is required", "task-force", "a key was not given", "risk-free-choice"])
def test_other_words_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"errors":["no"],"name":"bad_request"}', "HTTP 400 bad_request: no"),
        (b'{"error":"no"}', "HTTP 400: no"),
        (b"", "HTTP 400."),
    ],
)
def test_an_error_makes_one_sentence(body: bytes, sentence: str) -> None:
    assert read_error(body, {}).sentence(400) == sentence
