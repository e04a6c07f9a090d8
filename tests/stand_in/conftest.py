"""A stand-in for each test, in each profile."""

from collections.abc import Iterator

import pytest

from stand_in.profiles import PROFILE_NAMES
from stand_in.stand_in import StandIn
from tests.stand_in.client import Client


@pytest.fixture(params=PROFILE_NAMES)
def either(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client of a fresh stand-in; the test runs once in each profile."""
    with StandIn(request.param) as api, Client(api).session as session:
        yield Client(api, session)


@pytest.fixture
def gateway() -> Iterator[Client]:
    with StandIn("ezlink") as api:
        yield Client(api)


@pytest.fixture
def maker() -> Iterator[Client]:
    with StandIn("stability") as api:
        yield Client(api)
