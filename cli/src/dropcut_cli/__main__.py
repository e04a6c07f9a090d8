"""`python -m dropcut_cli`, and the script `dropcut`."""

import os
import sys


def main() -> None:
    try:
        from dropcut_cli.program import run  # noqa: PLC0415 - Ctrl-C may come already now

        code = run()
    except KeyboardInterrupt:
        code = 130
    try:
        sys.stdout.flush()
    except OSError:  # said already, or nobody reads any more: it is not to be said again at the very end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
