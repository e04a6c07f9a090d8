"""Starts one command of a package from its name on the command line, as `python -m local demo` does."""

import importlib
import os
import signal
import sys
from collections.abc import Mapping


def run(package: str, when_stopped: Mapping[str, str]) -> None:
    """Run `main` of the package's module that the command line names, and leave with its exit code.

    Args:
        package: where the modules are.
        when_stopped: by command, what a person who stopped it should know.
    """
    # Until the command is there to put its things away, Ctrl-C ends this process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What it writes is its owner's alone: .local holds keys, and out people's photos.
    os.umask(0o077)
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in when_stopped:
        sys.exit(f"usage: python -m {package} {'|'.join(when_stopped)}")
    from dropcut_cli.clone.problem import run_command  # only from here on a signal does no harm

    run_command(lambda: importlib.import_module(f"{package}.{name}").main(), when_stopped=when_stopped[name])
