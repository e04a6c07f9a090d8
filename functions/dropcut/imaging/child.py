"""The process that decodes: `python -m dropcut.imaging.child MEMORY_MIB`, started by adapters/imaging_process.py.

It reads one request after the other from standard input, each a line of JSON, and answers each with a line. What a
stranger's file does to it, it does to this process alone: its memory, time and files are limited, it knows no secret,
and it ends when its parent does.

    {"do": "fit", "seconds": 40, "arguments": {...}}  ->  {"done": {...}}
                                                          {"refused": {"code": "damaged", "reason": "..."}}
                                                          {"failed": "OSError: No space left on device"}
"""

import json
import logging
import os
import resource
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from dropcut.core import picture_refusals
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError
from dropcut.core.quality import Measures
from dropcut.core.rendition import Rendition

_MIB = 1024 * 1024
_LARGEST_FILE_BYTES = 2048 * _MIB
_MOST_OPEN_FILES = 128
_PROCESSORS = 2
"""As many as libvips has threads (VIPS_CONCURRENCY): so much faster than the clock may processor time pass."""

Arguments = Mapping[str, Any]
Operations = Mapping[str, Callable[[Arguments], dict[str, Any]]]


def main() -> None:
    limit_memory_and_files(int(sys.argv[1]) * _MIB)
    logging.disable(logging.INFO)  # warnings of libvips are listened to (imaging/decode.py), and go nowhere else
    answers = _own_output()
    operations = load_operations()
    _send(answers, {"ready": True})
    for request in _requests_until_the_parent_ends():
        _send(answers, answer(request, operations))


def load_operations() -> Operations:
    """What this process can be asked to do. Imports the image libraries, so it comes after the limits."""
    from dropcut.imaging.decode import picture_errors  # noqa: PLC0415
    from dropcut.imaging.fit import fit  # noqa: PLC0415
    from dropcut.imaging.make_cutouts import make_cutouts, make_replacement  # noqa: PLC0415
    from dropcut.imaging.quality import measures_if_possible  # noqa: PLC0415
    from dropcut.imaging.repaired import with_repair  # noqa: PLC0415

    @picture_errors()
    def fit_file(arguments: Arguments) -> dict[str, Any]:
        source, target = Path(arguments["source"]), Path(arguments["target"])
        return asdict(fit(source, target, DecodeLimits(**arguments["limits"])))

    @picture_errors()
    def make_cutout_files(arguments: Arguments) -> dict[str, Any]:
        def make(original: Path | None) -> dict[str, Any]:
            measured: list[Measures | None] = [None]
            made = make_cutouts(
                original,
                Path(arguments["answer"]),
                [Rendition(**fields) for fields in arguments["renditions"]],
                Path(arguments["folder"]),
                limits=DecodeLimits(**arguments["limits"]),
                colour=arguments["colour"],
                look=lambda photo, answer: measured.append(measures_if_possible(photo, answer)),
            )
            measures = measured[-1]
            return {"made": [asdict(each) for each in made], "measures": asdict(measures) if measures else None}

        return with_repair(make, Path(arguments["original"])) if arguments["original"] else make(None)

    @picture_errors()
    def make_replacement_files(arguments: Arguments) -> dict[str, Any]:
        width, height = arguments["shape"]
        made = make_replacement(
            Path(arguments["picture"]),
            (width, height),
            [Rendition(**fields) for fields in arguments["renditions"]],
            Path(arguments["folder"]),
            limits=DecodeLimits(**arguments["limits"]),
        )
        return {"made": [asdict(each) for each in made]}

    return {"fit": fit_file, "make_cutouts": make_cutout_files, "make_replacement": make_replacement_files}


def answer(request: Arguments, operations: Operations) -> dict[str, Any]:
    """Carry out one request. Only what is the picture's fault is called refused; all else may go well another time."""
    limit_processor_time(request["seconds"])
    try:
        return {"done": operations[request["do"]](request["arguments"])}
    except PictureRefusedError as refusal:
        return _refused(refusal)
    except MemoryError:
        return _refused(picture_refusals.too_much_memory())
    except Exception as error:
        traceback.print_exc()  # to standard error, for whoever looks into the failure
        return {"failed": f"{type(error).__name__}: {error}"}


def limit_memory_and_files(most_bytes: int) -> None:
    """Of memory counts what is private and can be written to, used or not: no libraries, no files mapped into it."""
    _limit(resource.RLIMIT_DATA, most_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, _LARGEST_FILE_BYTES)
    _limit(resource.RLIMIT_NOFILE, _MOST_OPEN_FILES)


def limit_processor_time(seconds: float) -> None:
    """From now on; SIGXCPU ends the process. The parent goes by the clock, this holds should it not be there."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + _PROCESSORS * seconds) + 2
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


def _limit(which: int, most: int) -> None:
    """For good. A stricter limit from outside stays."""
    _, hard = resource.getrlimit(which)
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (least, least))


def _refused(refusal: PictureRefusedError) -> dict[str, Any]:
    return {"refused": {"code": refusal.code, "reason": refusal.reason}}


def _own_output() -> IO[bytes]:
    """Standard output for the answers alone: what a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _send(answers: IO[bytes], message: Mapping[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")
    answers.flush()


def _requests_until_the_parent_ends() -> Iterator[Arguments]:
    """One after the other. A thread reads ahead, so that the parent's end is noticed in the middle of a picture.

    What is left in this process's folder then, the next parent removes (adapters/scratch.py).
    """
    waiting: SimpleQueue[bytes] = SimpleQueue()

    def read_ahead() -> None:
        for line in sys.stdin.buffer:
            waiting.put(line)
        os._exit(0)

    threading.Thread(target=read_ahead, daemon=True).start()
    while True:
        yield json.loads(waiting.get())


if __name__ == "__main__":
    main()
