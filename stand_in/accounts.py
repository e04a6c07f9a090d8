"""Keys, and the credits behind them."""

import hashlib
import threading
from dataclasses import dataclass
from typing import Literal

KeyState = Literal["valid", "revoked", "banned"]


def fingerprint(key: str) -> str:
    """How a key is named in logs: enough to tell keys apart, useless for calling the API."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


@dataclass
class Account:
    """`credits` is None for an account that never runs out."""

    credits: float | None
    state: KeyState = "valid"


class Accounts:
    """All keys the stand-in knows. Safe for threads."""

    def __init__(self, credits_by_key: dict[str, float | None]) -> None:
        self._accounts = {key: Account(credits) for key, credits in credits_by_key.items()}
        self._lock = threading.Lock()

    def state(self, key: str | None) -> KeyState | Literal["unknown"]:
        """What the key is worth; None stands for a request without one."""
        with self._lock:
            account = self._accounts.get(key) if key else None
            return account.state if account else "unknown"

    def change(self, key: str, *, state: KeyState | None = None) -> None:
        """Add the key when it is new (valid, without end); change its state when one is given."""
        with self._lock:
            account = self._accounts.setdefault(key, Account(None))
            account.state = state or account.state

    def set_credits(self, key: str, credits: float | None) -> None:
        """Give a key this many credits, or without end."""
        with self._lock:
            self._accounts.setdefault(key, Account(None)).credits = credits

    def take(self, key: str, credits: float) -> bool:
        """Take the credits, or False and nothing taken when there are too few."""
        with self._lock:
            account = self._accounts[key]
            if account.credits is None:
                return True
            if account.credits < credits:
                return False
            account.credits -= credits
            return True

    def give_back(self, key: str, credits: float) -> None:
        """Return what a call took that did not succeed after all."""
        with self._lock:
            account = self._accounts[key]
            if account.credits is not None:
                account.credits += credits

    def credits_left(self, key: str) -> float | None:
        """None for without end."""
        with self._lock:
            return self._accounts[key].credits

    def all_credits_left(self) -> dict[str, float | None]:
        """By the fingerprint of the key."""
        with self._lock:
            return {fingerprint(key): account.credits for key, account in self._accounts.items()}
