"""Runs `make deploy` or `make destroy`: `python -m dropcut_cli.account deploy`."""

from dropcut_cli.clone.commands import run

CLOUDFORMATION_GOES_ON = "CloudFormation finishes by itself what it began; the same command goes on from there"
COMMANDS = {"deploy": CLOUDFORMATION_GOES_ON, "destroy": CLOUDFORMATION_GOES_ON}
"""The module of this package whose `main` is run, and what a person who stopped it should know."""

if __name__ == "__main__":
    run("dropcut_cli.account", COMMANDS)
