"""The payment record of one picture: its states, and what each event does to it, as one table.

A claim is a lease. While it runs, nobody else calls the API for this picture. When its holder dies, the lease ends by
itself, and the next claim knows that the dead worker's call may have been charged. What a picture came to is remembered
for `keep_results_days`, a refusal or failure like a payment, so that its copies cost nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dropcut.core.messages import Ended, PaidAnswer

State = Literal["free", "claimed", "abandoned", "paid", "refused", "failed"]
"""`claimed`: the lease runs. `abandoned`: the lease is over, and its holder did not give the picture back."""
Event = Literal["claim", "redriven claim", "release", "pay", "refuse", "fail", "answer gone"]
"""`release`, `refuse` and `fail` come from the holder of the lease alone; all others from anybody."""
Action = Literal["buy", "buy again", "wait", "reuse", "repeat", "none"]
"""What the worker does to whom the event belongs. `buy again`: an earlier call may have been charged."""


@dataclass(frozen=True, kw_only=True)
class Transition:
    next: State
    action: Action = "none"


def _to(state: State, action: Action = "none") -> Transition:
    return Transition(next=state, action=action)


_END_OF_LEASE: Mapping[Event, Transition] = {
    "release": _to("free"),
    "pay": _to("paid"),
    "refuse": _to("refused"),
    "fail": _to("failed"),
}
TABLE: Mapping[State, Mapping[Event, Transition]] = {
    "free": {
        "claim": _to("claimed", "buy"),
        "redriven claim": _to("claimed", "buy"),
        "release": _to("free"),
        "pay": _to("paid"),  # an answer that is stored is paid for, whoever holds the picture by now
        "refuse": _to("free"),
        "fail": _to("free"),
        "answer gone": _to("free"),
    },
    "claimed": {
        "claim": _to("claimed", "wait"),
        "redriven claim": _to("claimed", "wait"),
        **_END_OF_LEASE,
        "answer gone": _to("claimed"),
    },
    "abandoned": {
        "claim": _to("claimed", "buy again"),
        "redriven claim": _to("claimed", "buy again"),
        **_END_OF_LEASE,  # the holder was slow, not dead
        "answer gone": _to("abandoned"),
    },
    "paid": {
        "claim": _to("paid", "reuse"),
        "redriven claim": _to("paid", "reuse"),
        "release": _to("paid"),
        "pay": _to("paid"),
        "refuse": _to("paid"),
        "fail": _to("paid"),
        "answer gone": _to("free"),
    },
    "refused": {
        "claim": _to("refused", "repeat"),
        "redriven claim": _to("claimed", "buy"),
        "release": _to("refused"),
        "pay": _to("paid"),
        "refuse": _to("refused"),
        "fail": _to("refused"),
        "answer gone": _to("refused"),
    },
    "failed": {
        "claim": _to("failed", "repeat"),
        "redriven claim": _to("claimed", "buy"),
        "release": _to("failed"),
        "pay": _to("paid"),
        "refuse": _to("failed"),
        "fail": _to("failed"),
        "answer gone": _to("failed"),
    },
}


@dataclass(frozen=True, kw_only=True)
class Payment:
    """One picture's record; the default is that of a picture nobody has met."""

    attempts: int = 0
    """Calls that counted, a running one included."""
    possibly_paid: int = 0
    """Calls that may have been charged and gave no picture."""
    trouble_since: float = 0.0
    """When it first met trouble that looked like the account's (epoch seconds); 0 when it has not."""
    probes: int = 0
    """Calls that were made for it while the gate was closed."""
    holder: str = ""
    lease_until: float = 0.0
    """Epoch seconds; 0 without a lease."""
    answer: PaidAnswer | None = None
    job_id: str = ""
    """Whose photo it was that was paid for, refused, or failed."""
    ended: Ended | None = None
    """How it was refused, or failed."""
    ended_at: float = 0.0
    expires_at: float = 0.0
    """When answer and end are forgotten (epoch seconds)."""
    exists: bool = False
    """Whether anybody has met the picture before."""

    def state(self, now: float) -> State:
        """In which state it is. What is over its time is forgotten, even while DynamoDB still shows it."""
        if self.lease_until:
            return "claimed" if self.lease_until >= now else "abandoned"
        if self.expires_at < now:
            return "free"
        if self.answer:
            return "paid"
        if self.ended:
            return "refused" if self.ended.kind == "rejected" else "failed"
        return "free"

    def transition(self, event: Event, now: float) -> Transition:
        """What an event does to this picture, and what whoever it belongs to has to do."""
        return TABLE[self.state(now)][event]
