"""Where the systems on this machine and the demo have their files."""

from dropcut_cli.clone.places import LOCAL, REPOSITORY

UP = LOCAL / "up"
STACK_FILE = LOCAL / "stack.json"
"""How to reach what `make up` left running."""
SAMPLES = REPOSITORY / "samples"
OUT = REPOSITORY / "out"
