"""The item of the state table that says whether webhooks are off (core/webhook_switch.py)."""

from dataclasses import dataclass

from dropcut.adapters.state_table import StateTable
from dropcut.core.item_kinds import WEBHOOK
from dropcut.core.webhook_switch import Switch


@dataclass(frozen=True, kw_only=True)
class WebhookRecord:
    table: StateTable

    def get(self) -> Switch:
        item = self.table.get(WEBHOOK) or {}
        return Switch(
            receiver=item.get("receiver", ""),
            off_since=item.get("off_since", 0.0),
            announced="announced" in item,
        )

    def turn_off(self, receiver: str, *, now: float) -> bool:
        """Returns whether this call turned them off: of several answers at once, one does."""
        return self.table.update(
            WEBHOOK,
            "SET receiver = :receiver, off_since = :now REMOVE announced",
            {"receiver": receiver, "now": now},
            only_if="attribute_not_exists(receiver) OR receiver <> :receiver",
        ).changed

    def announced(self, receiver: str) -> None:
        values: dict[str, str | float | frozenset[str]] = {"receiver": receiver, "yes": "yes"}
        self.table.update(WEBHOOK, "SET announced = :yes", values, only_if="receiver = :receiver")

    def turn_on(self, receiver: str) -> None:
        values: dict[str, str | float | frozenset[str]] = {"receiver": receiver}
        self.table.update(WEBHOOK, "REMOVE receiver, off_since, announced", values, only_if="receiver = :receiver")
