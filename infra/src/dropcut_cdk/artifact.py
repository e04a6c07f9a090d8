"""A function's artifact, built by pip for the function's processor, without Docker.

An artifact is a zip of the packages that the function names, pinned by `functions/requirements.txt`, and of
`functions/dropcut`. Both steps are cached in `.build/`: the packages by their pins, the processor and the Python
version, the whole by the sources as well. So a second synth builds nothing, and a changed line of source installs
nothing.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dropcut_cdk.sources import FUNCTIONS, artifact_folder

PYTHON_VERSION = "3.13"
"""Of the Lambda runtime."""
_MANYLINUX = ("manylinux_2_28", "manylinux2014")
"""What wheels for the runtime may be built against: its system, Amazon Linux 2023, has glibc 2.34."""


class ArtifactError(Exception):
    """A function's artifact cannot be built; the message says why and what to do."""


@dataclass(frozen=True)
class Target:
    """What an artifact is built for."""

    name: str
    """Tells targets apart in the cache and in asset hashes."""
    pip_options: tuple[str, ...]
    """What makes pip choose that target's wheels."""

    @classmethod
    def for_lambda(cls, architecture: str) -> Target:
        """The Lambda runtime on `arm64` or `x86_64`, whatever this machine is."""
        processor = {"arm64": "aarch64", "x86_64": "x86_64"}[architecture]
        platforms = [f"--platform={manylinux}_{processor}" for manylinux in _MANYLINUX]
        options = (*platforms, f"--python-version={PYTHON_VERSION}", "--implementation=cp", "--only-binary=:all:")
        return cls(name=f"python{PYTHON_VERSION}-{processor}", pip_options=options)

    @classmethod
    def this_machine(cls) -> Target:
        """The Python and the processor that run the synth."""
        interpreter = f"{platform.python_implementation()}{platform.python_version()}".lower()
        return cls(name=f"{interpreter}-{sysconfig.get_platform()}", pip_options=("--only-binary=:all:",))


@dataclass(frozen=True)
class Artifact:
    """A built zip, and the name of its content: the same on every machine that builds the same commit."""

    path: Path
    content_hash: str

    @property
    def unzipped_bytes(self) -> int:
        """Size as Lambda counts it: without compression."""
        with zipfile.ZipFile(self.path) as archive:
            return sum(entry.file_size for entry in archive.infolist())


def build_artifact(
    packages: Sequence[str], target: Target, *, functions: Path = FUNCTIONS, build: Path | None = None
) -> Artifact:
    """Build the zip of these packages and the sources, or find the one built before.

    Raises:
        ArtifactError: a package is not pinned, or pip cannot install it.
    """
    build = build or artifact_folder()
    requirements = pinned(packages, functions / "requirements.txt")
    dependencies_hash = _hash(Path(__file__).read_text(), target.name, *requirements)
    sources = list(_source_files(functions))
    content_hash = _hash(dependencies_hash, *(f"{name}\0{_hash_of(path)}" for name, path in sources))
    artifact = build / f"artifact-{content_hash[:32]}.zip"
    if not artifact.exists():
        dependencies = build / f"packages-{dependencies_hash[:32]}.zip"
        if not dependencies.exists():
            _build_dependencies(requirements, target, dependencies)
        with _unfinished(artifact) as unfinished:
            shutil.copyfile(dependencies, unfinished)
            _append(unfinished, sources)
    _forget_unused(build, in_use=(artifact, build / f"packages-{dependencies_hash[:32]}.zip"))
    return Artifact(artifact, content_hash)


def _forget_unused(build: Path, *, in_use: Sequence[Path]) -> None:
    """Every changed line of source leaves an artifact behind; those of no use for a week go."""
    for path in in_use:
        with suppress(FileNotFoundError):
            os.utime(path)
    for path in build.glob("*.zip"):
        with suppress(FileNotFoundError):  # another synth was faster
            if time.time() - path.stat().st_mtime > _FORGET_AFTER_SECONDS:
                path.unlink()


_FORGET_AFTER_SECONDS = 7 * 24 * 3600


def pinned(packages: Sequence[str], requirements: Path) -> list[str]:
    """The lines of the requirements file for these packages, as `name==version`, sorted.

    Raises:
        ArtifactError: a package is missing there.
    """
    pins: dict[str, str] = {}
    for line in requirements.read_text(encoding="utf-8").splitlines():
        requirement = line.split("#")[0].strip()
        if requirement:
            pins[_normalized(re.split(r"[=<>!~;\[ ]", requirement)[0])] = requirement
    missing = sorted(name for name in packages if "==" not in pins.get(_normalized(name), ""))
    if missing:
        raise ArtifactError(
            f"A function needs {', '.join(missing)}, not pinned in {requirements.name} of {requirements.parent}. "
            "Add a line name==version there, or take the name out of the stage's `packages`."
        )
    return sorted(pins[_normalized(name)] for name in packages)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _source_files(functions: Path) -> Iterator[tuple[str, Path]]:
    """Name in the zip and place of each source file, in a fixed order; what running the tests leaves is not source."""
    for path in sorted((functions / "dropcut").rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            yield path.relative_to(functions).as_posix(), path


def _build_dependencies(requirements: Sequence[str], target: Target, finished: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="dropcut-") as scratch:
        wheels, installed = Path(scratch) / "wheels", Path(scratch) / "installed"
        for requirement in requirements:
            if _normalized(requirement.split("==")[0]) in _SOURCE_ONLY:
                _build_wheel(requirement, wheels)
        _pip("install", "--no-compile", f"--target={installed}", f"--find-links={wheels}", *target.pip_options,
             *requirements)  # fmt: skip
        with _unfinished(finished) as unfinished:
            _append(unfinished, list(_worth_shipping(installed)))


_SOURCE_ONLY = {"pyvips": {"PKG_CONFIG": "false"}}
"""Packages without wheels, and the environment that makes a wheel of theirs for any machine.

pyvips compiles a binding against the libvips that pkg-config finds, if any: for this machine, and over the one of
pyvips-binary. When pkg-config finds nothing it builds the pure Python wheel, which uses pyvips-binary's."""


def _build_wheel(requirement: str, wheels: Path) -> None:
    """Build a package from its source into a wheel for any machine."""
    name = _normalized(requirement.split("==", maxsplit=1)[0])
    # pip's cache may hold a wheel that was built for this machine alone
    _pip("wheel", f"--wheel-dir={wheels}", "--no-cache-dir", requirement, environment=_SOURCE_ONLY[name])
    if not any(
        path.name.endswith("-none-any.whl") for path in wheels.iterdir() if _normalized(path.name).startswith(name)
    ):
        raise ArtifactError(
            f"{requirement} was built as {', '.join(path.name for path in wheels.iterdir())}, for this machine only; "
            "see _SOURCE_ONLY in artifact.py for how a pure Python wheel is asked for."
        )


def _pip(command: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
    call = [sys.executable, "-m", "pip", command, "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
    done = subprocess.run(  # noqa: S603 - pip, with our own pins
        [*call, *arguments],
        env={**os.environ, "PIP_REQUIRE_VIRTUALENV": "0", **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ArtifactError(
            f"pip could not {command} what the functions need ({', '.join(a for a in arguments if '==' in a)}). "
            f"Is the package index reachable, and the pin in functions/requirements.txt right? pip said: "
            f"{_last_words(done.stderr)}"
        )


def _last_words(stderr: str) -> str:
    """pip's errors, or the end of what it wrote."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return " ".join((errors or lines)[-3:]) or "nothing"


_LEFT_OUT = re.compile(
    r"(^|/)__pycache__/|\.pyc$|\.pyi$|(^|/)py\.typed$|^bin/|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$"
)
"""What the function never reads, or what differs from one installation to the next. Licences stay."""


def _worth_shipping(installed: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(installed.rglob("*")):
        name = path.relative_to(installed).as_posix()
        if path.is_file() and not _LEFT_OUT.search(name):
            yield name, path


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


def _hash(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
