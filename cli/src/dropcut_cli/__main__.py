"""`python -m dropcut_cli`, and the script `dropcut`."""

import os
import signal
import sys


def main() -> None:
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heard:  # Ctrl-C while modules are imported ends it without a traceback
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dropcut_cli.program import run

    try:
        if heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run()
    except KeyboardInterrupt:
        code = 130
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is over: what was said and the exit code stay
    try:
        if sys.stdout:  # there is none after `>&-`
            sys.stdout.flush()
    except OSError:  # it was said, or nobody reads any more: the interpreter is not to say it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
