"""The filter of system calls, as the kernel would run it on either processor; what it stops is shown by attacks.

Attacks run on one processor only (tests/functions/adapters/test_sandbox.py).
"""

import errno
import struct

import pytest
from dropcut.imaging.sandbox import filter_program

PID = 4711
ALLOWED, NOT_PERMITTED, ABSENT = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
ENDED = 0x80000000
AS_SECCOMP_NAMES_THEM = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
FORK_AS_GLIBC, THREAD_AS_GLIBC = 0x01200011, 0x003D0F00
"""Flags of `clone` in both."""


def judged(processor: str, number: int, first: int = 0, *, really: int | None = None) -> int:
    """What the filter returns for a call; a small machine for the five instructions that it has."""
    data = struct.pack("<IIQQ", number, really or AS_SECCOMP_NAMES_THEM[processor], 0, first)
    program, at, loaded = filter_program(processor, PID), 0, 0
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        match code:
            case 0x20:
                (loaded,) = struct.unpack_from("<I", data, value)
            case 0x06:
                return value
            case 0x15 | 0x35 | 0x45:
                holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
                at += if_true if holds else if_false
            case _:
                raise AssertionError(f"an instruction that is not used: {code:#x}")


CALLS = [
    ("read", 0, 63, 0, ALLOWED),
    ("openat", 257, 56, 0, ALLOWED),
    ("mmap", 9, 222, 0, ALLOWED),
    ("futex", 202, 98, 0, ALLOWED),
    ("socket", 41, 198, 2, NOT_PERMITTED),
    ("connect", 42, 203, 3, NOT_PERMITTED),
    ("execve", 59, 221, 0, NOT_PERMITTED),
    ("ptrace", 101, 117, 16, NOT_PERMITTED),
    ("process_vm_readv", 310, 270, 1, NOT_PERMITTED),
    ("clone for a process", 56, 220, FORK_AS_GLIBC, NOT_PERMITTED),
    ("clone for a thread", 56, 220, THREAD_AS_GLIBC, ALLOWED),
    ("clone3, so that glibc takes clone", 435, 435, 0, ABSENT),
    ("io_uring_setup", 425, 425, 8, ABSENT),
    ("kill of itself", 62, 129, PID, ALLOWED),
    ("kill of another", 62, 129, PID + 1, NOT_PERMITTED),
    ("kill of all", 62, 129, 0xFFFFFFFF, NOT_PERMITTED),
    ("tgkill of itself, as abort does", 234, 131, PID, ALLOWED),
    ("tgkill of another", 234, 131, 1, NOT_PERMITTED),
    ("limits of its own", 302, 261, 0, ALLOWED),
    ("limits of another", 302, 261, 1, NOT_PERMITTED),
    ("prctl", 157, 167, 1, NOT_PERMITTED),
    ("one that no kernel has yet", 1000, 1000, 0, ABSENT),
    ("one of x86's table for short pointers", 0x40000000 + 41, 0x40000000 + 41, 0, ABSENT),
]


@pytest.mark.parametrize("processor", AS_SECCOMP_NAMES_THEM)
@pytest.mark.parametrize(("on_x86", "on_arm", "first", "expected"), [c[1:] for c in CALLS], ids=[c[0] for c in CALLS])
def test_each_call_is_let_through_or_not(processor: str, on_x86: int, on_arm: int, first: int, expected: int) -> None:
    assert judged(processor, on_x86 if processor == "x86_64" else on_arm, first) == expected


@pytest.mark.parametrize("processor", AS_SECCOMP_NAMES_THEM)
def test_a_call_by_another_processors_table_ends_the_process(processor: str) -> None:
    assert judged(processor, 0, really=0x40000003) == ENDED


def test_a_processor_whose_calls_are_not_known_has_no_filter() -> None:
    with pytest.raises(KeyError):
        filter_program("riscv64", PID)
