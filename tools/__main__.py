"""Runs one command of the Makefile: `python -m tools check`."""

from dropcut_cli.clone.commands import run

COMMANDS = {
    "audit": "nothing was changed",
    "check": "nothing was changed",
    "events": "run it again",
    "lock": "the lock it was at is as it was",
}
"""Each command's module, and what a person should know who stopped it."""

if __name__ == "__main__":
    run("tools", COMMANDS)
