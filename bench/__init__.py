"""Speed, size and cost, each measured against a baseline in the same run: `python -m bench --help`."""

import sys

from local.places import REPOSITORY

# What is deployed, and the construct that deploys it, have roots of their own.
sys.path[:0] = [str(REPOSITORY / "functions"), str(REPOSITORY / "infra" / "src")]
