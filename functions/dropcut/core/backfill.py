"""A back-fill: photos that lie in an input already are fed into the pipeline. Its states as a table, and its speed.

Each message is sent with a delay of its own, so that the photos become visible one by one, at the pace of the API. The
queues stay short by that, and a live photo hardly waits.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from dropcut.core.job_status import DONE, JobStatus
from dropcut.core.messages import FED
from dropcut.core.transitions import Transition, table

EVENTS = ("page sent", "end reached", "list not readable", "stop", "resume")
"""The first three come from the feeder, the other two from an operator."""
# fmt: off
TABLE = table(EVENTS, {
    # state      page sent    end reached            not readable        stop        resume
    "running":  ("running",  "finished: announce",   "broken: complain", "stopped",  "running: wake"),
    "stopped":  ("stopped",  "stopped",              "stopped",          "stopped",  "running: wake"),
    "broken":   ("broken",   "broken",               "broken",           "stopped",  "running: wake"),
    "finished": ("finished", "finished",             "finished",         "finished", "finished"),
})
# fmt: on
"""`stopped`: by an operator; a page that was on its way counts. `broken`: its list, or the bucket, cannot be read."""

FED_AHEAD_SECONDS = 100.0
"""So far ahead photos are sent. The feeder comes once a minute: forty seconds are kept for one that comes late."""
MOST_SECONDS = 70.0
"""The most work that is sent at a time: what live photos took of one visit's time is not made up for by the next."""
IN_WORK_SECONDS = 20.0
"""So many seconds' work are always in somebody's hands: slots are booked up to 10 s ahead, and a call takes some."""
PART_OF_THE_DAY = 0.9
"""A back-fill may spend this part of `daily_credit_limit`, less what live photos have spent. The rest of each day is
for live photos, and the back-fill takes a ninth more days for that."""


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """The record of one back-fill."""

    name: str
    bucket: str
    prefix: str = ""
    """Photos whose keys begin with it; of a list, only for people."""
    parts: int = 0
    """Of a list of keys: how many files it has; 0 when the bucket is listed."""
    total: int = 0
    """How many objects there were when it was started."""
    status: str = "running"
    reason: str = ""
    """Why it is broken."""
    cursor: str = ""
    """What was sent last: a key, or a number in the list."""
    seen: int = 0
    sent: int = 0
    fed_at: float = 0.0
    """When it had its last turn (epoch seconds)."""
    fed_until: float = 0.0
    """When the last of its photos that were sent becomes visible (epoch seconds)."""
    started_at: float = 0.0
    ended_at: float = 0.0
    announced: bool = False

    @property
    def request(self) -> str:
        """The id of its requests: the same for each photo, so that a page that is sent again is the same requests."""
        return FED + self.name

    @property
    def left_out(self) -> int:
        """Objects that are no photos of an input."""
        return self.seen - self.sent

    def transition(self, event: str) -> Transition:
        return TABLE[self.status][event]


class ListNotReadableError(LookupError):
    """The bucket, or the list of keys, is gone or may not be read: a sentence with what to do."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One object."""

    key: str
    size_bytes: int | None = None
    """None where the list does not say."""
    etag: str | None = None
    """Of its bytes, as S3 writes it; None where the list does not say."""
    cursor: str = field(default="", compare=False)
    """Where a page begins that comes after it."""


@dataclass(frozen=True, kw_only=True)
class Page:
    entries: Sequence[Entry]
    cursor: str
    """Where the next page begins."""
    is_last: bool

    def before(self, entry: Entry) -> "Page":
        """What comes before one of its entries, which is not the first: the next page begins with it."""
        end = next(number for number, each in enumerate(self.entries) if each is entry)
        return Page(entries=self.entries[:end], cursor=self.entries[end - 1].cursor, is_last=False)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Messages of the intake and the cut queue, as SQS counts them."""

    visible: int
    in_work: int
    """Received, or held back by whoever received them."""
    delayed: int = 0
    """Sent to be seen later."""

    @property
    def all(self) -> int:
        return self.visible + self.in_work + self.delayed

    def __add__(self, other: "Waiting") -> "Waiting":
        return Waiting(
            visible=self.visible + other.visible,
            in_work=self.in_work + other.in_work,
            delayed=self.delayed + other.delayed,
        )


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many photos may be sent now, and when they become visible."""

    count: int
    begins: float
    """Epoch seconds."""
    seconds_apart: float

    def delays(self, count: int, *, now: float) -> list[int]:
        """For each of the first photos, in whole seconds, as SQS wants it."""
        return [max(0, int(self.begins + number * self.seconds_apart - now)) for number in range(count)]

    def at_most(self, count: int) -> "Share":
        return replace(self, count=min(self.count, count))

    def after(self, count: int) -> "Share":
        """What is left when so many were sent."""
        return replace(self, count=self.count - count, begins=self.begins + count * self.seconds_apart)


def next_share(*, now: float, fed_until: float, waiting: Waiting, interval_seconds: float) -> Share:
    """Fill the time up to FED_AHEAD_SECONDS with photos, less what waits already.

    What waits beyond the usual comes from live photos, a pause, or an API slower than its limit. It goes first.

    Args:
        fed_until: when the last photo that was sent becomes visible (epoch seconds).
        interval_seconds: between two calls of the API at the pace.
    """
    begins, ends = max(now, fed_until), now + FED_AHEAD_SECONDS
    backlog = waiting.visible + max(0.0, waiting.in_work - IN_WORK_SECONDS / interval_seconds)
    count = int(min(ends - begins, MOST_SECONDS) / interval_seconds - backlog)
    if count <= 0:
        return Share(count=0, begins=begins, seconds_apart=interval_seconds)
    return Share(count=count, begins=begins, seconds_apart=(ends - begins) / count)


def credits_for_backfills(*, daily_credit_limit: float, credits_per_image: float) -> float:
    """How much may be spent today when a back-fill's photo is sent: one photo a day at least."""
    return max(PART_OF_THE_DAY * daily_credit_limit, credits_per_image)


def paid_for_today(*, spent: float, waiting: Waiting, daily_credit_limit: float, credits_per_image: float) -> int:
    """How many photos today's credits still buy for back-fills. Each message that waits may cost as much as they do.

    Args:
        spent: credits of the UTC day so far, whatever for.
        daily_credit_limit: above 0.
    """
    most = credits_for_backfills(daily_credit_limit=daily_credit_limit, credits_per_image=credits_per_image)
    return max(0, int((most - spent) / credits_per_image) - waiting.all)


def is_done(status: JobStatus, *, made: Collection[str] | None, wanted: Collection[str]) -> bool:
    """Whether a photo needs nothing.

    Args:
        made: names of the renditions that were delivered; None where the record is from before they were noted.
        wanted: names of those that would be made of it now.
    """
    return status in DONE and not (status == "delivered" and made is not None and set(wanted) - set(made))
