"""The adapters that keep records are tested on two tables, moto's and the model's: so the model can be believed."""

from collections.abc import Iterator
from typing import Any

import pytest
from dropcut.adapters.state_table import StateTable
from moto import mock_aws

from tests.functions.cloud import TABLE, Clients, OneWriteAtATime, new_table
from tests.model.dynamodb import DynamoDb


@pytest.fixture(params=[pytest.param("moto", marks=pytest.mark.slow), "memory"])
def dynamodb(request: pytest.FixtureRequest, clients: Clients) -> Iterator[Any]:
    """A client of a DynamoDB that has a state table, empty. `make quick` asks the one that answers at once."""
    if request.param == "memory":
        yield OneWriteAtATime(DynamoDb())
        return
    with mock_aws():
        new_table(clients)
        yield OneWriteAtATime(clients.dynamodb)


@pytest.fixture
def table(dynamodb: Any) -> StateTable:
    return StateTable(dynamodb, TABLE)
