"""What is to happen with a message after it was handled."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of a stage's queue, as a use case sees it."""

    body: str
    receive_count: int
    sent_at_seconds: float


@dataclass(frozen=True)
class Done:
    """It did what it was for: the queue may forget it."""


@dataclass(frozen=True, kw_only=True)
class Postpone:
    """It has to wait; that is no failure."""

    seconds: float
    why: str


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """No further try will help until a person has looked: to the dead-letter queue, with the reason."""

    reason: str
    details: Mapping[str, str] = field(default_factory=dict)
    """More attributes for the dead letter, such as `request_id`."""
    announce: bool = False
    """Whether the world has still to be told that this photo failed."""


MessageResult = Done | Postpone | SetAside
