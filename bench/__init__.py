"""Speed, size and cost, each measured against a baseline in the same run: `python -m bench --help`."""

import sys

from local.places import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "functions"))  # what is deployed has a root of its own
