"""The statuses of a job, as the item of its key in the state table has them."""

from typing import Literal

JobStatus = Literal["preparing", "waiting", "held", "delivered", "rejected", "skipped", "failed"]
UNDER_WAY: frozenset[JobStatus] = frozenset({"preparing", "waiting"})
ENDED: frozenset[JobStatus] = frozenset({"delivered", "rejected", "skipped", "held"})
"""Nothing is left to be done for it. `failed` is not among them: such a photo may be sent again."""
DONE: frozenset[JobStatus] = frozenset({"delivered", "rejected", "held"})
"""How a photo ended that a back-fill leaves alone. One that failed or was skipped is tried again."""
