"""Runs one command of the Makefile: `python -m local demo`."""

from dropcut_cli.clone.commands import run

COMMANDS = {
    "demo": "nothing was left running",
    "down": "what was left is ended by the next `make down`",
    "up": "nothing was left running",
}
"""The module of this package whose `main` is run, and what a person who stopped it should know."""

if __name__ == "__main__":
    run("local", COMMANDS)
