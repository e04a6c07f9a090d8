"""Threads that take turns: each stops before every side effect, until the test lets it go on, fail or die.

The test chooses which one goes on next, so that a history can be repeated.
"""

import threading
from collections.abc import Callable
from typing import Any, Literal

from botocore.exceptions import ClientError

Verdict = Literal["go on", "fail before", "fail after", "die"]


class KilledError(BaseException):
    """The process is gone: nothing that it still wants to do happens."""


class Strand:
    """One line of work of a function."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self.name = name
        self.at = "the beginning"
        """What it is about to do."""
        self.wakes_at = 0.0
        self.ended = False
        self.dead = False
        self.error: Exception | None = None
        self.notes: dict[str, Any] = {}
        """What the onlookers want to remember of it."""
        self._verdict: Verdict = "go on"
        self._work = work
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def step(self, verdict: Verdict = "go on") -> None:
        """Let it do one thing, and everything up to the next."""
        assert not self.ended
        self._verdict = verdict
        self._go.release()
        self._stopped.acquire()
        if self.ended:
            self._thread.join()

    def _run(self) -> None:
        self._go.acquire()
        _current.strand = self
        try:
            if self._verdict != "die":
                self._work()
            else:
                self.dead = True
        except KilledError:
            pass
        except Exception as error:
            self.error = error
        self.ended = True
        self._stopped.release()

    def stop_before(self, what: str) -> Verdict:
        """Called inside: wait for the test's verdict on what is about to be done."""
        if self.dead:
            raise KilledError
        self.at = what
        self._stopped.release()
        self._go.acquire()
        if self._verdict == "die":
            self.dead = True
            raise KilledError
        return self._verdict


_current = threading.local()


def current() -> Strand | None:
    """The strand that runs here; None in the test itself."""
    return getattr(_current, "strand", None)


class Guarded:
    """A client whose every call is a place to stop, to fail or to die."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._client, method)

        def guarded(**request: Any) -> Any:
            strand = current()
            verdict = strand.stop_before(f"{self._name}.{method}") if strand else "go on"
            if verdict == "fail before":
                raise _failure(method)
            answer = call(**request)
            if verdict == "fail after":
                raise _failure(method)
            return answer

        return guarded


def _failure(method: str) -> ClientError:
    return ClientError({"Error": {"Code": "InternalError", "Message": "We encountered an internal error."}}, method)
