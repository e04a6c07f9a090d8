"""Builds `.venv` and the CDK command line: `make` runs this before everything else, with the machine's Python.

It installs what the locks hold, with their hashes, and runs none of that code meanwhile. Nothing is done
again until a lock changes. Uses the standard library only.
"""

if __name__ == "__main__":
    # Ctrl-C while the rest is imported ends this process without a traceback. `_signal` is a part of Python itself:
    # `signal` would have to be loaded first.
    import _signal  # type: ignore[import-not-found]

    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

import errno
import fcntl
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

REPOSITORY = Path(__file__).resolve().parent.parent
VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = REPOSITORY / "requirements.lock"
PACKAGES = REPOSITORY / "infra" / "src" / "dropcut_cdk" / "packages.py"
NODE_MODULES = REPOSITORY / "node_modules"
NODE_REQUIREMENTS = [REPOSITORY / "package.json", REPOSITORY / "package-lock.json"]
LOG = REPOSITORY / ".local" / "install.log"

_PIP_INSTALL = ["install", "--disable-pip-version-check", "--no-input", "--progress-bar=off", "--require-hashes",
                "--no-deps", "--only-binary=:all:"]  # fmt: skip
_STAMP = "made-from.txt"
_TAIL_LINES = 15
_SECONDS_BETWEEN_LINES = 10.0
NEEDED = "1.5 GB"
"""`.venv` is 1.13 GB and `node_modules` 0.03 GB (November 2026); the rest is for packages on their way."""
_FULL_BYTES = 20_000_000
"""A disk with less is full: a package that did not fit left so much at most."""
_NO_SPACE = re.compile(r"No space left on device|ENOSPC|Disk quota exceeded|EDQUOT|not enough space", re.IGNORECASE)
_NO_REGISTRY = re.compile(
    r"NewConnectionError|Max retries exceeded|Name or service not known|name resolution|ProxyError|SSLError|timed out"
    r"|No matching distribution|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|Connection refused"
)


class InstallError(Exception):
    """Something could not be installed; the text says what, and what to do."""


def main() -> int:
    """Make everything ready; exit code 0 when it is."""
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with open_lock() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second `make` waits for the work of the first
            make_ready()
    except InstallError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"\n{no_space()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The next `make` goes on from here.", file=sys.stderr)
        return 130
    return 0


def open_lock() -> TextIO:
    """The file that is locked while something is installed; its folder is where `make` keeps its state.

    Raises:
        InstallError: it cannot be written to.
    """
    try:
        LOG.parent.mkdir(exist_ok=True)
        LOG.parent.chmod(0o700)  # keys, logs and photos are kept there
        lock = LOG.parent / "install.lock"
        lock.touch(mode=0o600)
        return lock.open("w")
    except OSError as error:
        lost = LOG.parent.is_symlink() and not LOG.parent.exists()
        why = f"it is a link to {LOG.parent.readlink()}, which is not there" if lost else error.strerror
        raise InstallError(
            f"{shlex.quote(str(LOG.parent))} cannot be written to: {why}. "
            "The make commands keep their state and logs there. "
            "Make it a folder that you may write to, or remove it, then run make again."
        ) from error


def make_ready() -> None:
    """Bring `.venv` and `node_modules` up to what the requirements ask for."""
    works = venv_works()
    if not works or not is_done(VENV, [LOCK]):
        LOG.touch(mode=0o600)
        LOG.write_text("")
        if not works:
            make_venv()
        wheels = LOG.parent / "wheels"
        run("Set up: wheels of what comes as source", [PYTHON, "-P", PACKAGES, LOCK, wheels])
        # Without --no-compile a minute goes into compiling what is never imported, such as most of the CDK's services.
        install: list[str | Path] = ["-m", "pip", *_PIP_INSTALL, "--no-compile", f"--find-links={wheels}", "-r", LOCK]
        run("Set up: Python packages into .venv (once, about two minutes)", [PYTHON, *install])
        mark_done(VENV, [LOCK])
    if not is_done(NODE_MODULES, NODE_REQUIREMENTS):
        run("Set up: the CDK command line into node_modules (once)", [VENV / "bin" / "npm", "ci"])
        mark_done(NODE_MODULES, NODE_REQUIREMENTS)


def venv_works() -> bool:
    """Whether `.venv` has a Python that runs, is new enough and belongs here (a copied folder's does not)."""
    if not PYTHON.exists():
        return False
    probe = f"import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix != {str(VENV)!r})"
    return subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0


def make_venv() -> None:
    """Make an empty `.venv` with pip in it, from the Python that runs this.

    Debian packs what `venv` needs to bring pip along (ensurepip) apart from Python; the machine's own pip, if there
    is one, can take its place.
    """
    make = [sys.executable, "-m", "venv", "--clear"]
    if importlib.util.find_spec("ensurepip"):
        run("Set up: .venv", [*make, VENV])
    elif importlib.util.find_spec("pip"):
        run("Set up: .venv", [*make, "--without-pip", VENV])
        pip_alone = LOG.parent / "pip.lock"
        pip_alone.write_text(locked_pip(LOCK.read_text()))
        install: list[str | Path] = [sys.executable, "-m", "pip", "--python", PYTHON, *_PIP_INSTALL, "-r", pip_alone]
        run("Set up: pip into .venv", install)
    else:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise InstallError(
            f"Python {version} at {sys.executable} came without what its venv module needs; .venv cannot be made.\n"
            f"On Debian or Ubuntu: sudo apt-get install python3-venv (or python{version}-venv), then run make again."
        )


def locked_pip(lock: str) -> str:
    """The lines of the lock for pip itself."""
    found = re.search(r"^pip==(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    assert found, "requirements.txt names pip"
    return found[0]


def is_done(folder: Path, requirements: Sequence[Path]) -> bool:
    """Whether `folder` was made from these requirements as they are now."""
    stamp = folder / _STAMP
    return stamp.exists() and stamp.read_text() == fingerprint(requirements)


def mark_done(folder: Path, requirements: Sequence[Path]) -> None:
    """Remember what `folder` was made from."""
    (folder / _STAMP).write_text(fingerprint(requirements))


def fingerprint(files: Sequence[Path]) -> str:
    """One line that changes when the content of one of the files does."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest() + "\n"


def run(doing: str, command: Sequence[str | Path]) -> None:
    """Say what is being done and do it, with the output in the log.

    Raises:
        InstallError: it failed; with the end of the log.
    """
    on_terminal = sys.stdout.isatty()
    print(f"{doing} ...", end="" if on_terminal else "\n", flush=True)
    started = time.monotonic()
    # npm finds `node` by PATH, and it must be the one in .venv.
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # A person's pip may install for that person alone, which it refuses in .venv.
    environment = {**without_access(os.environ), "PATH": path, "PIP_USER": "0"}
    with LOG.open("a") as log:
        log.write(f"$ {shlex.join(str(each) for each in command)}\n")
        log.flush()
        at_work = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
        )
        exit_code = _wait(at_work, "" if on_terminal else "    {:.0f} s so far")
    print(f"{' ' if on_terminal else '    done in '}{time.monotonic() - started:.0f} s", flush=True)
    if exit_code:
        raise InstallError(
            f"That failed. The end of {LOG.relative_to(REPOSITORY)}:\n{_tail()}\n"
            f"{why_it_failed(LOG.read_text(errors='replace'))}"
        )


def _wait(at_work: subprocess.Popen[bytes], so_far: str) -> int:
    """Wait for a command's exit code; say every few seconds how long it has been, if `so_far` has words for it."""
    started = time.monotonic()
    try:
        while True:
            try:
                return at_work.wait(_SECONDS_BETWEEN_LINES)
            except subprocess.TimeoutExpired:
                if so_far:
                    print(so_far.format(time.monotonic() - started), flush=True)
    except BaseException:
        at_work.kill()
        at_work.wait()
        raise


def why_it_failed(log: str) -> str:
    """What a person should do about it: make room, reach the registry, or read the log."""
    last_command = log.rpartition("\n$ ")[2]
    if _NO_SPACE.search(last_command) or min(_free_bytes().values()) < _FULL_BYTES:
        return no_space()
    if _NO_REGISTRY.search(last_command):
        return "A package registry could not be reached: see that it can be, then run make again."
    return "The log says why. Put that right, then run make again."


def no_space() -> str:
    """The sentence about a full disk, with what is free where."""
    free = ", ".join(f"{free / 1e9:.1f} GB at {shlex.quote(place)}" for place, free in _free_bytes().items())
    return f"The disk is full: {NEEDED} are needed, and free are {free}. Make room, then run make again."


def _free_bytes() -> dict[str, int]:
    """Where packages go, and where they are unpacked."""
    return {place: shutil.disk_usage(place).free for place in (str(REPOSITORY), tempfile.gettempdir())}


def without_access(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment without a person's access to AWS and to the API: what is installed has no business with it."""
    return {k: v for k, v in variables.items() if not k.startswith("AWS_") and k != "DROPCUT_API_KEY"}


def _tail() -> str:
    return "\n".join(f"    {line}" for line in LOG.read_text(errors="replace").splitlines()[-_TAIL_LINES:])


if __name__ == "__main__":
    sys.exit(main())
