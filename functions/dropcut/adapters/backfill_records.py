"""The items of back-fills in the state table. What each event does to one is decided in `core/backfill.py`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from dropcut.adapters.state_table import Item, StateTable, Value
from dropcut.core.backfill import TABLE, Backfill
from dropcut.core.item_kinds import BACKFILL, BACKFILLS
from dropcut.core.units import DAY_SECONDS

KEEP_DAYS = 90
"""For how long one that has finished is shown."""


@dataclass(frozen=True, kw_only=True)
class BackfillRecords:
    table: StateTable

    def all(self) -> Sequence[Backfill]:
        """Those there are, the oldest first."""
        names = (self.table.get(BACKFILLS) or {}).get("known", frozenset())
        found = self.table.get_many(BACKFILL + name for name in names).values()
        return sorted(map(read_backfill, found), key=lambda each: (each.started_at, each.name))

    def start(self, backfill: Backfill) -> None:
        """Its item comes first: a name without an item is none."""
        values: dict[str, Value] = {name: getattr(backfill, field) for field, name in _GIVEN.items()}
        change = "".join(f", {name} = :{name}" for name in values)
        self.table.update(
            BACKFILL + backfill.name, f"SET #status = :status{change}", {**values, "status": backfill.status}
        )
        self.table.update(BACKFILLS, "ADD known :known", {"known": frozenset([backfill.name])})

    def announced(self, backfill: Backfill) -> None:
        self.table.update(BACKFILL + backfill.name, "SET announced = :yes", {"yes": "yes"}, only_if=_EXISTS)

    def page_sent(self, before: Backfill, after: Backfill) -> str:
        """Move the cursor on, unless somebody else did.

        Returns the status since then: of a back-fill that was stopped meanwhile the page counts, and no other follows.
        """
        unmoved = "place = :before" if before.cursor else "(attribute_not_exists(place) OR place = :before)"
        values: dict[str, Value] = {
            "before": before.cursor,
            "after": after.cursor,
            "seen": after.seen,
            "sent": after.sent,
            "fed_at": after.fed_at,
            "fed_until": after.fed_until,
        }
        update = self.table.update(
            BACKFILL + before.name,
            "SET place = :after, seen = :seen, sent = :sent, fed_at = :fed_at, fed_until = :fed_until",
            values,
            only_if=f"{_EXISTS} AND {unmoved}",
        )
        return str(update.before["status"]) if update.changed and update.before else ""

    def finish(self, backfill: Backfill, *, now: float) -> None:
        values: dict[str, Value] = {"now": now, "expires_at": int(now) + KEEP_DAYS * DAY_SECONDS}
        self._become(backfill.name, "end reached", ", ended_at = :now, expires_at = :expires_at", values)

    def break_off(self, backfill: Backfill, reason: str) -> None:
        self._become(backfill.name, "list not readable", ", reason = :reason", {"reason": reason})

    def stop(self, name: str) -> str:
        """Returns the status since then; empty when there is no such back-fill."""
        return self._become(name, "stop")

    def resume(self, name: str) -> str:
        """As `stop`."""
        return self._become(name, "resume", " REMOVE reason")

    def _become(self, name: str, event: str, more: str = "", values: dict[str, Value] | None = None) -> str:
        """Carry out an event of the table: one write, which finds the back-fill in a state that the event changes."""
        (after,) = {row[event].next for state, row in TABLE.items() if row[event].next != state}
        froms = [state for state, row in TABLE.items() if row[event].next == after != state]
        states = {f"from{number}": state for number, state in enumerate(froms)}
        update = self.table.update(
            BACKFILL + name,
            f"SET #status = :after{more}",
            {**(values or {}), **states, "after": after},
            only_if=f"#status IN ({', '.join(f':{each}' for each in states)})",
        )
        if update.changed:
            return after
        return str(update.before["status"]) if update.before else ""


_EXISTS = "attribute_exists(id)"
_GIVEN = {
    "bucket": "of_bucket",
    "prefix": "key_prefix",
    "parts": "list_parts",
    "total": "object_count",
    "started_at": "started_at",
}
"""Fields that are given at the start, and their attributes: some of the fields' names are DynamoDB's own words."""


def read_backfill(item: Item) -> Backfill:
    """The back-fill that an item describes."""
    named = {**_GIVEN, "cursor": "place"}
    whole = {"parts", "total", "seen", "sent"}
    values: dict[str, Any] = {
        field.name: int(item[name]) if field.name in whole else item[name]
        for field in fields(Backfill)
        if (name := named.get(field.name, field.name)) in item
    }
    return Backfill(**values | {"name": item["id"].removeprefix(BACKFILL), "announced": "announced" in item})
