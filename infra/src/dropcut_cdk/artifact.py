"""A function's artifact, built by pip for the function's processor, without Docker.

An artifact is a zip of the packages that the function names, as `functions/requirements.lock` has them, and of
`functions/dropcut`. Both are cached, where `sources.py` says: a second synth builds nothing, and a changed line of
source installs nothing. Beside each artifact lies its bill of materials.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import sysconfig
import tempfile
import time
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dropcut_cdk.packages import Locked, PipError, make_wheels, normalized, read_lock, run_pip
from dropcut_cdk.sources import FUNCTIONS, artifact_folder

PYTHON_VERSION = "3.13"
"""Of the Lambda runtime."""
_FORGET_AFTER_SECONDS = 7 * 24 * 3600
_MANYLINUX = ("manylinux_2_28", "manylinux2014")
"""What wheels for the runtime may be built against: its system, Amazon Linux 2023, has glibc 2.34."""


class ArtifactError(Exception):
    """A function's artifact cannot be built; the message says why and what to do."""


@dataclass(frozen=True)
class Target:
    """What an artifact is built for."""

    name: str
    """Names the target in the cache and in asset hashes."""
    pip_options: tuple[str, ...]
    """What makes pip choose that target's wheels."""

    @classmethod
    def for_lambda(cls, architecture: str) -> Self:
        """The Lambda runtime on `arm64` or `x86_64`, whatever this machine is."""
        processor = {"arm64": "aarch64", "x86_64": "x86_64"}[architecture]
        platforms = [f"--platform={manylinux}_{processor}" for manylinux in _MANYLINUX]
        options = (*platforms, f"--python-version={PYTHON_VERSION}", "--implementation=cp")
        return cls(name=f"python{PYTHON_VERSION}-{processor}", pip_options=options)

    @classmethod
    def this_machine(cls) -> Self:
        """The Python and the processor that run the synth."""
        interpreter = f"{platform.python_implementation()}{platform.python_version()}".lower()
        return cls(name=f"{interpreter}-{sysconfig.get_platform()}", pip_options=())


@dataclass(frozen=True)
class Artifact:
    """A built zip, and its content's hash, the same on every machine that builds the same commit."""

    path: Path
    content_hash: str

    @property
    def bill(self) -> Path:
        """Its software bill of materials, in CycloneDX's JSON."""
        return self.path.with_suffix(".cdx.json")


def build_artifact(
    packages: Sequence[str], target: Target, *, functions: Path = FUNCTIONS, build: Path | None = None
) -> Artifact:
    """Build the zip of these packages and the sources, or find the one built before.

    Raises:
        ArtifactError: a package is not locked, or pip cannot install it.
    """
    build = build or artifact_folder()
    locked_packages = locked(packages, functions)
    how = (path.read_text() for path in (Path(__file__), Path(__file__).with_name("packages.py")))
    dependencies_hash = _hash(*how, target.name, *(each.line() for each in locked_packages))
    sources = _files(functions / "dropcut", functions)
    content_hash = _hash(dependencies_hash, *(f"{name}\0{_hash(path.read_bytes())}" for name, path in sources))
    artifact = build / f"artifact-{content_hash[:32]}.zip"
    if not artifact.exists():
        dependencies = build / f"packages-{dependencies_hash[:32]}.zip"
        if not dependencies.exists():
            _build_dependencies(locked_packages, target, dependencies)
        with _unfinished(artifact) as unfinished:
            shutil.copyfile(dependencies, unfinished)
            _append(unfinished, sources)
    built = Artifact(artifact, content_hash)
    with _unfinished(built.bill) as unfinished:
        unfinished.write_text(json.dumps(bill_of_materials(locked_packages, content_hash), indent=1) + "\n")
    _forget_unused(build, in_use=(artifact, built.bill, build / f"packages-{dependencies_hash[:32]}.zip"))
    return built


def bill_of_materials(packages: Sequence[Locked], content_hash: str) -> dict[str, object]:
    """What an artifact is made of, the same for the same artifact: https://cyclonedx.org/docs/1.6/json/

    A component's hashes are those of the files that the lock allows, one for each platform.
    """
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content_hash)}",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "dropcut", "version": content_hash}},
        "components": [
            {
                "type": "library",
                "bom-ref": (purl := f"pkg:pypi/{normalized(package.name)}@{package.version}"),
                "name": package.name,
                "version": package.version,
                "purl": purl,
                "hashes": [{"alg": "SHA-256", "content": each} for each in package.hashes],
            }
            for package in packages
        ],
    }


def _forget_unused(build: Path, *, in_use: Sequence[Path]) -> None:
    """Every changed line of source leaves an artifact behind; those of no use for a week go."""
    for path in in_use:
        with suppress(FileNotFoundError):
            os.utime(path)
    for path in (*build.glob("*.zip"), *build.glob("*.cdx.json")):
        with suppress(FileNotFoundError):  # another synth was faster
            if time.time() - path.stat().st_mtime > _FORGET_AFTER_SECONDS:
                path.unlink()


def locked(packages: Sequence[str], functions: Path) -> list[Locked]:
    """The packages as `functions/requirements.lock` has them, sorted.

    Raises:
        ArtifactError: it lacks one, or its hashes.
    """
    lock = read_lock(functions / "requirements.lock")
    found = {name: lock.get(name) for name in sorted(map(normalized, packages))}
    missing = [name for name, package in found.items() if not package or not package.hashes]
    if missing:
        raise ArtifactError(
            f"A function needs {', '.join(missing)}, which functions/requirements.lock does not hold. Add a line "
            "name==version to functions/requirements.txt, run `make lock`, and look at what changed."
        )
    return [package for package in found.values() if package]


def _build_dependencies(packages: Sequence[Locked], target: Target, finished: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="dropcut-") as scratch:
        wheels, installed = Path(scratch) / "wheels", Path(scratch) / "installed"
        options = ("--no-compile", f"--target={installed}", f"--find-links={wheels}", *target.pip_options)
        try:
            make_wheels(packages, wheels)
            run_pip("install", packages, *options)
        except PipError as error:
            names = ", ".join(package.requirement for package in packages)
            raise ArtifactError(
                f"pip could not install what the functions need ({names}). Is the package index reachable, and "
                f"functions/requirements.lock right? pip said: {error}"
            ) from error
        with _unfinished(finished) as unfinished:
            _append(unfinished, _files(installed, installed))


_LEFT_OUT = re.compile(
    r"(^|/)__pycache__/|\.pyc$|\.pyi$|(^|/)py\.typed$|^bin/|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$"
)
"""What the function never reads, or what differs from one installation to the next. Licences stay."""


def _files(folder: Path, root: Path) -> list[tuple[str, Path]]:
    """Name in the zip and place of each file in a folder, in a fixed order; what running the tests leaves is none."""
    found = [(path.relative_to(root).as_posix(), path) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [(name, path) for name, path in found if not _LEFT_OUT.search(name)]


def _append(archive: Path, files: Sequence[tuple[str, Path]]) -> None:
    """Add files to a zip, with a fixed date and readable by all: Lambda runs them as another user."""
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as zipped:
        for name, path in files:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100755 if ".so" in path.suffixes else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, path.read_bytes())


@contextmanager
def _unfinished(finished: Path) -> Iterator[Path]:
    """A place to build a file; it gets its name when it is complete, so an interrupted build leaves no half one."""
    finished.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=finished.parent, prefix="unfinished-") as scratch:
        unfinished = Path(scratch) / finished.name
        yield unfinished
        unfinished.replace(finished)


def _hash(*parts: str | bytes) -> str:
    return hashlib.sha256(b"\n".join(part if isinstance(part, bytes) else part.encode() for part in parts)).hexdigest()
