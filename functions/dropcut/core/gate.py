"""The gate: whether this deployment may spend. Its states, and what each event does to it, as one table.

A closed gate keeps the pictures waiting. When its pause is over, one call may be made, a probe; if that goes well, the
gate begins to open. Only the gatekeeper takes the last step, since it alone can let the queue's messages in again.
"""

from dataclasses import dataclass

from dropcut.core.transitions import table

EVENTS = (
    "ask", "trouble", "probe went well", "probe failed", "probe proved nothing", "probe given back", "nothing waits",
    "messages let in", "closed by hand", "resumed by hand",
)  # fmt: skip
"""`probe ...` comes from that probe alone. `given back`: it made no call. `by hand`: by an operator."""
# fmt: off
TABLE = table(EVENTS, {
    # state    ask               trouble   went well  failed    nothing   given back  nothing waits  messages let in
    "open":    ("open: permit",  "closed", "open",    "open",   "open",   "open",     "open",        "open",
                "by hand", "open"),
    "closed":  ("closed: wait",  "closed", "closed",  "closed", "closed", "closed",   "closed",      "closed",
                "by hand", "due"),
    "due":     ("probing: probe", "due",   "opening", "closed", "closed", "due",      "opening",     "due",
                "by hand", "due"),
    "probing": ("probing: wait", "probing", "opening", "closed", "closed", "due",     "probing",     "probing",
                "by hand", "probing"),
    "opening": ("opening: permit", "closed", "opening", "opening", "opening", "opening", "opening",  "open",
                "by hand", "opening"),
    "by hand": ("by hand: wait", "by hand", "by hand", "by hand", "by hand", "by hand", "by hand",   "by hand",
                "by hand", "opening"),
})
# fmt: on
"""`due`: closed, and its pause is over. `probing`: closed, and somebody makes the one call. A probe whose time is over
may have been slow, not dead: it ends like any other, unless somebody has begun the next one. `by hand`: closed by an
operator, and no probe opens it."""

BY_HAND = "paused_by_hand"
"""Code of a gate that an operator closed."""
UNTIL_RESUMED = 253_370_764_800.0
"""The year 9999: until when such a gate stays closed, for readers of the record that know no `by hand`."""

LONGEST_PAUSE_SECONDS = 1800.0
"""A probe receives one message; even one that waits alone for 14 days stays under the queue's 1,000 receives then."""
EARLY_SECONDS = 5.0
"""A pause ends so much early: the gatekeeper looks once a minute, and must not come a moment before its end."""


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
    probe: str = ""
    """Names the one call that is made now; empty when none is."""
    probe_ends: float = 0.0
    """Until when at the latest (epoch seconds): a probe whose worker died is forgotten then."""
    fingerprint: str = ""
    """Of the key that met the trouble; empty without one."""
    announced: bool = False
    swept_at: float = 0.0
    """When the queue behind it was last searched for messages that are too old (epoch seconds)."""

    def state(self, now: float) -> str:
        if self.is_opening:
            return "opening"
        if not self.is_closed:
            return "open"
        if self.code == BY_HAND:
            return "by hand"
        if self.probe and self.probe_ends >= now:
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
