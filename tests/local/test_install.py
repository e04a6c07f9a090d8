"""Setting up: only when the requirements changed, and with a sentence when it cannot be done."""

import subprocess
import sys
from pathlib import Path

import pytest

from local import install


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository in which nothing is installed."""
    (tmp_path / ".local").mkdir()
    monkeypatch.setattr(install, "REPOSITORY", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "PYTHON", tmp_path / ".venv" / "bin" / "python")
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


def test_a_venv_that_was_copied_from_elsewhere_does_not_count(repository: Path) -> None:
    """Its scripts lead to the old place."""
    assert not install.venv_works()
    (repository / ".venv" / "bin").mkdir(parents=True)
    (repository / ".venv" / "bin" / "python").symlink_to(sys.executable)
    assert not install.venv_works()


def test_without_the_venv_modules_other_half_the_way_out_is_told(
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


def test_it_needs_nothing_but_the_standard_library() -> None:
    """It runs before anything is installed."""
    code = f"import runpy; runpy.run_path({install.__file__!r})"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
