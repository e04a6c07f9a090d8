"""Packages as they are locked: read from a lock, and fetched by pip only if their bytes have a locked hash.

A lock is a requirements file with the hashes of each version's files, written by `make lock`. Only wheels are taken,
whose installation runs none of their code. Of a package that comes only as source, a backend of ours makes a wheel. It
runs none of that source either.

    python -P packages.py LOCK FOLDER   makes those wheels for `tools/install.py`. Standard library only.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCE_ONLY = ("pyvips",)
"""Packages without wheels. Their lock holds the hash of the source, and of the wheel that our backend makes of it."""
_BACKEND = Path(__file__).parent / "source_backend"
_ENTRY = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)(?P<rest>(?:.*\\\n)*.*)$", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class PipError(Exception):
    """pip could not do what it was asked; its own last words."""


@dataclass(frozen=True)
class Locked:
    """One package in a lock."""

    name: str
    version: str
    hashes: tuple[str, ...]
    """SHA-256, hexadecimal, of each file that may be installed."""

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version}"

    def line(self) -> str:
        """With the hashes, for pip."""
        return " ".join([self.requirement, *(f"--hash=sha256:{each}" for each in self.hashes)]) + "\n"


def read_lock(lock: Path) -> dict[str, Locked]:
    """The packages of a lock by their normalized names."""
    found = [
        Locked(entry["name"], entry["version"], tuple(_HASH.findall(entry["rest"])))
        for entry in _ENTRY.finditer(lock.read_text(encoding="utf-8"))
    ]
    return {normalized(each.name): each for each in found}


def normalized(name: str) -> str:
    """A package's name as the index compares it: https://peps.python.org/pep-0503/#normalized-names"""
    return re.sub(r"[-_.]+", "-", name).lower()


def make_wheels(packages: Iterable[Locked], folder: Path) -> None:
    """Make the wheels of what comes only as source. Raises PipError: it cannot be fetched, or has another hash."""
    for package in packages:
        if normalized(package.name) in SOURCE_ONLY:
            # Without the cache: it may hold a wheel that somebody else's build made of this source.
            options = ["--no-cache-dir", "--no-build-isolation", f"--no-binary={package.name}"]
            run_pip("wheel", [package], f"--wheel-dir={folder}", *options, environment={"PYTHONPATH": str(_BACKEND)})


def run_pip(
    command: str, packages: Iterable[Locked], *options: str, environment: Mapping[str, str] | None = None
) -> None:
    """Run pip on exactly these packages, in exactly these bytes. Raises PipError: it failed."""
    call = [sys.executable, "-m", "pip", command, "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
    with tempfile.TemporaryDirectory(prefix="dropcut-") as scratch:
        lines = Path(scratch) / "requirements.txt"
        lines.write_text("".join(package.line() for package in packages), encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - pip, with our own locks
            [*call, "--require-hashes", "--only-binary=:all:", f"--requirement={lines}", *options],
            # A person may set both, and pip would refuse a folder, or to work outside of a virtual environment.
            env={**without_access(os.environ), "PIP_REQUIRE_VIRTUALENV": "0", "PIP_USER": "0", **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise PipError(_last_words(done.stderr))


def without_access(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment without a person's access to AWS and to the API."""
    return {k: v for k, v in variables.items() if not k.startswith("AWS_") and k != "DROPCUT_API_KEY"}


def _last_words(stderr: str) -> str:
    """pip's errors, or the end of what it wrote."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return " ".join((errors or lines)[-3:]) or "nothing"


if __name__ == "__main__":
    make_wheels(read_lock(Path(sys.argv[1])).values(), Path(sys.argv[2]))
