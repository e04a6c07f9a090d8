"""Has pictures decoded in processes of their own (imaging/child.py), and tells what became of each.

A stranger's file can crash a decoder, eat memory or time. In a process with limits it harms nobody but itself: the
process is ended, its picture refused, and the next picture gets a new process. No image library is imported here.
"""

import contextlib
import ctypes
import json
import logging
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dropcut.adapters.scratch import scratch_folder
from dropcut.core import picture_refusals
from dropcut.core.picture_limits import DecodeLimits, Fitted, PictureRefusedError
from dropcut.core.quality import Measures
from dropcut.core.rendition import MadeCutouts, Rendition, RenditionFile

CHILD = "dropcut.imaging.child"
_START_SECONDS = 60.0
"""Importing the image libraries takes half a second where they are warm, and some seconds on a cold start."""
_LAST_WORDS_BYTES = 2000

_CRASHES = {
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGILL,
    signal.SIGFPE,
    signal.SIGABRT,
    signal.SIGTRAP,
    signal.SIGSYS,
}
"""Signals that a program brings upon itself. Others come from outside: the system's lack of memory, or a person."""
_SAYS_NO_MEMORY = re.compile(r"failed to allocate|out of memory|bad_alloc|MemoryError|creating thread", re.IGNORECASE)
"""What C libraries say before they abort because they got no memory (GLib, C++), as far as they say anything."""


class ImagingFailedError(RuntimeError):
    """Not the picture's fault: the disk is full, a process could not be started or was ended from outside."""


_PR_SET_DUMPABLE = 4
"""Of linux/prctl.h."""


def hide_from_children() -> None:
    """Let no child, even one that a stranger's file took over, read this process's credentials.

    A child gets no variable of AWS, but as the same user it could read ours under /proc, or our memory. What the kernel
    may not dump belongs to root there, and cannot be traced. It does not touch the children themselves.
    """
    if ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        logging.getLogger(__name__).error("prctl failed: processes that decode photos can read the credentials")


class ImagingProcess:
    """Children that stay warm between requests, and between invocations. Safe to use from several threads.

    There are as many as there were ever requests at once; each is started when it is first needed.
    """

    def __init__(self, *, seconds: float, memory_mib: int, module: str = CHILD) -> None:
        """The limits of one request, on the clock, and of one child's own memory (its libraries' code left out)."""
        self._seconds, self._memory_mib, self._module = seconds, memory_mib, module
        self._idle: list[_Child] = []
        self._lock = threading.Lock()

    def fit(self, source: Path, target: Path, limits: DecodeLimits) -> Fitted:
        """Write to `target` what is to be sent for the photo in `source` (imaging/fit.py).

        Raises:
            PictureRefusedError: the picture is at fault; also when it crashes its decoder, or takes too much memory
                or time.
            ImagingFailedError: it is not; trying again may help.
        """
        return Fitted(**self.ask("fit", source=str(source), target=str(target), limits=asdict(limits)))

    def make_cutouts(
        self,
        original: Path | None,
        answer: Path,
        renditions: Sequence[Rendition],
        folder: Path,
        *,
        limits: DecodeLimits,
        colour: str,
    ) -> MadeCutouts:
        """Make all renditions of one photo, as files in that folder (imaging/make_cutouts.py). Raises as `fit`."""
        done = self.ask(
            "make_cutouts",
            original=str(original) if original else None,
            answer=str(answer),
            renditions=[asdict(rendition) for rendition in renditions],
            folder=str(folder),
            limits=asdict(limits),
            colour=colour,
        )
        return MadeCutouts([RenditionFile(**made) for made in done["made"]], _measures(done.get("measures")))

    def make_replacement(
        self,
        picture: Path,
        shape: tuple[int, int],
        renditions: Sequence[Rendition],
        folder: Path,
        *,
        limits: DecodeLimits,
    ) -> Sequence[RenditionFile]:
        """Make all renditions of a cut-out that a person made, as files in that folder (imaging/make_cutouts.py).

        Raises as `fit`.
        """
        done = self.ask(
            "make_replacement",
            picture=str(picture),
            shape=shape,
            renditions=[asdict(rendition) for rendition in renditions],
            folder=str(folder),
            limits=asdict(limits),
        )
        return [RenditionFile(**made) for made in done["made"]]

    def ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Have a child do one of the things that imaging/child.py lists. Raises as `fit`.

        What an earlier picture did to a warm child must not be blamed on this one: a crash, or too little memory,
        counts in a fresh child only.
        """
        request = {"do": operation, "seconds": self._seconds, "arguments": arguments}
        warm = self._warm_child()
        if warm:
            with contextlib.suppress(_ChildEndedError, _OutOfMemoryError):
                return self._answer(warm, request)
        try:
            return self._answer(_Child(self._module, self._memory_mib), request)
        except _ChildEndedError as ended:
            raise _verdict(ended, self._seconds) from ended
        except _OutOfMemoryError as error:
            raise picture_refusals.too_much_memory() from error

    def close(self) -> None:
        """End the children that have nothing to do."""
        while child := self._warm_child():
            child.end()

    def _warm_child(self) -> "_Child | None":
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _answer(self, child: "_Child", request: Mapping[str, Any]) -> dict[str, Any]:
        """What the child did. It is kept for the next request if it went well, or if the picture alone was at fault."""
        try:
            answer = child.ask(request, seconds=self._seconds)
            if "failed" in answer:
                raise ImagingFailedError(answer["failed"])
            if answer.get("refused", {}).get("code") == "too_much_memory":
                raise _OutOfMemoryError
        except BaseException:
            child.end()
            raise
        with self._lock:
            self._idle.append(child)
        if "refused" in answer:
            raise PictureRefusedError(**answer["refused"])
        done: dict[str, Any] = answer["done"]
        return done


def _measures(said: object) -> Measures | None:
    """None also for what cannot be believed: a cut-out is never lost because nothing can be said of it."""
    try:
        return Measures.from_fields(said) if said is not None else None
    except ValueError as error:
        logging.getLogger(__name__).warning("A cut-out has no verdict: %s", error)
        return None


class _OutOfMemoryError(Exception):
    """The child got no more memory, and could say so."""


class _ChildEndedError(Exception):
    """The child ended in the middle of a request.

    Attributes:
        returncode: as `subprocess` gives it: the exit status, or the signal that ended it, negative.
        last_words: the end of what it wrote to standard error.
    """

    def __init__(self, returncode: int, last_words: str) -> None:
        super().__init__(f"The imaging process ended ({_how_it_ended(returncode)}): {last_words}")
        self.returncode, self.last_words = returncode, last_words


def _verdict(ended: _ChildEndedError, seconds: float) -> Exception:
    """Whose fault it is that a fresh child ended."""
    if ended.returncode == -signal.SIGXCPU:
        return picture_refusals.too_slow(seconds)
    if ended.returncode < 0 and -ended.returncode not in _CRASHES:
        return ImagingFailedError(str(ended))
    if _SAYS_NO_MEMORY.search(ended.last_words):
        return picture_refusals.too_much_memory()
    return picture_refusals.decoder_crashed(_how_it_ended(ended.returncode))


def _how_it_ended(returncode: int) -> str:
    return signal.Signals(-returncode).name if returncode < 0 else f"exit status {returncode}"


class _Child:
    """One process, and a folder of its own for what it writes; both are gone after `end`."""

    def __init__(self, module: str, memory_mib: int) -> None:
        """Start it and wait until its libraries are loaded. Raises ImagingFailedError: that did not come about."""
        self._scratch = scratch_folder("imaging")
        self._folder = Path(self._scratch.name)
        self._answers = bytearray()
        try:
            self._errors = (self._folder / "stderr").open("ab+", buffering=0)
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-m", module, str(memory_mib)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=_surroundings(self._folder),
                cwd=self._folder,
                bufsize=0,
            )
        except OSError as error:
            self._scratch.cleanup()
            raise ImagingFailedError(f"The imaging process could not be started: {error}") from error
        try:
            self._read(seconds=_START_SECONDS)
        except (_ChildEndedError, PictureRefusedError) as error:
            self.end()
            raise ImagingFailedError(f"The imaging process did not come up: {error}") from error

    def ask(self, request: Mapping[str, Any], *, seconds: float) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Raises:
            PictureRefusedError: no answer within that time.
            _ChildEndedError: the child is gone.
        """
        self._errors.truncate(0)
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # reading tells of it
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return self._read(seconds=seconds)

    def end(self) -> None:
        """At once, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream:
                stream.close()
        self._scratch.cleanup()

    def _read(self, *, seconds: float) -> dict[str, Any]:
        """The child's next line."""
        assert self._process.stdout
        output = self._process.stdout.fileno()
        deadline = time.monotonic() + seconds
        while b"\n" not in self._answers:
            ready, _, _ = select.select([output], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise picture_refusals.too_slow(seconds)
            read = os.read(output, 65536)
            if not read:
                raise _ChildEndedError(self._process.wait(), self._last_words())
            self._answers += read
        line, _, rest = self._answers.partition(b"\n")
        self._answers = rest
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _LAST_WORDS_BYTES))
        return self._errors.read().decode(errors="replace").strip()


def _surroundings(folder: Path) -> dict[str, str]:
    """The child's environment: where its code is and how much it may take; nothing of AWS, no credentials."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "LANG", "TZ") if name in os.environ}
    return kept | {
        "PYTHONPATH": os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(folder),
        "VIPS_CONCURRENCY": "2",
        "VIPS_DISC_THRESHOLD": "64m",
        # glibc would give each thread an arena of its own, and keep what is freed: both count as the child's memory
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024),
    }
