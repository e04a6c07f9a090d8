"""The rate limit: by a clock of its own, and through the server."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stand_in.stand_in import StandIn
from stand_in.window import Window, WindowLimits, most_in_one_window
from tests.stand_in.client import Client


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_150_requests_in_10_seconds_pass_and_one_more_does_not(clock: Clock) -> None:
    window = Window(WindowLimits(), clock)
    for number in range(150):
        clock.now = number / 15.01
        assert window.admits("key")
    clock.now = 9.999
    assert not window.admits("key")
    assert window.admits("another key")


def test_the_window_slides(clock: Clock) -> None:
    window = Window(WindowLimits(requests=2), clock)
    admitted = []
    for clock.now in (0, 9, 10, 19, 20, 20.5):
        admitted.append(window.admits("key"))
    assert admitted == [True, True, True, True, True, False]


def test_a_lock_out_lasts_60_seconds_whatever_is_tried_meanwhile(clock: Clock) -> None:
    window = Window(WindowLimits(requests=1), clock)
    admitted = []
    for clock.now in (0, 1, 2, 30, 60.9, 61, 62):
        admitted.append(window.admits("key"))
    assert admitted == [True, False, False, False, False, True, False]


@given(st.lists(st.floats(0, 100), max_size=60), st.floats(0.1, 50))
def test_the_busiest_window_is_found(arrivals: list[float], length: float) -> None:
    by_hand = max((sum(start - length < other <= start for other in arrivals) for start in arrivals), default=0)
    assert most_in_one_window(arrivals, length) == by_hand


@pytest.mark.parametrize("profile", ["ezlink", "stability"])
def test_the_server_locks_a_key_out_and_lets_it_in_again(profile: str) -> None:
    keys = {"sk-one": None, "sk-two": None}
    with StandIn(profile, keys=keys, window_requests=5, window_seconds=10, lockout_seconds=0.5) as api:
        client = Client(api)
        statuses = [client.cut().status_code for _ in range(7)]
        assert statuses == [200] * 5 + [429] * 2
        assert client.cut().json()["name"] == "rate_limit_exceeded"
        assert "retry-after" not in client.cut().headers
        assert client.cut(authorization="Bearer sk-two").status_code == 200
        time.sleep(0.6)
        assert client.cut().status_code == 200
        assert api.summary()["too_many_requests"] == 4


def test_the_maker_counts_bad_forms_too() -> None:
    with StandIn("stability", window_requests=2) as api:
        assert [Client(api).cut(b"no picture").status_code for _ in range(3)] == [400, 400, 429]


def test_no_request_slips_through_under_concurrency() -> None:
    with StandIn(window_requests=30) as api, ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: Client(api).cut().status_code, range(60)))
        assert (statuses.count(200), statuses.count(429)) == (30, 30)
        assert list(api.summary()["most_requests_in_one_window"].values()) == [60]


def test_credits_are_not_spent_twice_under_concurrency() -> None:
    with StandIn("stability", keys={"sk-few": 50}, credits_per_image=5) as api, ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: Client(api).cut().status_code, range(30)))
        assert (statuses.count(200), statuses.count(402)) == (10, 20)
        assert list(api.summary()["credits_left"].values()) == [0]
