"""What became of each photo, learnt as any other program would: from the events that Dropcut publishes.

How to subscribe is in `cli/src/dropcut_cli/subscription.py`. Events may be lost between bus and queue as anywhere; the
tag on the source object is the second witness.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from dropcut.core.event_names import DELIVERED, FAILED, HELD, PAUSED, REJECTED, RESUMED, SKIPPED

from dropcut_cli import subscription
from dropcut_cli.subscription import Clients

_OUTCOMES = {DELIVERED: "delivered", REJECTED: "rejected", FAILED: "failed", SKIPPED: "skipped", HELD: "held"}
_NO_EVENT = "The photo's tag says so; the event that tells the reason did not arrive."


@dataclass(frozen=True)
class Outcome:
    """The end of one photo's way, or of what goes by itself: a held one waits for a decision."""

    key: str
    """Of the source object."""
    kind: str
    """`delivered`, `rejected`, `failed`, `skipped` or `held`."""
    detail: Mapping[str, Any]
    """Of the event: reason, output_bucket, output_key, credits, renditions, note ..."""

    @property
    def reason(self) -> str:
        """Why it was not delivered, in a sentence; empty when it was."""
        return str(self.detail.get("reason") or "")

    @property
    def note(self) -> str:
        """What is not as asked for in what was delivered, in a sentence; empty when all is."""
        return str(self.detail.get("note") or "")

    @property
    def renditions(self) -> list[tuple[str, str]]:
        """Name, and key in the output bucket, of all that was delivered, the first one first; empty when unknown."""
        return [(str(each["name"]), str(each["key"])) for each in self.detail.get("renditions") or []]


@dataclass(frozen=True)
class SpendingChange:
    """The pipeline stopped calling the API, or began again."""

    paused: bool
    reason: str
    code: str = ""
    """The same for programs: `key_refused`, `no_credits` ..."""
    detail: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Of the event."""


@dataclass(frozen=True)
class Subscription:
    """A queue that receives the events about one input bucket."""

    system: Clients
    queue_url: str
    bucket: str

    def receive(self, *, wait_seconds: int = 1) -> Iterator[Outcome | SpendingChange]:
        """The events that have come, after waiting at most so long for the first."""
        for event in subscription.received(self.system, self.queue_url, wait_seconds=wait_seconds):
            kind, detail = event["detail-type"], event["detail"]
            if kind in (PAUSED, RESUMED):
                yield SpendingChange(
                    kind == PAUSED, str(detail.get("reason") or ""), str(detail.get("code") or ""), detail
                )
            elif kind in _OUTCOMES and detail.get("bucket") == self.bucket:
                yield Outcome(detail["key"], _OUTCOMES[kind], detail)


@contextmanager
def subscribed(system: Clients, bucket: str, *, name: str) -> Iterator[Subscription]:
    """Subscribe a queue of this name to the events; the subscription and the queue are removed afterwards."""
    with subscription.subscribed(system, name=name) as queue_url:
        yield Subscription(system, queue_url, bucket)


def from_tags(system: Clients, bucket: str, keys: Iterable[str]) -> Iterator[Outcome]:
    """The outcomes of those keys whose source objects are tagged with one already."""
    s3 = system.client("s3")
    for key in keys:
        with suppress(ClientError):
            tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
            kind = next((tag["Value"] for tag in tags if tag["Key"] == "dropcut"), "")
            if kind in _OUTCOMES.values():
                yield Outcome(key, kind, {"reason": "" if kind == "delivered" else _NO_EVENT})
