"""The whole system on one machine: the embedded AWS, the stand-in API, the demo, and the commands behind `make`.

Read `system.py` first: it brings everything up in the order in which a customer would.
"""

import sys
from pathlib import Path

_REPOSITORY = Path(__file__).parent.parent
# How strangers' text is shown stands in the functions' code, how events are heard in the command's, what pip is asked
# for in the construct's.
sys.path[:0] = [str(_REPOSITORY / folder) for folder in ("functions", "cli/src", "infra/src")]
