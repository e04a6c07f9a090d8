"""A deployment for the kills, and another for the storm in it; each is brought up once."""

from collections.abc import Iterator

import pytest

from tests.resilience.deployment import Deployment, deployed


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("deployment")) as one:
        yield one
