"""Runs a program that must not outlive the one who asked for it: `python leash.py PROGRAM ARGUMENTS...`

The owner holds the other end of standard input and starts this in a process group of its own. When the owner ends,
even by SIGKILL, standard input closes, and the whole group (the program and all that it started) is ended.
Uses the standard library only and is run as a file, so that it starts in a few milliseconds.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

_SECONDS_TO_END_BY_ITSELF = 1.0


def main() -> int:
    """Run the program of the command line; return its exit code."""
    stopping = threading.Event()

    def stop(*_: object) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=_watch_owner, args=(stopping,), daemon=True).start()
    threading.Thread(target=_end_group_when, args=(stopping,), daemon=True).start()
    code = child.wait()
    if stopping.is_set():
        os.killpg(0, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def _watch_owner(stopping: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    stopping.set()


def _end_group_when(stopping: threading.Event) -> None:
    stopping.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(0, signal.SIGTERM)
    threading.Event().wait(_SECONDS_TO_END_BY_ITSELF)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
