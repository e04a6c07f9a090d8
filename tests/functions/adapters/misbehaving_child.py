"""The imaging process with further requests: to do to itself what a hostile picture might bring a decoder to."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pyvips
from dropcut.core import picture_refusals
from dropcut.imaging import child
from dropcut.imaging.decode import picture_errors

LOADED = child.load_operations


def read_nowhere(_: Mapping[str, Any]) -> dict[str, Any]:
    ctypes.string_at(0)
    return {}


def abort(_: Mapping[str, Any]) -> dict[str, Any]:
    os.abort()


def leave(_: Mapping[str, Any]) -> dict[str, Any]:
    os._exit(3)


def kill(_: Mapping[str, Any]) -> dict[str, Any]:
    """As the system does when its memory is at an end, or a person."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
    return {}


def take_memory_in_python(_: Mapping[str, Any]) -> dict[str, Any]:
    taken = []
    while True:
        taken.append(bytearray(10_000_000))


@picture_errors()
def take_memory_in_libvips(_: Mapping[str, Any]) -> dict[str, Any]:
    pyvips.Image.black(60_000, 60_000, bands=4).copy_memory()
    return {}


def take_memory_in_glib(_: Mapping[str, Any]) -> dict[str, Any]:
    """Which ends the process when it gets none."""
    pyvips.glib_lib.g_malloc(1 << 40)
    return {}


def use_up_processor_time(_: Mapping[str, Any]) -> dict[str, Any]:
    """As the system ends it then, where the clock of the parent did not."""
    os.kill(os.getpid(), signal.SIGXCPU)
    time.sleep(60)
    return {}


def loop(_: Mapping[str, Any]) -> dict[str, Any]:
    while True:
        pass


def sleep(arguments: Mapping[str, Any]) -> dict[str, Any]:
    Path(arguments["mark"]).write_text("begun")
    time.sleep(600)
    return {}


def fill_the_disc(arguments: Mapping[str, Any]) -> dict[str, Any]:
    with Path(arguments["target"]).open("wb") as file:
        file.truncate(4 * 1024**3)
    return {}


def refuse(_: Mapping[str, Any]) -> dict[str, Any]:
    raise picture_refusals.too_small(1, 2, 64)


def print_much(_: Mapping[str, Any]) -> dict[str, Any]:
    sys.stdout.write("no answer\n" * 10)
    sys.stdout.flush()
    os.write(1, b'{"done": {"not": "this"}}\n')
    return {"this": "one"}


REQUESTS = count(1)
"""To this process."""


def crash_the_second_time(_: Mapping[str, Any]) -> dict[str, Any]:
    """What an earlier picture did to this process harms the next one."""
    if next(REQUESTS) > 1:
        os.abort()
    return {"pid": os.getpid()}


def lack_memory_the_second_time(_: Mapping[str, Any]) -> dict[str, Any]:
    """What an earlier picture left in this process's memory is missing for the next one."""
    if next(REQUESTS) > 1:
        raise MemoryError
    return {"pid": os.getpid()}


def tell(_: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "loaded": sorted(name for name in sys.modules if name.partition(".")[0] in ("boto3", "requests", "numpy")),
    }


OPERATIONS = (
    *(
        read_nowhere,
        abort,
        leave,
        kill,
        take_memory_in_python,
        take_memory_in_libvips,
        take_memory_in_glib,
        use_up_processor_time,
        loop,
        sleep,
        fill_the_disc,
    ),
    *(refuse, print_much, crash_the_second_time, lack_memory_the_second_time, tell),
)

if __name__ == "__main__":
    child.load_operations = lambda: {**LOADED(), **{operation.__name__: operation for operation in OPERATIONS}}
    child.main()
