"""The adapters that keep records are tested on both tables: moto's and the one in memory, which use cases stand on."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.functions.cloud import Clients, new_table
from tests.functions.memory import TableInMemory


@pytest.fixture(params=["moto", "memory"])
def table(request: pytest.FixtureRequest, clients: Clients) -> Iterator[object]:
    """A state table, empty."""
    if request.param == "memory":
        yield TableInMemory()
        return
    with mock_aws():
        yield new_table(clients)
