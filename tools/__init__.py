"""What keeps the repository in order: set-up, locks, checks, and the documents that are made from the code."""

import sys
from pathlib import Path

_REPOSITORY = Path(__file__).parent.parent
sys.path[:0] = [str(_REPOSITORY / folder) for folder in ("functions", "cli/src", "infra/src")]
