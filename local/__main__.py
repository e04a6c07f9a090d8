"""Runs one command of the Makefile: `python -m local demo`."""

import importlib
import os
import signal
import sys

CLOUDFORMATION_GOES_ON = "CloudFormation finishes by itself what it began; the same command goes on from there"
COMMANDS = {
    "audit": "nothing was changed",
    "check": "nothing was changed",
    "demo": "nothing was left running",
    "deploy": CLOUDFORMATION_GOES_ON,
    "destroy": CLOUDFORMATION_GOES_ON,
    "events": "run it again",
    "down": "what was left is ended by the next `make down`",
    "lock": "the lock it was at is as it was",
    "up": "nothing was left running",
}
"""The module of this package whose `main` is run, and what a person who stopped it should know."""


def run() -> None:
    """Run the command that the command line names."""
    # Until the command is there to put its things away, Ctrl-C ends this process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What it writes is its owner's alone: .local holds keys, and out people's photos.
    os.umask(0o077)
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in COMMANDS:
        sys.exit(f"usage: python -m local {'|'.join(COMMANDS)}")
    from local.problem import run_command  # noqa: PLC0415 - only from here on a signal does no harm

    run_command(lambda: importlib.import_module(f"local.{name}").main(), when_stopped=COMMANDS[name])


if __name__ == "__main__":
    run()
