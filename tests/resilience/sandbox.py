"""The harness's side of the functions' sandboxes: start one, hand it a batch, learn how that ended."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from tests.resilience.refusals import Refusal

_PROCESS = Path(__file__).parent / "sandbox_process.py"
_QUIET_SECONDS = 0.25
"""After one thread of a batch hangs: when the others have been silent for so long, they are done or wait as well."""
_PATIENCE_SECONDS = 60.0

Moment = Literal["before", "after"]
MOMENTS: tuple[Moment, ...] = get_args(Moment)
Way = Literal["killed", "raises", "hangs", "denied", "throttled"]
"""The process dies, an exception comes up, or nothing happens any more until the function's time-out ends it. Or AWS
refuses the operation from here on, for a minute of the virtual clock."""
WAYS: tuple[Way, ...] = get_args(Way)
REFUSING: tuple[Way, ...] = ("denied", "throttled")


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Where and how an invocation is to be stopped."""

    number: int
    """Of the side effect, from 1."""
    moment: Moment
    way: Way


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One side effect that was seen."""

    number: int
    thread: int
    name: str
    where: str | None
    """What it is done to, such as a kind of items (`refusals.where`); None: it is no call of AWS."""
    moment: str
    """How far it came: `before`, `after`, or `refused` by AWS."""


@dataclass
class Invocation:
    """How a batch ended."""

    answer: dict[str, Any] | None = None
    """What the handler answered; None when it raised, died or was ended by its time-out."""
    said: str = ""
    died: bool = False
    stopped: bool = False
    """Whether the stop that was asked for was reached, or, of a refusal, the first call of AWS from there on."""
    refusal: Refusal | None = None
    """What AWS refuses since then."""
    strays: list[str] = field(default_factory=list)
    effects: dict[int, Effect] = field(default_factory=dict)

    def calls_in_flight(self, *, call: str, kept_by: str) -> int:
        """How many threads had begun `call` and not finished the next `kept_by` when all was over."""
        threads: dict[int, bool] = {}
        for effect in sorted(self.effects.values(), key=lambda effect: effect.number):
            if effect.name.startswith(call):
                threads[effect.thread] = True
            elif effect.name == kept_by and effect.moment == "after":
                threads[effect.thread] = False
        return sum(threads.values())


class Sandbox:
    """One process that handles invocations, like Lambda's, until it dies or is ended."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._unread = b""
        self._pid = int(self._line(_PATIENCE_SECONDS)[1])
        self.alive = True

    def invoke(self, event: Mapping[str, Any], stop: Stop | None = None, refusal: Refusal | None = None) -> Invocation:
        order = {"event": event, "stop": stop and asdict(stop), "refusal": refusal and asdict(refusal)}
        self._connection.sendall(json.dumps(order).encode() + b"\n")
        ending = Invocation()
        while self.alive:
            patience = _QUIET_SECONDS if ending.stopped and stop and stop.way == "hangs" else _PATIENCE_SECONDS
            match self._line(patience):
                case ["answered", answer]:
                    ending.answer = answer
                    return ending
                case ["failed", said]:
                    ending.said = said
                    return ending
                case ["stopped", _]:
                    ending.stopped = True
                case ["refuses", refused]:
                    ending.refusal = Refusal(**refused)
                case ["stray", address]:
                    ending.strays.append(address)
                case [number, thread, name, where, moment]:
                    effect = Effect(number=number, thread=thread, name=name, where=where, moment=moment)
                    ending.effects[number] = effect
                case _:
                    self._is_gone_or_end()
        ending.died = True
        return ending

    def end(self) -> None:
        """As Lambda does after a time-out: the process is killed."""
        if self.alive:
            os.kill(self._pid, signal.SIGKILL)
            self._close()

    def _is_gone_or_end(self) -> None:
        ready, _, _ = select.select([self._connection], [], [], 0)
        if ready:  # its end of the connection is closed: it is dead, and its number may be another's by now
            self._close()
        else:
            self.end()

    def _close(self) -> None:
        self.alive = False
        self._connection.close()

    def _line(self, seconds: float) -> list[Any]:
        """The next line; empty when the process is gone or says nothing for so long."""
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._connection], [], [], seconds)
            block = self._connection.recv(1 << 16) if ready else b""
            if not block:
                return []
            self._unread += block
        line, _, self._unread = self._unread.partition(b"\n")
        parsed: list[Any] = json.loads(line)
        return parsed


class Function:
    """A deployed function: makes sandboxes, and keeps one warm."""

    def __init__(self, stage: str, *, clock_file: Path, environment: Mapping[str, str], log: Path) -> None:
        ours, theirs = socket.socketpair()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_PROCESS), stage, str(clock_file), str(theirs.fileno())],
                env=dict(environment),
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
            )
        theirs.close()
        self.stage = stage
        self._control = ours
        self._log = log
        self._warm: Sandbox | None = None

    def wait_until_ready(self) -> None:
        """Raises RuntimeError: its import failed."""
        if self._control.recv(1) != b"!":
            said = "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])
            raise RuntimeError(f"The {self.stage} function could not be imported:\n{said}")

    def cold_sandbox(self) -> Sandbox:
        """A new one, which has never handled anything."""
        ours, theirs = socket.socketpair()
        socket.send_fds(self._control, [b"f"], [theirs.fileno()])
        theirs.close()
        return Sandbox(ours)

    def warm_sandbox(self) -> Sandbox:
        if self._warm is None or not self._warm.alive:
            self._warm = self.cold_sandbox()
        return self._warm

    def stop(self) -> None:
        if self._warm:
            self._warm.end()
        self._control.close()
        self._process.kill()
        self._process.wait()
