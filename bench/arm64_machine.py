"""Python for arm64 on a machine of another kind: Debian's packages, run by QEMU in its user mode.

Everything lies in one folder. Nothing is installed into the system, and no rights are needed for it.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dropcut_cdk.artifact import PYTHON_VERSION
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.surroundings import clean

_SUITE = "trixie"
"""The Debian whose Python is that of the Lambda runtime."""
_QEMU = "qemu-aarch64"


@dataclass(frozen=True)
class Arm64Machine:
    """An unpacked arm64 system, with the emulator beside it."""

    root: Path

    def run(self, arguments: Sequence[str | Path], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments; the result holds what it printed."""
        emulator, python = self.root / "usr/bin" / _QEMU, self.root / f"usr/bin/python{PYTHON_VERSION}"
        return subprocess.run(
            [emulator, "-L", self.root, python, *arguments],
            env=clean() | variables,
            capture_output=True,
            text=True,
            check=False,
        )


def install_arm64_machine(folder: Path) -> Arm64Machine:
    """Fetch and unpack it into an empty folder: 85 MB, 120 MB unpacked.

    Raises:
        Problem: this is no Debian, or its packages cannot be fetched.
    """
    missing = [name for name in ("apt-get", "dpkg", "dpkg-deb", "tar") if not shutil.which(name)]
    if missing:
        raise Problem(f"`python -m bench arm64` needs Debian's tools, and {', '.join(missing)} is not here.")
    # The last is in Lambda's system, too: wheels may rely on it.
    python = (f"python{PYTHON_VERSION}-minimal", f"libpython{PYTHON_VERSION}-stdlib", "libstdc++6")
    own = _output("dpkg", "--print-architecture")
    options = _own_apt(folder, own)
    _output("apt-get", *options, "update")
    _output("apt-get", *options, "--yes", "--no-install-recommends", "--download-only", "install",
            *python, f"qemu-user:{own}")  # fmt: skip
    root = folder / "root"
    (root / "usr/lib").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")  # as Debian's base system has it
    for package in (folder / "cache/archives").glob("*.deb"):
        if package.name.startswith("qemu-user_"):
            _unpack_emulator(package, root)
        else:
            _output("dpkg-deb", "--extract", package, root)
        package.unlink()
    return Arm64Machine(root)


def _own_apt(folder: Path, own: str) -> list[str]:
    """Options that make apt use this folder alone, and the mirror that this machine has."""
    sites = _output("apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", "Created-By: Packages")
    mirror = next((uri for uri in sites.split() if "security" not in uri), "")
    if not mirror:
        raise Problem(
            "`python -m bench arm64` takes its packages from the Debian mirror of this machine, and apt knows none. "
            "On Debian, run `apt-get update` once; elsewhere this benchmark cannot run."
        )
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "sources.list").write_text(f"deb {mirror} {_SUITE} main\n")
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures::": "arm64",
        "APT::Sandbox::User": "root",  # the folder is closed to apt's own user
        "Acquire::Languages": "none",
        "Debug::NoLocking": "1",
        "Dir::Cache": str(folder / "cache"),
        "Dir::Etc::SourceList": str(folder / "sources.list"),
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": str(folder / "lists"),
        "Dir::State::status": "/dev/null",
    }
    return [f"-o{name}={value}" for name, value in settings.items()] + [f"-oAPT::Architectures::={own}"]


def _unpack_emulator(package: Path, root: Path) -> None:
    """That for arm64 alone, of three dozen."""
    archive = package.with_suffix(".tar")
    with archive.open("wb") as file:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", package], stdout=file, check=True)
    _output("tar", "--extract", f"--directory={root}", f"--file={archive}", f"./usr/bin/{_QEMU}")
    archive.unlink()


def _output(*command: str | Path) -> str:
    """What a command printed. Raises Problem when it fails."""
    done = subprocess.run(command, env=clean(keep_proxies=True), capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[-600:]
        raise Problem(
            f"An arm64 Python of Debian {_SUITE} could not be fetched: {command[0]} ended with {done.returncode}. "
            f"Is the mirror reachable? It said: {said}"
        )
    return done.stdout.strip()
