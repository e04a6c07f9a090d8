"""The fork server for processes that decode: `python -m dropcut.imaging.child MEMORY_MIB CONTROL_DESCRIPTOR`.

adapters/decoder_process.py starts it. It loads the image libraries once and never sees a photo. For each photo it forks
a process (1 ms). That process confines itself (imaging/sandbox.py), does one piece of work and is ended. A stranger's
file can harm that process alone. All of them know no secret, and end when the function does.

To the server, a line of JSON each:     {"folder": "/tmp/..."}, with two descriptors  ->  {"pid": 7}
                                        {"end": 7, "grace": 1}                        ->  {"returncode": -11}
From the process, on its connection:    {"ready": {"layers": {"landlock": true, ...}, "exposed": false}}
To it, and from it, once:               {"do": "fit", "seconds": 40, "arguments": {...}}
                                            ->  {"done": {...}}
                                                {"refused": {"code": "damaged", "reason": "..."}}
                                                {"failed": "OSError: No space left on device"}
"""

import gc
import json
import logging
import os
import resource
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dropcut.core import picture_refusals
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError
from dropcut.core.quality import Measures
from dropcut.core.rendition import Rendition
from dropcut.core.units import MIB
from dropcut.imaging import sandbox

_LARGEST_FILE_BYTES = 2048 * MIB
_MOST_OPEN_FILES = 128
_PROCESSORS = 2
"""As many as libvips has threads (VIPS_CONCURRENCY): so much faster than the clock may processor time pass."""
_CONNECTION = 3
"""The process's only descriptor beside the standard ones."""
_LOOK_ONLY = os.WEXITED | os.WNOHANG | os.WNOWAIT
"""At who has ended, leaving it there."""

Arguments = Mapping[str, Any]
Operations = Mapping[str, Callable[[Arguments], dict[str, Any]]]


def main() -> None:
    limit_memory_and_files(int(sys.argv[1]) * MIB)
    logging.disable(logging.INFO)  # warnings of libvips are listened to (imaging/decode.py), and go nowhere else
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, which is inherited, it would leave nobody to wait for
    sandbox.adopt_orphans()
    with socket.socket(fileno=int(sys.argv[2])) as control:
        operations = load_operations()
        gc.freeze()  # else each process would copy what its garbage collector only looks at
        control.send(b"{}")
        serve(control, operations)


def load_operations() -> Operations:
    """What a process can be asked to do. Imports the image libraries, so it comes after the limits."""
    from dropcut.imaging.decode import picture_errors  # noqa: PLC0415
    from dropcut.imaging.fit import fit  # noqa: PLC0415
    from dropcut.imaging.make_cutouts import make_cutouts, make_replacement  # noqa: PLC0415
    from dropcut.imaging.quality import measures_if_possible  # noqa: PLC0415
    from dropcut.imaging.repaired import with_repair  # noqa: PLC0415

    @picture_errors()
    def fit_file(arguments: Arguments) -> dict[str, Any]:
        given, made = _folders()
        return asdict(fit(given / "photo", made / "sendable", DecodeLimits(**arguments["limits"])))

    @picture_errors()
    def make_cutout_files(arguments: Arguments) -> dict[str, Any]:
        given, folder = _folders()

        def make(original: Path | None) -> dict[str, Any]:
            measured: list[Measures | None] = [None]
            made = make_cutouts(
                original,
                given / "answer",
                [Rendition(**fields) for fields in arguments["renditions"]],
                folder,
                limits=DecodeLimits(**arguments["limits"]),
                colour=arguments["colour"],
                look=lambda photo, answer: measured.append(measures_if_possible(photo, answer)),
            )
            measures = measured[-1]
            return {"made": [asdict(each) for each in made], "measures": asdict(measures) if measures else None}

        photo = given / "photo"
        return with_repair(make, photo) if photo.exists() else make(None)

    @picture_errors()
    def make_replacement_files(arguments: Arguments) -> dict[str, Any]:
        given, folder = _folders()
        width, height = arguments["shape"]
        made = make_replacement(
            given / "picture",
            (width, height),
            [Rendition(**fields) for fields in arguments["renditions"]],
            folder,
            limits=DecodeLimits(**arguments["limits"]),
        )
        return {"made": [asdict(each) for each in made]}

    return {"fit": fit_file, "make_cutouts": make_cutout_files, "make_replacement": make_replacement_files}


def _folders() -> tuple[Path, Path]:
    """What the process works on (`photo`, `answer`, `picture`), and what it makes; the function chose all names."""
    return Path.cwd() / "given", Path.cwd() / "made"


def serve(control: socket.socket, operations: Operations) -> None:
    """Fork and end processes as the function says, until it is gone."""
    function, working = os.getppid(), set[int]()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 4096, 2)
        if not message:
            return
        order = json.loads(message)
        if "end" in order:
            control.send(json.dumps({"returncode": end(order["end"], order["grace"], working)}).encode())
            continue
        pid = os.fork()
        if pid == 0:
            work(Path(order["folder"]), descriptors[0], descriptors[1], function, operations)
        working.add(pid)
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(json.dumps({"pid": pid}).encode())


def work(folder: Path, connection: int, errors: int, function: int, operations: Operations) -> None:
    """What the forked process does, from its first to its last."""
    try:
        os.setsid()
        sandbox.end_with_parent()
        for descriptor, place in ((errors, 1), (errors, 2), (connection, _CONNECTION)):
            os.dup2(descriptor, place)
        os.closerange(_CONNECTION + 1, _MOST_OPEN_FILES)
        os.chdir(folder)
        os.environ["TMPDIR"] = str(folder / "made")
        layers = sandbox.confine(folder)
        _send({"ready": {"layers": layers, "exposed": sandbox.can_look_into(function)}})
        with os.fdopen(_CONNECTION, "rb", closefd=False) as requests:
            _send(answer(json.loads(requests.readline()), operations))
    except BaseException:
        traceback.print_exc()  # to standard error, as all that libraries print
        os._exit(1)
    os._exit(0)


def answer(request: Arguments, operations: Operations) -> dict[str, Any]:
    """Carry out one request. Only what is the picture's fault is called refused; all else may go well another time."""
    limit_processor_time(request["seconds"])
    try:
        return {"done": operations[request["do"]](request["arguments"])}
    except (PictureRefusedError, MemoryError) as error:
        refusal = error if isinstance(error, PictureRefusedError) else picture_refusals.too_much_memory()
        return {"refused": {"code": refusal.code, "reason": refusal.reason}}
    except Exception as error:
        with suppress(OSError):  # a full disk, on which standard error is: it would be taken for a crash
            traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}"}


def end(pid: int, grace: float, working: set[int]) -> int | None:
    """End a process with all that came of it; how it ended if it did so by itself, within some seconds."""
    deadline = time.monotonic() + grace
    while not (itself := os.waitid(os.P_PID, pid, _LOOK_ONLY)) and time.monotonic() < deadline:
        time.sleep(0.01)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    working.discard(pid)
    while strays := _children() - working:  # that left the group, which the filter forbids where there is one
        for stray in strays:
            os.kill(stray, signal.SIGKILL)
            os.waitpid(stray, 0)
    return os.waitstatus_to_exitcode(status) if itself else None


def _children() -> set[int]:
    """All that have this process for a parent, those of dead parents included."""
    try:
        os.waitid(os.P_ALL, 0, _LOOK_ONLY)
    except ChildProcessError:  # most often there are none
        return set()
    return {int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == os.getpid()}


def _parent(stat: Path) -> int:
    with suppress(OSError):  # it has just ended
        return int(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
    return 0


def limit_memory_and_files(most_bytes: int) -> None:
    """Of memory counts what is private and can be written to, used or not: no libraries, no files mapped into it."""
    _limit(resource.RLIMIT_DATA, most_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, _LARGEST_FILE_BYTES)
    _limit(resource.RLIMIT_NOFILE, _MOST_OPEN_FILES)


def limit_processor_time(seconds: float) -> None:
    """SIGXCPU ends the process, SIGKILL one that does not heed it. The function goes by the clock, if it is there."""
    most = int(_PROCESSORS * seconds) + 2
    _limit(resource.RLIMIT_CPU, most + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 1))


def _limit(which: int, most: int) -> None:
    """For good. A stricter limit from outside stays."""
    _, hard = resource.getrlimit(which)
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (least, least))


def _send(message: Mapping[str, Any]) -> None:
    with os.fdopen(_CONNECTION, "wb", closefd=False) as answers:
        answers.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
