"""Hides this process's credentials from the processes that it starts: a stranger's file may take one of them over.

None of them gets a variable of AWS. But each runs as the same user. It could read this process's first environment in
`/proc/PID/environ`, or its memory. Both ways are closed, so that one holds without the other.
"""

import ctypes
import logging
import os
from pathlib import Path

_SECRET = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4
"""Of linux/prctl.h."""
_ENVIRONMENT_BEGINS = 47
"""Field of /proc/PID/stat behind the program's name; the end is the next (proc_pid_stat(5): `env_start`, `env_end`)."""


def hide_credentials() -> None:
    """Once, before any process is started. `os.environ` and C's `getenv` go on as before."""
    _clear_environment_block()
    # A process that may not be dumped belongs to root under /proc, and cannot be traced. It does not bind processes
    # that are started from here.
    if ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        logging.getLogger(__name__).error("prctl failed: processes that decode photos can read the credentials")


def are_hidden() -> bool:
    """Whether the system took `prctl` for an answer."""
    return bool(ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0)


def _clear_environment_block() -> None:
    """Overwrite the secrets where the system put them at the start, once the C library has copies of its own."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    begin, end = (int(field) for field in (fields[_ENVIRONMENT_BEGINS:] or ("0", "0"))[:2])
    if not 0 < begin < end:
        logging.getLogger(__name__).error("The system does not say where the environment is: it was not overwritten")
        return
    at = begin
    for variable in ctypes.string_at(begin, end - begin).split(b"\0"):
        name, _, value = variable.partition(b"=")
        if value and os.fsdecode(name) in _SECRET:
            os.environb[name] = os.environb.get(name, value)
            ctypes.memset(at + len(name) + 1, 0, len(value))
        at += len(variable) + 1
