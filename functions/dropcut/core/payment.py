"""The payment record of one picture: its states, and what each event does to it, as one table.

A claim is a lease. While it runs, nobody else calls the API for this picture. When its holder dies, the lease ends by
itself, and the next claim knows that the dead worker's call may have been charged. A picture's result is remembered for
`keep_results_days`, a refusal or failure like a payment. So its copies cost nothing.
"""

from dataclasses import dataclass

from dropcut.core.messages import Ended, PaidAnswer
from dropcut.core.transitions import Transition, table

EVENTS = ("claim", "redriven claim", "release", "pay", "refuse", "fail", "answer gone")
"""`release`, `refuse` and `fail` come from the holder of the lease alone; all others from anybody."""
# fmt: off
TABLE = table(EVENTS, {
    # state      claim                   redriven claim          release      pay     refuse     fail      answer gone
    "free":      ("claimed: buy",        "claimed: buy",         "free",      "paid", "free",    "free",   "free"),
    "claimed":   ("claimed: wait",       "claimed: wait",        "free",      "paid", "refused", "failed", "claimed"),
    "abandoned": ("claimed: buy again",  "claimed: buy again",   "free",      "paid", "refused", "failed", "abandoned"),
    "paid":      ("paid: reuse",         "paid: reuse",          "paid",      "paid", "paid",    "paid",   "free"),
    "refused":   ("refused: repeat",     "claimed: buy",         "refused",   "paid", "refused", "refused", "refused"),
    "failed":    ("failed: repeat",      "claimed: buy",         "failed",    "paid", "failed",  "failed", "failed"),
})
# fmt: on
"""`claimed`: the lease runs. `abandoned`: the lease is over, and its holder did not give the picture back; it may have
been slow, not dead. `buy again`: an earlier call may have been charged. An answer that is stored is paid for, whoever
holds the picture by then."""


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

    def state(self, now: float) -> str:
        """In which state it is. An expired item is forgotten, even while DynamoDB still shows it."""
        if self.lease_until:
            return "claimed" if self.lease_until >= now else "abandoned"
        if self.expires_at < now:
            return "free"
        if self.answer:
            return "paid"
        if self.ended:
            return "refused" if self.ended.kind == "rejected" else "failed"
        return "free"

    def transition(self, event: str, now: float) -> Transition:
        """The state that an event leads to, and the action of the worker that the event belongs to."""
        return TABLE[self.state(now)][event]
