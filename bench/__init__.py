"""Speed, size and cost, each measured against a baseline in the same run: `python -m bench --help`."""

import os
import sys
from pathlib import Path

_REPOSITORY = Path(__file__).parent.parent
# What is deployed, the construct that deploys it, and the command have roots of their own.
sys.path[:0] = [str(_REPOSITORY / folder) for folder in ("functions", "cli/src", "infra/src")]

# The CDK runs on the Node.js of the requirements, and not on one that happens to be here.
os.environ.setdefault("JSII_NODE", str(Path(sys.prefix) / "bin" / "node"))
