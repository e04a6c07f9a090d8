"""The operator's command `dropcut`: what became of photos, and what to do about it."""

import sys

_CLONE = __file__.rpartition("/cli/src/")[0]
if _CLONE:  # a wheel brings the functions' code along
    sys.path.insert(0, f"{_CLONE}/functions")
