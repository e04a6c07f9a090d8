"""Buckets in moto's memory; the state table in dicts, since use cases ask it most."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.functions.cloud import Clients, Cloud, table_in_memory


@pytest.fixture
def cloud(clients: Clients) -> Iterator[Cloud]:
    """The buckets and the state table of one deployment, empty."""
    with mock_aws():
        yield Cloud.deployed(clients, table_in_memory())
