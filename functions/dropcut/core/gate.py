"""The gate: whether this deployment may spend. Its states, and what each event does to it, as one table.

A closed gate keeps the pictures waiting. When its pause is over, one call may be made, a probe; if that goes well, the
gate begins to open. Only the gatekeeper takes the last step, since it alone can let the queue's messages in again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["open", "closed", "due", "probing", "opening"]
"""`due`: closed, and its pause is over. `probing`: closed, and somebody makes the one call."""
Event = Literal[
    "ask",
    "trouble",
    "probe went well",
    "probe failed",
    "probe proved nothing",
    "probe given back",
    "nothing waits",
    "messages let in",
]
"""`probe ...` comes from the holder of the probe alone. `given back`: it made no call."""
Action = Literal["permit", "probe", "wait", "announce pause", "announce end", "none"]

LONGEST_PAUSE_SECONDS = 1800.0
"""A probe receives one message; even one that waits alone for 14 days stays under the queue's 1,000 receives then."""
EARLY_SECONDS = 5.0
"""A pause ends so much early: the gatekeeper looks once a minute, and must not come a moment before its end."""


@dataclass(frozen=True, kw_only=True)
class Transition:
    next: State
    action: Action = "none"


def _to(state: State, action: Action = "none") -> Transition:
    return Transition(next=state, action=action)


def _stays(state: State, **changed: Transition) -> dict[Event, Transition]:
    events: tuple[Event, ...] = (
        "trouble",
        "probe went well",
        "probe failed",
        "probe proved nothing",
        "probe given back",
        "nothing waits",
        "messages let in",
    )
    return {event: changed.get(event.replace(" ", "_"), _to(state)) for event in events}


TABLE: Mapping[State, Mapping[Event, Transition]] = {
    "open": {"ask": _to("open", "permit"), **_stays("open", trouble=_to("closed", "announce pause"))},
    "closed": {"ask": _to("closed", "wait"), **_stays("closed")},
    "due": {"ask": _to("probing", "probe"), **_stays("due", nothing_waits=_to("opening"))},
    "probing": {
        "ask": _to("probing", "wait"),
        **_stays(
            "probing",
            probe_went_well=_to("opening"),
            probe_failed=_to("closed"),
            probe_proved_nothing=_to("closed"),
            probe_given_back=_to("due"),
        ),
    },
    "opening": {
        "ask": _to("opening", "permit"),
        **_stays("opening", trouble=_to("closed", "announce pause"), messages_let_in=_to("open", "announce end")),
    },
}


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The gate's record; the default is the open gate."""

    is_closed: bool = False
    is_opening: bool = False
    code: str = ""
    reason: str = ""
    until: float = 0.0
    """When one call may be made to see whether the gate can open (epoch seconds)."""
    probes_failed: int = 0
    holder: str = ""
    """Who makes the one call now."""
    probe_ends: float = 0.0
    """Until when at the latest (epoch seconds): a holder that died is forgotten then."""
    fingerprint: str = ""
    """Of the key that met the trouble; empty without one."""
    announced: bool = False
    swept_at: float = 0.0
    """When the queue behind it was last searched for messages that are too old (epoch seconds)."""

    def state(self, now: float) -> State:
        if self.is_opening:
            return "opening"
        if not self.is_closed:
            return "open"
        if self.holder and self.probe_ends >= now:
            return "probing"
        return "due" if self.until <= now else "closed"

    @property
    def why(self) -> str:
        """For people: why pictures wait."""
        return f"spending is paused ({self.code}): {self.reason}"


def pause_after_probes(failed: int, *, pause_seconds: float) -> float:
    """How long the next probe waits: twice as long after each one that failed, up to half an hour."""
    doubled = pause_seconds * 2.0 ** min(failed, 60)  # weeks of probes would be too large a number
    pause = min(doubled, max(pause_seconds, LONGEST_PAUSE_SECONDS))
    return pause - min(EARLY_SECONDS, pause / 10)
