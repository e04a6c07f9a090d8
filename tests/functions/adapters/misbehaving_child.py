"""The process that decodes, as a hostile photo might make it: the photo's bytes name what is done.

A photo that begins with `{` is an order: `{"do": "abort", ...}`. Any other is fitted as always.
"""

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pyvips
from dropcut.core import picture_refusals
from dropcut.imaging import child, sandbox
from dropcut.imaging.decode import picture_errors

LOADED = child.load_operations
Order = Mapping[str, Any]


def read_nowhere(_: Order) -> None:
    ctypes.string_at(0)


def abort(_: Order) -> None:
    os.abort()


def leave(_: Order) -> None:
    os._exit(3)


def kill(_: Order) -> None:
    """As the system does when its memory is at an end, or a person."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def take_memory_in_python(_: Order) -> None:
    taken = []
    while True:
        taken.append(bytearray(10_000_000))


@picture_errors()
def take_memory_in_libvips(_: Order) -> None:
    pyvips.Image.black(60_000, 60_000, bands=4).copy_memory()


def take_memory_in_glib(_: Order) -> None:
    """Which ends the process when it gets none."""
    pyvips.glib_lib.g_malloc(1 << 40)


def use_up_processor_time(_: Order) -> None:
    """As the system ends it then, where the clock of the parent did not."""
    os.kill(os.getpid(), signal.SIGXCPU)
    time.sleep(60)


def loop(_: Order) -> None:
    while True:
        pass


def loop_whatever_is_asked(_: Order) -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    while True:
        pass


def sleep(order: Order) -> None:
    Path("made/begun").touch()
    time.sleep(order.get("seconds", 600))


def fill_the_disk(_: Order) -> None:
    with Path("made/large").open("wb") as file:
        file.truncate(4 * 1024**3)


def refuse(_: Order) -> None:
    raise picture_refusals.too_small(1, 2, 64)


def print_much(_: Order) -> dict[str, Any]:
    sys.stdout.write("no answer\n" * 10)
    sys.stdout.flush()
    os.write(1, b'{"done": {"not": "this"}}\n')
    return {"this": "one"}


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def tell(_: Order) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        # Without the long lists of folders: the report would be cut.
        "environment": {name: value for name, value in os.environ.items() if not name.endswith("PATH")},
        "folder": str(Path.cwd()),
        "descriptors": [descriptor for descriptor in range(128) if is_open(descriptor)],
        "loaded": sorted(name for name in sys.modules if name.partition(".")[0] in ("boto3", "requests", "numpy")),
    }


ORDERS: dict[str, Callable[[Order], dict[str, Any] | None]] = {
    order.__name__: order
    for order in (
        *(read_nowhere, abort, leave, kill, take_memory_in_python, take_memory_in_libvips, take_memory_in_glib),
        *(use_up_processor_time, loop, loop_whatever_is_asked, sleep, fill_the_disk, refuse, print_much, tell),
    )
}


def main(
    orders: Mapping[str, Callable[[Order], dict[str, Any] | None]] = ORDERS, layers: Collection[str] | None = None
) -> None:
    """Run the fork server; with `layers`, with these layers of the sandbox alone."""
    if layers is not None:
        sandbox.LAYERS = {name: put_on for name, put_on in sandbox.LAYERS.items() if name in layers}
    child.load_operations = lambda: obedient(LOADED(), orders)
    child.main()


def obedient(
    operations: child.Operations, orders: Mapping[str, Callable[[Order], dict[str, Any] | None]]
) -> child.Operations:
    """What an order's function returns goes out as the note on a photo that is always the same."""

    def fit(arguments: Mapping[str, Any]) -> dict[str, Any]:
        photo = Path("given/photo").read_bytes()
        if not photo.startswith(b"{"):
            return operations["fit"](arguments)
        order = json.loads(photo)
        found = orders[order["do"]](order)
        pyvips.Image.black(64, 64, bands=3).pngsave("made/sendable")
        return {"format": "png", "width": 64, "height": 64, "note": json.dumps(found)}

    return {**operations, "fit": fit}


if __name__ == "__main__":
    main()
