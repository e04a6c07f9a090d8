"""Lambda's side of a function: `python sandbox_process.py STAGE CLOCK_FILE DESCRIPTOR`.

Imports the function's entry once and forks a sandbox whenever it is asked to, so that a new one costs milliseconds. A
sandbox is a process that handles one invocation after the other and is gone for good when it is killed. The server that
it has its photos decoded by is a fork as well: each cold sandbox would import the image libraries anew.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "functions"), str(REPOSITORY)]

from dropcut.adapters import decoder_process  # noqa: E402 - the paths come first
from dropcut.imaging import child  # noqa: E402

DECODES = sys.argv[1] in ("prepare", "deliver")
if DECODES:
    child.load_operations()
real_time, real_sleep = time.time, time.sleep

from tests.resilience.virtual_clock import VirtualClock  # noqa: E402

clock = VirtualClock(Path(sys.argv[2]))
clock.install()
clock.leap_instead_of_sleeping()

from tests.resilience import interruptions  # noqa: E402 - the clock comes first

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


class ForkedServer:
    """What `decoder_process` needs of a `Popen` of imaging/child.py, as a fork of this process."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str,
        pass_fds: Sequence[int],
        stderr: Any,
        **_: Any,
    ) -> None:
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._begin(env, cwd, pass_fds[0], stderr.fileno())
                sys.argv = ["child", *command[-2:]]
                child.main()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)

    @staticmethod
    def _begin(env: Mapping[str, str], cwd: str, control: int, errors: int) -> None:
        """As a new process: nothing of the sandbox stays open, which would pass for alive by it."""
        time.time, time.sleep = real_time, real_sleep
        os.setsid()
        for place in (1, 2):
            os.dup2(errors, place)
        os.closerange(3, control)
        os.closerange(control + 1, os.sysconf("SC_OPEN_MAX"))
        os.environ.clear()
        os.environ.update(env)
        os.chdir(cwd)

    def poll(self) -> int | None:
        """None while it runs. How it ended nobody knows: SIGCHLD is ignored here."""
        try:
            return os.waitpid(self._pid, os.WNOHANG)[0] or None
        except ChildProcessError:
            return 0

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self._pid, signal.SIGKILL)

    def wait(self, timeout: float = 10) -> None:
        ends = time.monotonic() + timeout
        while self.poll() is None and time.monotonic() < ends:
            real_sleep(0.001)


def main() -> None:
    interruptions.install()
    if DECODES:
        # In place of a module.
        decoder_process.subprocess = SimpleNamespace(  # type: ignore[assignment]
            Popen=ForkedServer, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired
        )
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
