"""The fixture that other projects use in their tests."""

import pytest
import requests

from stand_in import StandIn
from stand_in.service import REMOVE_BACKGROUND
from tests.stand_in.client import Client


def test_each_test_gets_a_server_of_its_own(dropcut_stand_in: StandIn) -> None:
    """It is the gateway's, and knows of no call before."""
    assert dropcut_stand_in.calls() == []
    assert Client(dropcut_stand_in).cut().status_code == 200
    assert dropcut_stand_in.summary()["paid_calls"] == 1


def test_it_fails_on_purpose(dropcut_stand_in: StandIn) -> None:
    dropcut_stand_in.fault("internal_error")
    assert [Client(dropcut_stand_in).cut().status_code for _ in range(2)] == [500, 200]


@pytest.mark.parametrize("dropcut_stand_in", ["stability"], indirect=True)
def test_it_can_be_the_makers_instead(dropcut_stand_in: StandIn) -> None:
    answer = requests.post(dropcut_stand_in.base_url + REMOVE_BACKGROUND, timeout=10)
    assert dropcut_stand_in.service.profile.name == "stability"
    assert answer.status_code == 400
