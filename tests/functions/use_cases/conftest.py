"""Use cases ask the state table most: theirs is the one in memory, and so are their queues."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from moto import mock_aws

from tests.functions.cloud import Clients, Cloud, table_in_memory
from tests.functions.memory import SqsInMemory


@pytest.fixture
def cloud(clients: Clients) -> Iterator[Cloud]:
    """The buckets and queues of one deployment, empty."""
    with mock_aws():
        yield Cloud.deployed(replace(clients, sqs=SqsInMemory()), table_in_memory())  # type: ignore[arg-type]
