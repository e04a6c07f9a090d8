"""What an item of the state table is about: its id begins with one of these, or is one of them.

The functions' roles are cut along them.
"""

JOB, PAYMENT, PACE, BUDGET, HEALTH, GATE = "object#", "payment#", "pace#", "budget#", "health#", "gate"
WEBHOOK = "webhook"
"""One item: whether webhooks are off."""

HELD_INDEX = "held-by-time"
"""A sparse index: only items that are held have its keys, `held_index` and `held_at`."""

BACKFILL, BACKFILLS = "backfill#", "backfills"
"""One item for each back-fill, and one that has all their names."""
