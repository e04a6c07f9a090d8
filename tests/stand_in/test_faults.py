"""Every row of the fault table, in each of its profiles."""

import time

import pytest
import requests

from stand_in.errors import Error
from stand_in.faults import FAULTS, Fault, faults_of
from stand_in.profiles import PROFILE_NAMES, ProfileName
from stand_in.stand_in import StandIn
from stand_in.switches import BadSwitchError
from tests.stand_in.client import Client, cutout_of, picture

ROWS = [(profile, fault) for profile in PROFILE_NAMES for fault in faults_of(profile)]
IDS = [f"{profile}-{fault.name}" for profile, fault in ROWS]
BROKEN_CONNECTIONS = ("reset", "closed", "cut_short", "cut_short_chunks")


@pytest.mark.parametrize("profile, fault", ROWS, ids=IDS)
def test_each_fault_sends_what_its_row_says_charges_as_it_says_and_is_over(profile: ProfileName, fault: Fault) -> None:
    with StandIn(profile, lockout_seconds=0.05) as api:
        client = Client(api)
        api.fault(fault.name, seconds=0.2)
        _check_what_comes(client, fault)
        call = api.calls()[0]
        assert (call["fault"], call["charged"]) == (fault.name, fault.charges)
        assert api.summary()["paid_calls"] == int(fault.charges)
        time.sleep(0.06)
        assert cutout_of(client.cut()).mode == "RGBA"


def _check_what_comes(client: Client, fault: Fault) -> None:
    if fault.wire in (*BROKEN_CONNECTIONS, "silence"):
        with pytest.raises(requests.RequestException):
            client.cut()
        return
    answer = client.cut()
    if fault.error is None:
        assert answer.status_code == 200
        _check_success(answer, fault)
    else:
        assert answer.status_code == fault.error.status
        assert set(fault.error.headers) <= set(answer.headers.items())
        _check_error(answer, fault.error)


def _check_error(answer: requests.Response, error: Error) -> None:
    match error.shape:
        case "maker":
            assert set(answer.json()) == {"errors", "name"} | ({"id"} if error.has_id else set())
            assert answer.json()["name"] == error.name
            assert b": " not in answer.content.split(b'"errors":')[0]  # compact
        case "maker_old":
            assert set(answer.json()) == {"id", "message", "name"}
            assert "sk-stand-in-key" in answer.json()["message"]
        case "gateway":
            assert answer.json()["error"]["type"] == "api_error"
            assert answer.headers["X-Oneapi-Request-Id"] in answer.json()["error"]["message"]
        case "gateway_broke_off":
            assert answer.json() == {"error": "failed to get response"}
        case "html":
            assert answer.headers["content-type"].startswith("text/html")
            assert error.messages[0] in answer.text
        case "empty":
            assert answer.content == b""


def _check_success(answer: requests.Response, fault: Fault) -> None:
    facts = {name.lower(): value for name, value in answer.headers.items()}
    is_json = answer.content.startswith(b"{")
    finish_reason = answer.json().get("finish_reason") if is_json else facts.get("finish-reason")
    match fault.twist:
        case "none":
            assert cutout_of(answer).mode == "RGBA"
        case "content_filtered" | "finish_reason_error":
            assert finish_reason == {"content_filtered": "CONTENT_FILTERED"}.get(fault.twist, "ERROR")
            assert cutout_of(answer).size == (96, 64)
        case "without_seed":
            assert "seed" not in (answer.json() if is_json else facts)
        case "without_request_id":
            assert not {"x-request-id", "x-oneapi-request-id"} & set(facts)
        case "wrong_size":
            assert cutout_of(answer).size == (48, 32)
        case "without_alpha":
            assert cutout_of(answer).mode == "RGB"
        case "web_page":
            assert facts["content-type"].startswith("text/html")
        case "empty":
            assert answer.content == b""
        case "json_without_image":
            assert answer.json() == {}
        case "garbage" | "damaged_picture" | "broken_base64":
            with pytest.raises((OSError, ValueError)):
                cutout_of(answer)


def test_a_slow_drip_comes_in_parts_and_is_whole_in_the_end(either: Client) -> None:
    either.api.fault("slow_drip", seconds=1)
    start = time.monotonic()
    answer = either.cut()
    assert cutout_of(answer).mode == "RGBA"
    assert 0.8 < time.monotonic() - start < 8


def test_silence_outlasts_the_clients_patience_and_its_call_is_charged(either: Client) -> None:
    either.api.fault("silence_after_payment")
    with pytest.raises(requests.Timeout):
        either.cut(timeout=0.2)
    call = either.api.calls()[0]
    assert (call["status"], call["charged"]) == (None, True)


@pytest.mark.parametrize("name", ["rate_limit_exceeded", "rate_limit_with_retry_after"])
def test_a_rate_limit_by_switch_locks_the_key_out_as_a_real_one_does(either: Client, name: str) -> None:
    either.api.configure(lockout_seconds=0.3)
    either.api.fault(name)
    assert [either.cut().status_code for _ in range(2)] == [429, 429]
    time.sleep(0.35)
    assert either.cut().status_code == 200


def test_switches_count_down_choose_pictures_and_can_be_cleared(either: Client) -> None:
    from stand_in.cutouts import sha256

    one, other = picture(64, 64), picture(65, 65)
    either.api.fault("internal_error", times=2, picture_sha256=sha256(one))
    assert [either.cut(image).status_code for image in (other, one, other, one, one)] == [200, 500, 200, 500, 200]
    either.api.fault("edge_502", times=None)
    assert [either.cut().status_code for _ in range(3)] == [502] * 3
    either.api.clear_faults()
    assert either.cut().status_code == 200


def test_a_probability_is_about_right(gateway: Client) -> None:
    gateway.api.configure(window_requests=1000)
    gateway.api.fault("internal_error", times=None, probability=0.3)
    failures = sum(gateway.cut().status_code == 500 for _ in range(100))
    assert 15 < failures < 45


def test_a_fault_of_the_other_profile_is_refused_with_those_there_are(maker: Client) -> None:
    with pytest.raises(BadSwitchError, match=r"no_channels.*it has: bad_request"):
        maker.api.fault("no_channels")


def test_the_table_agrees_with_itself() -> None:
    for fault in FAULTS.values():
        assert fault.error is None or (fault.twist, fault.wire) == ("none", "whole"), fault.name
        assert fault.charges or fault.twist == "none", fault.name
        assert not (fault.charges and fault.expected == "retry" and not fault.possibly_paid), fault.name
        assert fault.expected == "retry" or not fault.then_pause, fault.name
