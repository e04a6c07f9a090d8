"""The whole system on one machine: the embedded AWS beside the stand-in API, the demo, `make up` and `make down`.

Read `system.py` first: it brings everything up in the order in which a customer would.
"""

import sys
from pathlib import Path

_REPOSITORY = Path(__file__).parent.parent
# How a stranger's text is shown stands in the functions' code; settings, programs and messages in the command's.
sys.path[:0] = [str(_REPOSITORY / folder) for folder in ("functions", "cli/src", "infra/src")]
