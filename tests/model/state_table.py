"""The state table's keys and index, for tests that create one in some AWS."""

from collections.abc import Mapping
from typing import Any

from dropcut.core.item_kinds import HELD_INDEX

STATE_TABLE: Mapping[str, Any] = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "held_index", "AttributeType": "S"},
        {"AttributeName": "held_at", "AttributeType": "N"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": HELD_INDEX,
            "KeySchema": [
                {"AttributeName": "held_index", "KeyType": "HASH"},
                {"AttributeName": "held_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
"""As the stacks make it."""
