"""`python -m dropcut_cli`, and the script `dropcut`."""

import sys

from dropcut_cli.program import run


def main() -> None:
    sys.exit(run())


if __name__ == "__main__":
    main()
