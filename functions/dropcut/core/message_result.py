"""What is to happen with a message after it was handled."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of a stage's queue, as a use case sees it."""

    body: str
    receive_count: int
    sent_at_seconds: float
    sender: str = ""
    """Who sent it, as SQS names them: `ID` of a user, `ROLE:SESSION` of a role."""
    redriven: bool = False
    """Whether it was a dead letter before: somebody wants its photo to be tried again."""


@dataclass(frozen=True)
class Done:
    """It did what it was for: the queue may forget it."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """It has to wait; that is no failure."""

    seconds: float
    why: str


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """No further try will help until a person has looked: to the dead-letter queue, with the reason."""

    reason: str
    details: Mapping[str, str] = field(default_factory=dict)
    """More attributes for the dead letter, such as `request_id`."""
    announce: bool = False
    """Whether the failure of this photo has still to be published."""


MessageResult = Done | Wait | DeadLetter
