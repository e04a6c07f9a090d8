"""The cut queue filled to order, so that cut is seen at work with as much before it as it can take."""

from bench.deployed import EventSource, drop
from bench.photos import marked
from local.system import System

_NOTHING_MOVES_SECONDS = 120.0


class FullQueue:
    """The cut queue, filled while its event source is closed, then worked off.

    Deliver's event source is closed from the first filling on. On AWS that function runs on processors of its own. Here
    it would take those of the function that is measured. `deliver` opens it again.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._cut = EventSource(system, system.outputs["CutQueueUrl"])
        self._deliver = EventSource(system, system.outputs["DeliverQueueUrl"])
        self.function = self._cut.function
        _stop_the_clock(system)

    def fill(self, folder: str, photos: int) -> None:
        """Let `photos` different ones pile up in the queue."""
        self._cut.switch(on=False)
        self._deliver.switch(on=False)
        for number in range(photos):
            drop(self._system, f"{folder}/{number}.jpg", marked(f"full queue {folder} {number}"))
        self._cut.wait_until_full(photos)

    def open(self) -> None:
        """Let cut take messages from now on."""
        self._cut.switch(on=True)

    def deliver(self) -> None:
        """Let deliver take messages again."""
        self._deliver.switch(on=True)

    def work_off(self, folder: str, photos: int) -> None:
        """Fill it, open it, and return when cut has done with every message."""
        self.fill(folder, photos)
        self.open()
        self._cut.wait_until_empty(patience_seconds=_NOTHING_MOVES_SECONDS)


def _stop_the_clock(system: System) -> None:
    """Stop what runs each minute: the gatekeeper turns a closed event source on again, unless spending is paused."""
    events = system.client("events")
    for rule in events.list_rules()["Rules"]:
        if rule.get("ScheduleExpression"):
            events.disable_rule(Name=rule["Name"])
