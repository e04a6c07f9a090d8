"""Lambda's side of a function: `python sandbox_process.py STAGE CLOCK_FILE DESCRIPTOR`.

Imports the function's entry once and forks a sandbox whenever it is asked to, so that a new one costs milliseconds. A
sandbox is a process that handles one invocation after the other and is gone for good when it is killed.
"""

import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "functions"), str(REPOSITORY)]

from tests.resilience.virtual_clock import VirtualClock  # noqa: E402 - the paths come first

clock = VirtualClock(Path(sys.argv[2]))
clock.install()
clock.leap_instead_of_sleeping()

from tests.resilience import interruptions  # noqa: E402 - the clock comes first

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def main() -> None:
    interruptions.install()
    control = socket.socket(fileno=int(sys.argv[3]))
    handler: Handler = importlib.import_module(f"dropcut.entries.{sys.argv[1]}").handler
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control.sendall(b"!")
    while True:
        asked, descriptors, _flags, _address = socket.recv_fds(control, 1, 1)
        if not asked:
            return
        if os.fork() == 0:
            control.close()
            serve(socket.socket(fileno=descriptors[0]), handler)
            os._exit(0)
        os.close(descriptors[0])


def serve(connection: socket.socket, handler: Handler) -> None:
    """Handle invocations until the other side has no more; each is a line of JSON: `event`, `stop`, `refusal`."""
    tell = interruptions.telling(connection)
    tell(["pid", os.getpid()])
    for line in connection.makefile("rb"):
        invocation = json.loads(line)
        interruptions.interruptions.begin(tell, invocation["stop"], invocation["refusal"])
        try:
            ending = ["answered", handler(invocation["event"], _context())]
        except Exception as error:
            ending = ["failed", f"{type(error).__name__}: {error}"]
        sys.stdout.flush()
        tell(ending)


def _context() -> SimpleNamespace:
    ends = clock() + int(os.environ["FUNCTION_SECONDS"])
    return SimpleNamespace(
        function_name="function",
        memory_limit_in_mb=1024,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:function",
        aws_request_id="00000000-0000-0000-0000-000000000000",
        get_remaining_time_in_millis=lambda: int((ends - clock()) * 1000),
    )


if __name__ == "__main__":
    main()
