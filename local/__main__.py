"""Runs one command of the Makefile: `python -m local demo`."""

from dropcut_cli.clone.commands import run

COMMANDS = {
    "demo": "nothing was left running",
    "down": "what was left is ended by the next `make down`",
    "up": "nothing was left running",
}
"""Each command's module, and what a person should know who stopped it."""

if __name__ == "__main__":
    run("local", COMMANDS)
