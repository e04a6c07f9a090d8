"""`python -m dropcut_cli`."""

import sys

from dropcut_cli.program import run

if __name__ == "__main__":
    sys.exit(run())
