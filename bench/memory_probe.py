"""Runs inside the measured interpreter: one batch through a handler, and the most memory this process ever used.

`python -m`-free on purpose: it is run as a file, so that nothing of the repository is on the path but the artifact.
Reads `{"module": name, "events": [...]}` from standard input; with several events, each runs in a thread of its own.
"""

import importlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


class Context:
    """What Lambda tells a handler about its invocation, as far as ours ask."""

    function_name = "bench"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:bench"
    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def most_kib(pid: str = "self") -> int:
    """The most that a program, this one unless another is named, has had in memory.

    Not `getrusage`: its figure is inherited from the process that started this one, before this program began.
    """
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


def main() -> None:
    order = json.load(sys.stdin)
    handler = importlib.import_module(order["module"]).handler
    before = most_kib()
    with ThreadPoolExecutor(len(order["events"])) as pool:
        results = list(pool.map(lambda event: handler(event, Context()), order["events"]))
    print()
    print(json.dumps({"before_kib": before, "most_kib": most_kib(), "results": results}))


if __name__ == "__main__":
    main()
