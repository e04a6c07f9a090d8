"""The most memory of the processes that decode. They end with their photo, so it is read while they work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.memory_probe import most_kib

_EVERY_SECONDS = 0.01
"""It reads each process's highest so far (VmHWM), and misses only memory of its last moment."""


class Watch:
    """Sees all children of this process's children while its context lasts: those of fork servers."""

    def __init__(self) -> None:
        self._most_kib, self._over = 0, threading.Event()

    def most_mib(self) -> float:
        """Since it was asked last."""
        most, self._most_kib = self._most_kib, 0
        return most / 1024

    @contextmanager
    def watching(self) -> Iterator["Watch"]:
        watcher = threading.Thread(target=self._look)
        watcher.start()
        try:
            yield self
        finally:
            self._over.set()
            watcher.join()

    def _look(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            decoders = [decoder for server in _children("self") for decoder in _children(server)]
            self._most_kib = max(self._most_kib, 0, *map(_most_kib, decoders))


def _children(pid: str) -> Iterator[str]:
    with suppress(OSError):  # it has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            yield from (task / "children").read_text(encoding="ascii").split()


def _most_kib(pid: str) -> int:
    with suppress(OSError, IndexError):
        return most_kib(pid)
    return 0
