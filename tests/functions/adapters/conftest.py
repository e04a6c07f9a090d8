"""The adapters that keep records are tested on two tables, moto's and the model's: so the model can be believed."""

from collections.abc import Iterator

import pytest
from dropcut.adapters.state_table import StateTable
from moto import mock_aws

from tests.functions.cloud import Clients, new_table, table_in_memory


@pytest.fixture(params=["moto", "memory"])
def table(request: pytest.FixtureRequest, clients: Clients) -> Iterator[StateTable]:
    """A state table, empty."""
    if request.param == "memory":
        yield table_in_memory()
        return
    with mock_aws():
        yield new_table(clients)
