"""The process that decodes, taken over: it tries in Python what a stranger's code would try.

Each attack returns whether it went well, or leaves a trace for the test to find.
"""

import ctypes
import os
import platform
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from tests.functions.adapters import misbehaving_child
from tests.functions.adapters.misbehaving_child import Order

LIBC = ctypes.CDLL(None, use_errno=True)
ON_X86 = platform.machine() == "x86_64"
UNSHARE, CLONE, PROCESS_VM_READV = (272, 56, 310) if ON_X86 else (97, 220, 270)


def read(order: Order) -> bool:
    return bool(Path(order["path"]).read_bytes())


def write(order: Order) -> bool:
    return bool(Path(order["path"]).write_text("written by an enemy"))


def connect(order: Order) -> bool:
    """As to 169.254.169.254, or to the Runtime API."""
    socket.create_connection(("127.0.0.1", order["port"]), timeout=2).close()
    return True


def read_memory_from_the_kernel(order: Order) -> bool:
    mine, theirs = ctypes.create_string_buffer(8), (ctypes.c_size_t * 2)(order["address"], 8)
    ours = (ctypes.c_size_t * 2)(ctypes.addressof(mine), 8)
    return bool(LIBC.syscall(PROCESS_VM_READV, order["pid"], ours, 1, theirs, 1, 0) == 8)


def trace(order: Order) -> bool:
    if LIBC.ptrace(0x4206, order["pid"], 0, 0):  # PTRACE_SEIZE: does not stop it
        return False
    LIBC.ptrace(17, order["pid"], 0, 0)
    return True


def signal_it(order: Order) -> bool:
    os.kill(order["pid"], 0)
    return True


def starve_it(order: Order) -> bool:
    """Its own limits, set anew as they are: more would harm the tests."""
    limits = resource.prlimit(order["pid"], resource.RLIMIT_CPU)
    resource.prlimit(order["pid"], resource.RLIMIT_CPU, limits)
    return True


def fork(_: Order) -> bool:
    if not (pid := os.fork()):
        os._exit(0)
    os.waitpid(pid, 0)
    return True


def clone_by_hand(_: Order) -> bool:
    pid = LIBC.syscall(CLONE, int(signal.SIGCHLD), 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return bool(pid > 0)


def run_a_program(order: Order) -> bool:
    """Which leaves a trace: this one is gone if it works."""
    os.execv(sys.executable, [sys.executable, "-c", f"open({order['path']!r}, 'w').close()"])
    return True


def leave_what_it_shares(_: Order) -> bool:
    return bool(LIBC.syscall(UNSHARE, 0x400) == 0)  # CLONE_FILES, which needs no rights


def fork_twice_and_stay(_: Order) -> bool:
    """Out of its group and its session, and nobody's child; as a photo's process does it that wants to see the next."""
    if not (pid := os.fork()):
        os.setsid()
        if not os.fork():
            os.closerange(0, 128)
            while True:
                signal.pause()
        os._exit(0)
    os.waitpid(pid, 0)
    return True


def make_symlink(_: Order) -> bool:
    Path("made/link").symlink_to("/etc/passwd")
    return True


def make_hard_link(_: Order) -> bool:
    Path("made/other").touch()
    Path("made/link").hardlink_to("made/other")
    return True


def make_pipe(_: Order) -> bool:
    os.mkfifo("made/pipe")
    return True


def make_folder(_: Order) -> bool:
    Path("made/folder").mkdir()
    return True


def change_the_photo(_: Order) -> bool:
    with Path("given/photo").open("ab") as photo:
        return bool(photo.write(b" "))


def gain_privileges(_: Order) -> bool:
    """Whether a program could: Linux's PR_GET_NO_NEW_PRIVS."""
    return bool(LIBC.prctl(39, 0, 0, 0, 0) == 0)


def call_by_another_table(_: Order) -> bool:
    """The number of `getpid` in x86's table for 32-bit pointers, and one that no kernel has yet."""
    return bool(LIBC.syscall(0x40000000 + 39) > 0)


def outlive_the_server(_: Order) -> bool:
    return bool(LIBC.prctl(1, 0, 0, 0, 0) == 0)


def attempted(attack: Callable[[Order], bool]) -> Callable[[Order], dict[str, object]]:
    def attempt(order: Order) -> dict[str, object]:
        try:
            return {"went_well": attack(order)}
        except OSError as error:
            return {"went_well": False, "error": error.errno}

    return attempt


ATTACKS = (
    *(read, write, connect, read_memory_from_the_kernel, trace, signal_it, starve_it, fork, clone_by_hand),
    *(run_a_program, leave_what_it_shares, fork_twice_and_stay, make_symlink, make_hard_link, make_pipe),
    *(make_folder, change_the_photo, gain_privileges, call_by_another_table, outlive_the_server),
)


def main(layers: tuple[str, ...]) -> None:
    misbehaving_child.main({attack.__name__: attempted(attack) for attack in ATTACKS}, layers)
