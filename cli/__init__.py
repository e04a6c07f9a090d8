"""Commands for a deployment in use: `python -m cli.redrive --help`."""

import sys

from local.places import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "functions"))  # what is deployed has a root of its own
