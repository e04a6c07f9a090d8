"""What a process that decodes takes from itself, for good, before it sees a stranger's byte.

The three layers do not depend on each other: one still holds where the kernel does not have another. They are "no new
privileges", Landlock (which files, which TCP ports, whom it may signal), and a seccomp filter (which system calls). If
a file takes its process over, it has the processor, its memory, its own folder, and the connection for its answer.
"""

import ctypes
import errno
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_SET_DEATH_SIGNAL, _SET_DUMPABLE, _SET_SECCOMP, _SET_SUBREAPER, _SET_NO_NEW_PRIVS = 1, 4, 22, 36, 38
"""Of linux/prctl.h."""


def end_with_parent() -> None:
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of every process below this one that loses its own, so that it can be found and ended."""
    _prctl(_SET_SUBREAPER, 1)


def confine(folder: Path) -> dict[str, bool]:
    """Put on all layers; whether each holds. `folder` has `given`, to be read, and `made`, to be written to."""
    return {name: put_on(folder) for name, put_on in LAYERS.items()}


def can_look_into(pid: int) -> bool:
    """Whether a process taken over by a file could read the credentials of that one: as it would, by trying."""
    for name in ("environ", "mem"):
        try:
            Path(f"/proc/{pid}/{name}").open("rb").close()
        except OSError:
            continue
        return True
    return False


def _prctl(option: int, value: int, pointer: object = None) -> bool:
    return bool(_LIBC.prctl(option, ctypes.c_ulong(value), pointer, 0, 0) == 0)


def _no_new_privs(_folder: Path) -> bool:
    return _prctl(_SET_NO_NEW_PRIVS, 1)


_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Landlock's system calls, the same on every processor; the rest is of linux/landlock.h."""
_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE, _MAKE_REGULAR, _TRUNCATE = (1 << bit for bit in (1, 2, 3, 5, 8, 14))
_TO_READ = _READ_FILE | _READ_DIR
_TO_WRITE = _TO_READ | _WRITE_FILE | _REMOVE_FILE | _MAKE_REGULAR | _TRUNCATE
_FILE_RIGHTS_SINCE = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights on files each version (ABI) knows."""
_TCP_SINCE, _ALL_TCP = 4, 0b11
_SCOPES_SINCE, _ALL_SCOPES = 6, 0b11
"""Abstract Unix sockets, signals: not beyond the process's own domain."""


def _landlock(folder: Path) -> bool:
    version = _LIBC.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    rights = (1 << max(many for since, many in _FILE_RIGHTS_SINCE.items() if version >= since)) - 1
    handled = struct.pack("Q", rights)
    handled += struct.pack("Q", _ALL_TCP) if version >= _TCP_SINCE else b""
    handled += struct.pack("Q", _ALL_SCOPES) if version >= _SCOPES_SINCE else b""
    rules = _LIBC.syscall(_CREATE_RULESET, handled, len(handled), 0)
    allowed = dict.fromkeys(_libraries(), _TO_READ) | {folder / "given": _TO_READ, folder / "made": _TO_WRITE}
    for path, right in allowed.items():
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        _LIBC.syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", right & rights, opened), 0)
        os.close(opened)
    holds = bool(_LIBC.syscall(_RESTRICT_SELF, rules, 0) == 0)
    os.close(rules)
    return holds


def _libraries() -> list[Path]:
    """Folders of Python and of what it loads; some modules and shared objects are only loaded when a photo needs it."""
    named = [*sys.path, sys.prefix, sys.base_prefix, "/lib", "/lib64", "/usr/lib", "/usr/lib64"]
    named += os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return [path for path in map(Path, named) if path.is_dir() and path.is_absolute()]


_CALLS = """
socket            41 198 no     socketpair        53 199 no     connect           42 203 no
bind              49 200 no     listen            50 201 no     accept            43 202 no
accept4          288 242 no     sendmsg           46 211 no     io_uring_setup   425 425 absent
execve            59 221 no     execveat         322 281 no     ptrace           101 117 no
fork              57   - no     vfork             58   - no     clone             56 220 thread
clone3           435 435 absent unshare          272  97 no     setns            308 268 no
process_vm_readv 310 270 no     process_vm_writev 311 271 no    process_madvise  440 440 no
pidfd_open       434 434 no     pidfd_getfd      438 438 no     kcmp             312 272 no
kill              62 129 own    tgkill           234 131 own    prlimit64        302 261 own
tkill            200 130 no     rt_sigqueueinfo  129 138 no     rt_tgsigqueueinfo 297 240 no
pidfd_send_signal 424 424 no    setpriority      141 140 no     ioprio_set       251  30 no
sched_setaffinity 203 122 own   sched_setscheduler 144 119 own  sched_setparam   142 118 own
sched_setattr    314 274 own    migrate_pages    256 238 no     move_pages       279 239 no
bpf              321 280 no     perf_event_open  298 241 no     userfaultfd      323 282 no
add_key          248 217 no     request_key      249 218 no     keyctl           250 219 no
shmget            29 194 no     msgget            68 186 no     semget            64 190 no
mq_open          240 180 no     mknod            133   - no     mknodat          259  33 no
mkdir             83   - no     mkdirat          258  34 no     symlink           88   - no
symlinkat        266  36 no     link              86   - no     linkat           265  37 no
chmod             90   - no     fchmod            91  52 no     fchmodat         268  53 no
mount            165  40 no     chroot           161  51 no     prctl            157 167 no
"""
"""System calls by name: number on x86_64, number on aarch64, and when the filter lets them through. `own`: on the
process itself only. `thread`: when it makes a thread. `absent`: as on an older kernel, so that glibc uses another."""
_PROCESSORS = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""As seccomp names them (linux/audit.h), in the order of the numbers above."""
_FIRST_UNKNOWN = 463
"""Newer calls, and those of x86's other tables, are absent: nobody has looked whether they harm."""
_CLONE_THREAD = 0x10000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _END, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_AT_NUMBER, _AT_PROCESSOR, _AT_ARGUMENT = 0, 4, 16
"""Where struct seccomp_data has them; the low half of the first argument, both processors being little-endian."""
Instruction = tuple[int, int, int, int]
"""Of a BPF program: code, how many to skip if true, if false, and the value."""


def filter_program(processor: str, pid: int) -> list[Instruction]:
    """The filter for a process of that id. Raises KeyError: the calls of that processor are not known."""
    known_as, column = _PROCESSORS[processor], list(_PROCESSORS).index(processor)
    tests = {"own": [(_EQUAL, 0), (_EQUAL, pid)], "thread": [(_ANY_BIT, _CLONE_THREAD)]}
    program = [
        (_LOAD, 0, 0, _AT_PROCESSOR),
        (_EQUAL, 1, 0, known_as),
        (_RETURN, 0, 0, _END),
        (_LOAD, 0, 0, _AT_NUMBER),
        (_AT_LEAST, 0, 1, _FIRST_UNKNOWN),
        (_RETURN, 0, 0, _FAIL | errno.ENOSYS),
    ]
    words = _CALLS.split()
    for *numbers, when in zip(words[1::4], words[2::4], words[3::4], strict=True):
        if numbers[column] != "-":
            program += _unless(int(numbers[column]), tests.get(when, []), absent=when == "absent")
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _unless(number: int, tests: list[tuple[int, int]], *, absent: bool) -> list[Instruction]:
    """Make one call fail unless its first argument passes one of the tests."""
    fail = (_RETURN, 0, 0, _FAIL | (errno.ENOSYS if absent else errno.EPERM))
    if not tests:
        return [(_EQUAL, 0, 1, number), fail]
    tried = [(code, len(tests) - place, 0, value) for place, (code, value) in enumerate(tests)]
    return [
        (_EQUAL, 0, len(tests) + 3, number),
        (_LOAD, 0, 0, _AT_ARGUMENT),
        *tried,
        fail,
        (_RETURN, 0, 0, _ALLOW),
    ]


def _seccomp(_folder: Path) -> bool:
    try:
        program = filter_program(platform.machine(), os.getpid())
    except KeyError:
        return False
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in program))
    loaded = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    return _prctl(_SET_SECCOMP, 2, loaded)


LAYERS: Mapping[str, Callable[[Path], bool]] = {
    "no_new_privs": _no_new_privs,
    "landlock": _landlock,
    "seccomp": _seccomp,
}
"""In the order in which they are put on: each of the others needs the first, and the last forbids `prctl`."""
