"""A good call: what comes back, in both profiles and both forms."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stand_in.stand_in import StandIn
from tests.stand_in.client import Client, cutout_of, picture


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("output_format", ["png", "webp"])
@pytest.mark.parametrize("accept", ["image/*", "application/json"])
def test_the_cutout_has_the_size_of_the_picture_and_an_alpha_channel(
    either: Client, kind: str, output_format: str, accept: str
) -> None:
    answer = either.cut(picture(130, 70, kind), accept=accept, fields={"output_format": output_format})
    assert answer.status_code == 200
    cutout = cutout_of(answer)
    assert (cutout.format, cutout.mode, cutout.size) == (output_format.upper(), "RGBA", (130, 70))
    assert cutout.getchannel("A").getextrema() == (0, 255)


@pytest.mark.parametrize(
    "mode, kind", [("L", "JPEG"), ("CMYK", "JPEG"), ("P", "PNG"), ("RGBA", "PNG"), ("I;16", "PNG"), ("LA", "PNG")]
)
def test_any_colour_mode_is_taken(either: Client, mode: str, kind: str) -> None:
    assert cutout_of(either.cut(picture(kind=kind, mode=mode))).mode == "RGBA"


def test_the_maker_tells_its_facts_in_headers(maker: Client) -> None:
    headers = maker.cut().headers
    assert headers["content-type"] == "image/png"
    assert headers["finish-reason"] == "SUCCESS"
    assert headers["seed"].isdecimal()
    assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])


def test_the_maker_names_the_picture_type_of_its_json(maker: Client) -> None:
    answer = maker.cut(accept="application/json", fields={"output_format": "webp"})
    assert answer.headers["content-type"] == "application/json; type=image/webp"
    assert answer.json()["finish_reason"] == "SUCCESS"
    assert isinstance(answer.json()["seed"], int)


def test_the_gateway_loses_the_makers_headers_and_adds_its_own(gateway: Client) -> None:
    headers = gateway.cut(picture(400, 400, "PNG"), accept="image/*").headers
    assert not {"finish-reason", "seed", "x-request-id"} & {name.lower() for name in headers}
    assert headers["X-Oneapi-Request-Id"].isdecimal()
    assert headers["transfer-encoding"] == "chunked"


def test_the_gateway_calls_its_json_text(gateway: Client) -> None:
    answer = gateway.cut()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.json()["finish_reason"] == "SUCCESS"


def test_two_answers_agree_in_pixels_and_not_in_bytes(either: Client) -> None:
    first, second = either.cut(), either.cut()
    assert first.content != second.content
    assert cutout_of(first).tobytes() == cutout_of(second).tobytes()


def test_every_answer_says_that_it_is_a_stand_ins(either: Client) -> None:
    base = either.api.base_url
    for answer in (either.cut(), either.cut(b"no picture"), either.session.get(base), either.session.get(base + "/x")):
        assert "is not it" in answer.headers["x-stand-in"]
    assert "stands in" in either.session.get(base).text


@pytest.mark.parametrize("accept", ["*/*", "image/png", None, "application/json; charset=utf-8", "text/html"], ids=str)
def test_the_gateway_is_paid_and_loses_the_answer_for_any_other_accept(gateway: Client, accept: str | None) -> None:
    answer = gateway.cut(accept=accept)
    assert (answer.status_code, answer.json()) == (400, {"error": "failed to get response"})
    assert gateway.api.summary()["paid_calls"] == 1


@pytest.mark.parametrize("accept", ["*/*", "image/png", None])
def test_the_maker_sends_bytes_for_any_accept_that_allows_a_picture(maker: Client, accept: str | None) -> None:
    assert cutout_of(maker.cut(accept=accept)).mode == "RGBA"


def test_the_maker_refuses_an_accept_it_does_not_know(maker: Client) -> None:
    answer = maker.cut(accept="text/html")
    assert (answer.status_code, answer.json()["name"]) == (400, "bad_request")
    assert maker.api.summary()["paid_calls"] == 0


@pytest.mark.slow
def test_slow_calls_do_not_wait_for_each_other() -> None:
    """One after the other they would take 50 s; what they take beyond a second is a busy machine's."""
    with StandIn(latency_seconds=1.0) as api, ThreadPoolExecutor(50) as pool:
        start = time.monotonic()
        answers = list(pool.map(lambda _: Client(api).cut().status_code, range(50)))
        assert answers == [200] * 50
        assert time.monotonic() - start < 10
        assert api.summary()["paid_calls_per_distinct_picture"] == 50


def test_the_balance_costs_nothing_and_is_the_makers_alone(maker: Client, gateway: Client) -> None:
    maker.api.set_credits(maker.api.key, 42.5)
    bearer = {"authorization": f"Bearer {maker.api.key}"}
    answer = maker.session.get(maker.api.base_url + "/v1/user/balance", headers=bearer)
    assert (answer.status_code, answer.json()) == (200, {"credits": 42.5})
    answer = maker.session.get(maker.api.base_url + "/v1/user/balance", headers={"authorization": "Bearer sk-wrong"})
    assert answer.status_code == 401
    assert "sk-wrong" in answer.json()["message"]  # old endpoints quote the key: clients have to redact it
    answer = gateway.session.get(gateway.api.base_url + "/v1/user/balance", headers=bearer)
    assert answer.status_code == 404
