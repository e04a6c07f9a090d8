"""Each check of a request, and their order."""

import http.client
import io
from urllib.parse import urlsplit

import pytest
from PIL import Image

from stand_in.service import REMOVE_BACKGROUND
from stand_in.validation import LARGEST_REQUEST_BYTES
from tests.stand_in.client import Client, picture

TOO_MANY_PIXELS = "image: unsupported dimensions - must be at most 4,194,304 pixels, received 4,196,352 pixels"


def gif() -> bytes:
    content = io.BytesIO()
    Image.new("L", (96, 96)).save(content, "GIF")
    return content.getvalue()


@pytest.mark.parametrize(
    "image, said",
    [
        (b"", "image: is required"),
        (b"text named .png", "image: unsupported format"),
        (gif(), "image: unsupported format"),
        (picture(63, 400), "every side must be at least 64"),
        (picture(2049, 2048, "PNG"), TOO_MANY_PIXELS),
        (picture(400, 400, "PNG", "L")[:-40], "image: could not be decoded"),
        (picture(400, 400)[:-40], "image: could not be decoded"),
        (picture(400, 400, "WEBP")[:-40], "image: could not be decoded"),
        (b"\xff\xd8\xff" + b"no JPEG" * 9, "image: could not be decoded"),
        (b"\x89PNG\r\n\x1a\n", "image: could not be decoded"),
    ],
    ids=["empty", "text", "gif", "thin", "too many pixels", "cut png", "cut jpeg", "cut webp", "no jpeg", "no png"],
)
def test_a_picture_it_does_not_take_is_refused_with_the_reason(either: Client, image: bytes, said: str) -> None:
    answer = either.cut(image)
    body = answer.json()
    assert (answer.status_code, body["name"]) == (400, "bad_request")
    assert said in body["errors"][0]
    assert len(body["id"]) == 32
    assert either.api.summary()["paid_calls"] == 0


@pytest.mark.parametrize("width, height", [(64, 64), (2048, 2048), (64, 65536)])
def test_pictures_at_the_limits_are_taken(gateway: Client, width: int, height: int) -> None:
    assert gateway.cut(picture(width, height, "PNG")).status_code == 200


@pytest.mark.parametrize("more, status", [(0, 200), (1, 413)])
def test_the_whole_request_may_have_10_mebibytes(either: Client, more: int, status: int) -> None:
    image = picture()
    form_bytes = len(either.session.prepare_request(_request(either, image)).body or b"") - len(image)
    padded = image + bytes(LARGEST_REQUEST_BYTES - form_bytes - len(image) + more)
    assert len(padded) + form_bytes == LARGEST_REQUEST_BYTES + more
    answer = either.cut(padded)
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["name"] == "payload_too_large"


def _request(client: Client, image: bytes) -> "object":
    import requests

    return requests.Request("POST", client.api.base_url, files={"image": ("some picture", image)})


def test_an_unknown_output_format_is_refused_and_an_unknown_field_is_not(either: Client) -> None:
    assert "output_format" in either.cut(fields={"output_format": "jpeg"}).json()["errors"][0]
    assert either.cut(fields={"prompt": "a cat"}).status_code == 200


@pytest.mark.parametrize("header", ["stability-client-id", "stability-client-user-id", "stability-client-version"])
def test_a_client_header_has_at_most_256_characters(either: Client, header: str) -> None:
    assert either.cut(headers={header: "x" * 256}).status_code == 200
    assert header in either.cut(headers={header: "x" * 257}).json()["errors"][0]


def test_a_body_that_is_no_form_is_refused(either: Client) -> None:
    url, key = either.api.base_url + REMOVE_BACKGROUND, {"authorization": f"Bearer {either.api.key}"}
    for body, content_type in (
        (b"{}", "application/json"),
        (b"", "multipart/form-data"),
        (b"--b\r\nno end", "multipart/form-data; boundary=b"),
    ):
        answer = either.session.post(url, body, headers={"content-type": content_type, **key})
        assert (answer.status_code, answer.json()["name"]) == (400, "bad_request")


def test_the_gateway_takes_the_key_bare_and_the_maker_does_not(maker: Client, gateway: Client) -> None:
    assert gateway.cut(authorization=gateway.api.key).status_code == 200
    answer = maker.cut(authorization=maker.api.key)
    assert (answer.status_code, answer.json()["name"]) == (401, "unauthorized")


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer sk-unknown"])
def test_without_a_known_key_the_answer_is_401(either: Client, authorization: str | None) -> None:
    answer = either.cut(authorization=authorization)
    assert answer.status_code == 401
    assert ("error" in answer.json()) == (either.profile == "ezlink")


def test_a_revoked_key_is_unauthorized_and_can_be_made_valid_again(either: Client) -> None:
    either.api.set_key_state(either.api.key, "revoked")
    assert either.cut().status_code == 401
    either.api.set_key_state(either.api.key, "valid")
    assert either.cut().status_code == 200


def test_the_gateway_says_that_an_account_is_banned(maker: Client, gateway: Client) -> None:
    gateway.api.set_key_state(gateway.api.key, "banned")
    answer = gateway.cut()
    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "api_error")
    maker.api.set_key_state(maker.api.key, "banned")
    assert maker.cut().status_code == 401


def test_credits_run_out_at_the_maker(maker: Client) -> None:
    maker.api.set_credits(maker.api.key, 11)
    assert [maker.cut().status_code for _ in range(3)] == [200, 200, 402]
    assert maker.cut().json()["name"] == "payment_required"
    maker.cut(b"no picture")  # a failure is free
    assert maker.api.summary()["credits_left"].popitem()[1] == 1


def test_credits_run_out_at_the_gateway_without_a_word(gateway: Client) -> None:
    gateway.api.set_credits(gateway.api.key, 2)
    assert gateway.cut(b"no picture").status_code == 400  # a failure is free
    assert gateway.cut().status_code == 200
    answer = gateway.cut()
    assert (answer.status_code, answer.content) == (500, b"")


def test_the_maker_looks_at_the_form_before_the_key_and_the_gateway_after(maker: Client, gateway: Client) -> None:
    assert maker.cut(b"no picture", authorization="Bearer sk-unknown").status_code == 400
    assert gateway.cut(b"no picture", authorization="Bearer sk-unknown").status_code == 401


def test_other_routes_and_methods_are_not_there(either: Client) -> None:
    for answer in (
        either.session.get(either.api.base_url + REMOVE_BACKGROUND),
        either.session.post(either.api.base_url + "/v2beta/stable-image/edit/erase"),
    ):
        assert answer.status_code == 404
        assert ("error" in answer.json()) == (either.profile == "ezlink")


def test_a_body_in_chunks_is_read_like_any_other(either: Client) -> None:
    prepared = either.session.prepare_request(_request(either, picture(200, 200)))
    body = prepared.body
    assert isinstance(body, bytes)
    connection = http.client.HTTPConnection(urlsplit(either.api.base_url).netloc)
    headers = {
        "content-type": prepared.headers["content-type"],
        "authorization": f"Bearer {either.api.key}",
        "accept": "image/*",
    }
    for _ in range(2):  # the second on the same connection: nothing of the first is left in it
        blocks = (body[at : at + 100] for at in range(0, len(body), 100))
        connection.request("POST", REMOVE_BACKGROUND, blocks, headers, encode_chunked=True)
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
    connection.close()


def test_the_connection_is_kept_after_refusals(either: Client) -> None:
    """A body that was refused must have been read, or its rest would be taken for the next request."""
    for image in (b"no picture", bytes(LARGEST_REQUEST_BYTES), picture()):
        last = either.cut(image)
    assert last.status_code == 200
