"""The fork server of imaging/child.py and the processes that it makes, one for each photo, as the function sees them.

The answer of such a process is limited in time and length before it is read. No image library is imported here.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from dropcut.adapters.decoder_results import UntrueAnswerError
from dropcut.core import picture_refusals
from dropcut.core.picture_limits import PictureRefusedError

_START_SECONDS = 60.0
"""Importing the image libraries takes half a second where they are warm, and some seconds on a cold start."""
_FORK_SECONDS = 10.0
_GRACE_SECONDS = 1.0
"""For a process that closed its connection to end by itself: then its exit status says why it ended."""
_MOST_ANSWER_BYTES = 65536
_LAST_WORDS_BYTES = 2000
_SIGNALS = {each.value: each.name for each in signal.Signals}


class ServerLostError(RuntimeError):
    """The fork server did not start, or is gone; another one may do better."""


class ForkServer:
    """Safe to use from several threads. `end` also ends every process that it has made."""

    def __init__(self, module: str, memory_mib: int) -> None:
        """Start it, and wait until its libraries are loaded. Raises ServerLostError."""
        self._lock = threading.Lock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-P", "-m", module, str(memory_mib), str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=self._errors,
                    stderr=self._errors,
                    env=_surroundings(),
                    cwd=tempfile.gettempdir(),
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except OSError as error:
            raise ServerLostError(f"The imaging process could not be started: {error}") from error
        try:
            self._heard(_START_SECONDS)
        except ServerLostError:
            self.end()
            raise

    def call(self, order: Mapping[str, Any], *descriptors: int) -> dict[str, Any]:
        """Raises ServerLostError."""
        with self._lock:
            with suppress(OSError):  # the missing answer says so
                socket.send_fds(self._control, [json.dumps(order).encode()], list(descriptors))
            return self._heard(_FORK_SECONDS)

    def is_running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._kill()
        with self._lock:  # another thread may be waiting for an answer, and hears now that none comes
            self._control.close()
            self._errors.close()

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _heard(self, seconds: float) -> dict[str, Any]:
        try:
            self._control.settimeout(seconds)
            message = self._control.recv(4096)
        except OSError:
            message = b""
        if not message:
            with suppress(subprocess.TimeoutExpired):  # it may have something to say about its end
                self._process.wait(_GRACE_SECONDS)
            self._kill()  # and with it its processes, which nobody else would end
            said = "" if self._errors.closed else _last_words(self._errors)
            raise ServerLostError(f"The imaging process did not come up, or is gone: {said}")
        heard: dict[str, Any] = json.loads(message)  # of the server's, which sees no photo
        return heard


class DecoderEndedError(Exception):
    """The process ended in the middle of its work.

    Attributes:
        returncode: as `subprocess` gives it: the exit status, or the negative signal that ended it. None if it fell
            silent and was ended here.
        last_words: the end of what it wrote to standard error.
    """

    def __init__(self, returncode: int | None, last_words: str) -> None:
        super().__init__("silence" if returncode is None else _SIGNALS.get(-returncode, f"exit status {returncode}"))
        self.returncode, self.last_words = returncode, last_words


class DecoderProcess:
    """One process for one photo, confined and waiting for its request. `end` ends it with all that came of it."""

    def __init__(self, server: ForkServer, folder: Path) -> None:
        """Fork it, to work in that folder. Raises ServerLostError."""
        self._server = server
        self._ended: tuple[int | None, str] | None = None
        with ExitStack() as opened:
            self._errors = opened.enter_context(tempfile.TemporaryFile())
            self._connection, theirs = socket.socketpair()
            opened.enter_context(self._connection)
            with theirs:
                order = {"folder": str(folder)}
                self._pid: int = server.call(order, theirs.fileno(), self._errors.fileno())["pid"]
            try:
                self.ready = self._hear(seconds=_START_SECONDS)
            except (DecoderEndedError, UntrueAnswerError, PictureRefusedError) as error:
                raise ServerLostError(f"The imaging process did not come up: {error} {self.end()[1]}") from error
            opened.pop_all()

    def ask(self, request: Mapping[str, Any], *, seconds: float) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Raises:
            PictureRefusedError: no answer within that time.
            DecoderEndedError: none will come.
            UntrueAnswerError: what it said is no answer, or too long for one.
        """
        with suppress(OSError):  # the missing answer says so
            self._connection.sendall(json.dumps(request).encode() + b"\n")
        return self._hear(seconds=seconds)

    def end(self, *, grace: float = 0) -> tuple[int | None, str]:
        """How it ended, if it did so by itself within that time, and its last words. Raises ServerLostError."""
        if self._ended is None:
            self._ended = None, ""  # if the server is lost, it cannot be asked again either
            with self._connection, self._errors:
                reply = self._server.call({"end": self._pid, "grace": grace})
                self._ended = reply["returncode"], _last_words(self._errors)
        return self._ended

    def _hear(self, *, seconds: float) -> dict[str, Any]:
        """The next line, which is all that the process may say now."""
        line, deadline = bytearray(), time.monotonic() + seconds
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                raise picture_refusals.too_slow(seconds)
            self._connection.settimeout(left)
            try:
                said = self._connection.recv(_MOST_ANSWER_BYTES)
            except TimeoutError:
                continue
            except OSError:
                said = b""
            if not said:
                raise DecoderEndedError(*self.end(grace=_GRACE_SECONDS))
            line += said
            if len(line) > _MOST_ANSWER_BYTES or b"\n" in said[:-1]:
                raise UntrueAnswerError("it talks without end")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UntrueAnswerError("its answer is no JSON") from error
        if not isinstance(answer, dict):
            raise UntrueAnswerError("its answer is no object")
        return answer


def _last_words(errors: Any) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _LAST_WORDS_BYTES))
    return str(errors.read(_LAST_WORDS_BYTES).decode(errors="replace").strip())


def _surroundings() -> dict[str, str]:
    """The environment: where the code is and how much it may take; nothing of AWS, no credentials."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "LANG", "TZ") if name in os.environ}
    return kept | {
        "PYTHONPATH": os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry),
        "PYTHONDONTWRITEBYTECODE": "1",
        "VIPS_CONCURRENCY": "2",
        "VIPS_DISC_THRESHOLD": "64m",
        # glibc would give each thread an arena of its own, and keep what is freed: both count as the process's memory
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024),
    }
