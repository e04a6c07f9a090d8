"""The control plane over HTTP, for programs that cannot call Python."""

from typing import Any

import pytest

from stand_in.faults import faults_of
from tests.stand_in.client import Client


def order(client: Client, method: str, what: str, body: Any = None) -> tuple[int, Any]:
    answer = client.session.request(method, f"{client.api.base_url}/_stand_in/{what}", json=body)
    return answer.status_code, answer.json()


def test_faults_are_set_listed_and_cleared(gateway: Client) -> None:
    _, listed = order(gateway, "GET", "faults")
    assert [row["name"] for row in listed["known"]] == [fault.name for fault in faults_of("ezlink")]
    status, answer = order(gateway, "POST", "faults", {"fault": "edge_524", "times": None, "probability": 1})
    assert (status, answer["switched_on"][0]["fault"]) == (200, "edge_524")
    assert gateway.cut().status_code == 524
    assert order(gateway, "DELETE", "faults") == (200, {"switched_on": []})
    assert gateway.cut().status_code == 200


def test_calls_and_summary_tell_what_happened(gateway: Client) -> None:
    gateway.cut()
    gateway.cut()
    gateway.cut(b"no picture")
    calls = order(gateway, "GET", "calls")[1]["calls"]
    assert [call["status"] for call in calls] == [200, 200, 400]
    assert [call["charged"] for call in calls] == [True, True, False]
    assert all(gateway.api.key not in str(call) for call in calls)
    assert all(call["latency_seconds"] < 5 for call in calls)
    summary = order(gateway, "GET", "summary")[1]
    assert (summary["calls"], summary["paid_calls"], summary["credits_charged"]) == (3, 2, 4)
    assert (summary["distinct_pictures_paid"], summary["paid_calls_per_distinct_picture"]) == (1, 2)
    assert list(summary["pictures_paid_more_than_once"].values()) == [2]
    assert order(gateway, "DELETE", "calls") == (200, {"calls": []})
    assert order(gateway, "GET", "summary")[1]["calls"] == 0


def test_keys_and_configuration_are_changed(maker: Client) -> None:
    assert order(maker, "POST", "keys", {"key": "sk-new", "credits": 7})[0] == 200
    bearer = "Bearer sk-new"
    assert [maker.cut(authorization=bearer).status_code for _ in range(2)] == [200, 402]
    order(maker, "POST", "keys", {"key": "sk-new", "credits": None})
    assert maker.cut(authorization=bearer).status_code == 200
    order(maker, "POST", "keys", {"key": "sk-new", "state": "revoked"})
    assert maker.cut(authorization=bearer).status_code == 401
    status, now = order(maker, "PATCH", "config", {"credits_per_image": 1.5, "window_requests": 2})
    assert (status, now["credits_per_image"], now["window_requests"]) == (200, 1.5, 2)
    assert order(maker, "GET", "config") == (200, now)


@pytest.mark.parametrize(
    "method, what, body, said",
    [
        ("POST", "faults", {"fault": "nonsense"}, "it has: bad_request"),
        ("POST", "faults", {}, "`fault` is missing"),
        ("POST", "faults", {"fault": "garbage", "times": 0}, "must be 1 or more"),
        ("POST", "faults", {"fault": "garbage", "probability": 2}, "at most 1"),
        ("POST", "faults", {"fault": "garbage", "often": 2}, "no option 'often'"),
        ("POST", "faults", {"fault": "garbage", "times": "two"}, "must be a number"),
        ("POST", "faults", [1], "must be a JSON object"),
        ("POST", "keys", {"key": "k", "state": "odd"}, "valid, revoked, banned"),
        ("POST", "keys", {"key": "k", "credits": -1}, "must be a number of 0"),
        ("PATCH", "config", {"latency_seconds": "slow"}, "must be a number"),
        ("PATCH", "config", {"window_requests": 0}, "must be a number of 1"),
        ("PATCH", "config", {"segmentation": 1}, "true or false"),
        ("GET", "nonsense", None, "it has GET, POST, DELETE faults"),
    ],
)
def test_a_wrong_order_is_refused_with_what_is_allowed(
    maker: Client, method: str, what: str, body: object, said: str
) -> None:
    status, answer = order(maker, method, what, body)
    assert status == 400
    assert said in answer["error"]
