"""The operator's command `dropcut`: what became of photos, and what to do about it."""

import sys
from pathlib import Path

_FUNCTIONS = Path(__file__).parents[3] / "functions"
if (_FUNCTIONS / "dropcut").is_dir():  # in the clone; a wheel brings them along
    sys.path.insert(0, str(_FUNCTIONS))
