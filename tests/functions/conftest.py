"""What every test of the functions stands on: an AWS in memory, and an environment without real credentials."""

import os
from collections.abc import Iterator

import pytest

# Before anything of the functions is imported: its clients read these once.
os.environ.update(
    AWS_ACCESS_KEY_ID="none",
    AWS_SECRET_ACCESS_KEY="none",
    AWS_DEFAULT_REGION="eu-central-1",
)
os.environ.pop("AWS_PROFILE", None)
os.environ.pop("AWS_ENDPOINT_URL", None)

from hypothesis import settings
from moto import mock_aws

from tests.functions.cloud import Clients, Cloud, new_table


@pytest.fixture(scope="session")
def clients() -> Clients:
    """Making clients takes longer than using them; moto answers them in every test."""
    return Clients.in_memory()


@pytest.fixture
def cloud(clients: Clients) -> Iterator[Cloud]:
    """The buckets, queues and table of one deployment, empty."""
    with mock_aws():
        yield Cloud.deployed(clients, new_table(clients))


@pytest.fixture(autouse=True)
def no_metrics_left_over() -> Iterator[None]:
    """Each test sees only the metrics it caused."""
    from dropcut.observability import metrics

    metrics.clear_metrics()
    yield
    metrics.clear_metrics()


settings.register_profile("shared-machine", deadline=None, max_examples=60)
settings.load_profile("shared-machine")
