"""The whole system on one machine: the embedded AWS, the stand-in API, the demo, and the commands behind `make`.

Read `system.py` first: it brings everything up in the order in which a customer would.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "functions"))  # how strangers' text is shown stands there
