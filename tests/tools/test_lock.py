"""The locks: whole, with hashes, without a host, and said to be stale when what they were made from has changed."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from dropcut_cdk.packages import SOURCE_ONLY, read_lock
from dropcut_cli.clone.places import REPOSITORY
from tools import check, lock
from tools.lock import LOCKS, stale_locks

COMMITTED = [REPOSITORY / each.path for each in LOCKS]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the lists and locks."""
    (tmp_path / "functions").mkdir()
    for path in {path for each in LOCKS for path in (*each.made_from, each.path)}:
        shutil.copyfile(REPOSITORY / path, tmp_path / path)
    return tmp_path


def test_the_committed_locks_are_not_stale() -> None:
    assert stale_locks() == []


@pytest.mark.parametrize(
    ("path", "old", "new", "stale"),
    [
        (
            "functions/requirements.txt",
            "requests==",
            "requests==1",
            ["functions/requirements.lock", "requirements.lock"],
        ),
        ("functions/requirements.txt", "# boto3 comes", "# It comes", []),
        ("requirements.txt", "pytest==", "pytest==1", ["requirements.lock"]),
        ("requirements.txt", "pytest==", "# pytest==", ["requirements.lock"]),
        ("requirements.txt", "# Tests and checks.", "left-pad==1", ["requirements.lock"]),
    ],
)
def test_a_lock_is_stale_when_a_requirement_changes(
    repository: Path, path: str, old: str, new: str, stale: list[str]
) -> None:
    """And not when a comment does."""
    text = (repository / path).read_text()
    assert old in text
    (repository / path).write_text(text.replace(old, new))
    assert stale_locks(repository) == stale


def test_a_lock_that_is_not_there_is_stale(repository: Path) -> None:
    (repository / "requirements.lock").unlink()
    assert stale_locks(repository) == ["requirements.lock"]


def test_the_check_fails_with_what_to_do_when_a_lock_is_stale(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "CHECKS", {})
    assert check.main() == 0
    monkeypatch.setattr(check, "stale_locks", lambda: ["requirements.lock"])
    assert check.main() == 1
    assert "requirements.lock is stale: what it was made from has changed. Run `make lock`." in capfd.readouterr().err


@pytest.mark.parametrize("path", COMMITTED, ids=str)
def test_every_package_of_a_lock_has_a_hash(path: Path) -> None:
    lines = re.findall(r"(?m)^[\w.-]+==", path.read_text())
    assert len(lines) >= len(read_lock(path)) > 10
    assert [each.name for each in read_lock(path).values() if not each.hashes] == []
    assert all(len(read_lock(path)[name].hashes) == 2 for name in SOURCE_ONLY)


def test_the_functions_packages_are_the_same_files_in_both_locks() -> None:
    """What is tested is what is deployed."""
    functions, everything = (read_lock(path) for path in COMMITTED)
    assert {name: everything.get(name) for name in functions} == functions


@pytest.mark.parametrize("path", [*COMMITTED, REPOSITORY / "package-lock.json"], ids=str)
def test_a_lock_names_no_host(path: Path) -> None:
    assert "://" not in path.read_text()


def test_every_npm_package_has_its_hash_and_runs_no_script() -> None:
    packages = json.loads((REPOSITORY / "package-lock.json").read_text())["packages"]
    assert all(each["integrity"].startswith("sha512-") for name, each in packages.items() if name)
    assert "ignore-scripts=true" in (REPOSITORY / ".npmrc").read_text().splitlines()


def test_uv_gets_nothing_of_a_persons_access(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program takes uv's place, and fails with what it saw."""
    fake = tmp_path / "python"
    fake.write_text(f"#!{sys.executable}\nimport os, sys\nsys.exit(' '.join(sorted(os.environ)))\n")
    fake.chmod(0o755)
    monkeypatch.setattr(lock, "PYTHON", fake)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "theirs")
    monkeypatch.setenv("DROPCUT_API_KEY", "theirs")
    before = (repository / "requirements.lock").read_text()
    with pytest.raises(lock.Problem, match=r"requirements.lock cannot be made. uv said:\n.*PATH") as said:
        lock.renew(LOCKS[1], repository)
    assert "AWS_" not in str(said.value)
    assert "DROPCUT" not in str(said.value)
    assert (repository / "requirements.lock").read_text() == before
