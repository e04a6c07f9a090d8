"""`make lock`: writes the locks anew from the human-edited lists of requirements; `make check` asks if they are stale.

uv looks every package up for all platforms at once; it fetches no more than their descriptions.
"""

import hashlib
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dropcut_cdk.packages import SOURCE_ONLY, PipError, make_wheels, read_lock, without_access
from dropcut_cli.clone.places import PYTHON, REPOSITORY
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.steps import Steps

OLDEST_PYTHON = "3.11"
_ENTRY = r"(?m)^({name}==\S+ \\\n)"


@dataclass(frozen=True)
class Lock:
    """A lock, and the lists it is made from; paths are relative to the repository."""

    made_from: tuple[str, ...]
    """The first one names the others."""
    path: str

    def head(self, repository: Path) -> str:
        """The lock's first lines as they have to be: with a hash of what was asked for, without comments."""
        asked = "".join(f"{line}\n" for name in self.made_from for line in _requirements(repository / name))
        return (
            f"# Made by `make lock` from {' and '.join(self.made_from)}; not to be edited.\n"
            f"# These ask for sha256 {hashlib.sha256(asked.encode()).hexdigest()}\n"
        )


LOCKS = (
    Lock(("functions/requirements.txt",), "functions/requirements.lock"),
    Lock(("requirements.txt", "functions/requirements.txt"), "requirements.lock"),
)


def main() -> int:
    """Write each lock."""
    steps = Steps()
    for lock in LOCKS:
        with steps.step(f"Lock {lock.path}"):
            renew(lock)
    steps.say("Look at what changed (git diff), then run `make check`: it installs what is locked.")
    return 0


def stale_locks(repository: Path = REPOSITORY) -> list[str]:
    """The locks that were not made from the requirements as they are now."""
    return [
        lock.path
        for lock in LOCKS
        if not (repository / lock.path).exists()
        or not (repository / lock.path).read_text(encoding="utf-8").startswith(lock.head(repository))
    ]


def renew(lock: Lock, repository: Path = REPOSITORY) -> None:
    """Write one lock.

    Raises:
        Problem: the requirements cannot be met, or the package index cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="dropcut-") as scratch:
        found = Path(scratch) / "requirements.lock"
        command = [PYTHON, "-m", "uv", "pip", "compile", lock.made_from[0], "--quiet", "--universal", "--no-header"]
        # Of a package that comes as source uv reads the description, and does not build it.
        options = ["--generate-hashes", f"--python-version={OLDEST_PYTHON}", "--only-binary=:all:"]
        options += [f"--no-binary={name}" for name in SOURCE_ONLY]
        done = subprocess.run(
            [*command, *options, f"--output-file={found}"],
            cwd=repository,
            env=without_access(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Problem(f"{lock.path} cannot be made. uv said:\n{done.stderr.strip()}")
        try:
            _add_hashes_of_wheels(found)
        except PipError as error:
            raise Problem(f"{lock.path} cannot be made. pip said: {error}") from error
        (repository / lock.path).write_text(lock.head(repository) + found.read_text(encoding="utf-8"), encoding="utf-8")


def _add_hashes_of_wheels(lock: Path) -> None:
    """Add what our backend makes of the sources: the wheel is what is installed."""
    wheels = lock.parent / "wheels"
    make_wheels(read_lock(lock).values(), wheels)
    text = lock.read_text(encoding="utf-8")
    for wheel in wheels.iterdir():
        name = wheel.name.split("-")[0]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        text = re.sub(_ENTRY.format(name=name), rf"\1    --hash=sha256:{digest} \\\n", text)
    lock.write_text(text, encoding="utf-8")


def _requirements(path: Path) -> list[str]:
    """The requirements of a list, without comments and empty lines."""
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]
