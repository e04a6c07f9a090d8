"""Setting up: only when the requirements changed, and with a sentence when it cannot be done."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dropcut_cdk.packages import read_lock
from dropcut_cli.clone.places import REPOSITORY
from tools import install


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository in which nothing is installed."""
    (tmp_path / ".local").mkdir()
    monkeypatch.setattr(install, "REPOSITORY", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(install, "LOCK", tmp_path / "requirements.lock")
    monkeypatch.setattr(install, "LOG", tmp_path / ".local" / "install.log")
    return tmp_path


def test_it_is_done_again_when_a_requirement_changes_and_not_before(tmp_path: Path) -> None:
    """A touched file with the same content is no change."""
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("a==1\n")
    assert not install.is_done(tmp_path, [requirements])
    install.mark_done(tmp_path, [requirements])
    requirements.write_text("a==1\n")
    assert install.is_done(tmp_path, [requirements])
    requirements.write_text("a==2\n")
    assert not install.is_done(tmp_path, [requirements])


def test_what_is_installed_is_what_is_locked_and_none_of_its_code_runs(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "requirements.lock").write_text("a==1 --hash=sha256:00\n")
    commands: list[list[str]] = []
    monkeypatch.setattr(install, "run", lambda _doing, command: commands.append([str(each) for each in command]))
    monkeypatch.setattr(install, "venv_works", lambda: True)
    monkeypatch.setattr(install, "mark_done", lambda *_: None)
    monkeypatch.setattr(install, "is_done", lambda folder, _: folder == install.NODE_MODULES)
    install.make_ready()
    assert [command[1:3] for command in commands] == [["-P", str(install.PACKAGES)], ["-m", "pip"]]
    assert {"--require-hashes", "--only-binary=:all:", str(install.LOCK)} <= set(commands[1])


def test_pip_itself_is_installed_as_it_is_locked(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python came without it and the machine's own pip takes its place."""
    lock = (REPOSITORY / "requirements.lock").read_text()
    (repository / "requirements.lock").write_text(lock)
    commands: list[list[str]] = []
    monkeypatch.setattr(install, "run", lambda _doing, command: commands.append([str(each) for each in command]))
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: name == "pip" or None)
    install.make_venv()
    assert commands[1][-2:] == ["-r", str(repository / ".local" / "pip.lock")]
    assert "--require-hashes" in commands[1]
    (pip,) = read_lock(repository / ".local" / "pip.lock").values()
    assert pip == read_lock(REPOSITORY / "requirements.lock")["pip"]


def test_what_is_installed_does_not_see_a_persons_access(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "theirs")
    monkeypatch.setenv("DROPCUT_API_KEY", "theirs")
    install.run("Set up: x", [sys.executable, "-c", "import os; print('seen:', *sorted(os.environ))"])
    seen = install.LOG.read_text().rpartition("seen: ")[2].split()
    assert "PATH" in seen
    assert not [name for name in seen if name.startswith(("AWS_", "DROPCUT_"))]


def test_a_persons_setting_for_user_installations_changes_nothing(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_USER", "1")
    install.run("Set up: x", [sys.executable, "-c", "import os; print(os.environ['PIP_USER'])"])
    assert install.LOG.read_text().splitlines()[-1] == "0"


def test_a_venv_that_was_copied_from_elsewhere_does_not_count(repository: Path) -> None:
    """Its scripts lead to the old place."""
    assert not install.venv_works()
    (repository / ".venv" / "bin").mkdir(parents=True)
    (repository / ".venv" / "bin" / "python").symlink_to(sys.executable)
    assert not install.venv_works()


def test_without_the_venv_modules_other_half_the_way_out_is_shown(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian packs it apart."""
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(install.InstallError, match="sudo apt-get install python3-venv"):
        install.make_venv()


def test_a_failed_step_shows_the_end_of_its_log(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """And not a traceback."""
    with pytest.raises(install.InstallError, match="no such package: x"):
        install.run("Set up: x", [sys.executable, "-c", "raise SystemExit('no such package: x')"])
    assert capfd.readouterr().out.startswith("Set up: x ...")


NO_SPACE = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
NO_REGISTRY = "WARNING: Retrying after connection broken by 'NewConnectionError: Name or service not known'"


@pytest.mark.parametrize(
    ("log", "free", "words"),
    [
        (NO_SPACE, 10**9, "The disk is full: 1.5 GB are needed, and free are 1.0 GB at "),
        ("npm error code ENOSPC", 10**9, "The disk is full"),
        ("(its log did not fit either)", 10**6, "The disk is full: 1.5 GB are needed, and free are 0.0 GB at "),
        (NO_REGISTRY, 10**9, "A package registry could not be reached"),
        ("npm error code ECONNREFUSED", 10**9, "A package registry could not be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", 10**9, "The log says why."),
        (f"{NO_REGISTRY}\n$ npm ci\n{NO_SPACE}", 10**9, "The disk is full"),
        (f"{NO_SPACE}\n$ npm ci\n{NO_REGISTRY}", 10**9, "A package registry could not be reached"),
    ],
)
def test_a_full_disk_is_not_a_registry_out_of_reach(
    monkeypatch: pytest.MonkeyPatch, log: str, free: int, words: str
) -> None:
    """The failed command's output and the free space decide: the log itself may not have fitted."""
    monkeypatch.setattr(install, "_free_bytes", lambda: {"/a place": free})
    assert install.why_it_failed(f"$ pip install\n{log}").startswith(words)


def test_a_disk_that_is_full_for_the_log_itself_is_named_in_a_sentence(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "install.log")

    monkeypatch.setattr(install, "make_ready", full)
    assert install.main() == 1
    assert capfd.readouterr().err.startswith("\nThe disk is full: 1.5 GB are needed")


def test_a_long_step_says_that_it_goes_on_where_no_terminal_is(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "_SECONDS_BETWEEN_LINES", 0.05)
    install.run("Set up: x", [sys.executable, "-c", "import time; time.sleep(0.3)"])
    first, *between, last = capfd.readouterr().out.splitlines()
    assert first == "Set up: x ..."
    assert between[0] == "    0 s so far"
    assert last.startswith("    done in ")


def test_it_needs_nothing_but_the_standard_library() -> None:
    """It runs before anything is installed."""
    code = f"import runpy; runpy.run_path({install.__file__!r})"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def test_ctrl_c_during_its_first_imports_leaves_no_traceback(tmp_path: Path) -> None:
    """The first half second of a `make demo` is enough time to think better of it."""
    (tmp_path / "hashlib.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    stopped = subprocess.run(
        [sys.executable, install.__file__],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (stopped.returncode, stopped.stderr) == (-signal.SIGINT, "")


def test_ctrl_c_at_work_is_answered_in_a_sentence(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """And not with a traceback."""
    monkeypatch.setattr(install, "make_ready", lambda: os.kill(os.getpid(), signal.SIGINT))
    assert install.main() == 130
    assert "The next `make` goes on from here" in capfd.readouterr().err


def test_the_state_folder_is_its_owners_alone(repository: Path) -> None:
    """Also one that an older version left open to others."""
    (repository / ".local").chmod(0o755)
    install.open_lock().close()
    assert (repository / ".local").stat().st_mode & 0o777 == 0o700


def test_a_state_folder_that_cannot_be_written_to_is_named_in_a_sentence(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is the first thing that any make command writes to."""
    (repository / ".local").rmdir()
    (repository / ".local").symlink_to("gone")
    assert install.main() == 1
    assert ".local cannot be written to: it is a link to gone, which is not there." in capfd.readouterr().err
