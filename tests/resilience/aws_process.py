"""The process of the embedded AWS on a virtual clock: `python aws_process.py CLOCK_FILE`; settings come by environment.

Plain http and without IAM, for speed: what the roles allow is proved by the end-to-end tests.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.resilience.virtual_clock import VirtualClock

VirtualClock(Path(sys.argv.pop())).install()

import ministack.app  # type: ignore[import-untyped]  # noqa: E402 - it must find the clock installed

ministack.app._port_is_bindable = lambda *_: False  # no second port

if __name__ == "__main__":
    ministack.app.main()
