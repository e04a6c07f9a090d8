"""A clock that several processes share and that stands still until it is moved on.

So a visibility timeout passes without waiting for it, and a run takes the same way each time, however slow the machine.
The time stands in a file that every process maps into its memory.
"""

import mmap
import struct
import time
from pathlib import Path

_TIME = struct.Struct("d")


class VirtualClock:
    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(_TIME.pack(time.time()))
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), _TIME.size)

    def __call__(self) -> float:
        """Epoch seconds."""
        return float(_TIME.unpack_from(self._memory)[0])

    def move_on(self, seconds: float) -> None:
        """So much time passes for all who share the clock."""
        _TIME.pack_into(self._memory, 0, self() + max(0.0, seconds))

    def install(self) -> None:
        """Make it this process's `time.time`; to be called before others take hold of that function."""
        time.time = self

    def leap_instead_of_sleeping(self) -> None:
        """Make `time.sleep` move the clock on and return at once; for a process that has nothing in the background."""
        time.sleep = self.move_on  # type: ignore[assignment] # seconds are floats here
