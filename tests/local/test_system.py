"""The rules before a system is brought up: whose key, whose folder, which settings."""

import json
import os
from pathlib import Path

import pytest

from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.programs import birth
from dropcut_cli.clone.settings_line import refuse_wrong
from local import system
from local.system import is_on_this_machine, key_for, temporary_folder
from stand_in.stand_in import USUAL_KEY


def test_the_stand_in_never_sees_a_real_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even when one is set."""
    monkeypatch.setenv("DROPCUT_API_KEY", "real")
    assert key_for("") == USUAL_KEY


def test_a_named_api_gets_the_real_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was named on purpose."""
    monkeypatch.setenv("DROPCUT_API_KEY", "real")
    assert key_for("https://api.example") == "real"


def test_an_api_elsewhere_without_a_key_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """On this machine the stand-in's key is a fair guess."""
    monkeypatch.delenv("DROPCUT_API_KEY", raising=False)
    with pytest.raises(Problem, match="DROPCUT_API_KEY"):
        key_for("https://api.example")
    assert key_for("http://127.0.0.1:8770") == USUAL_KEY


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:1/x", True),
        ("http://localhost", True),
        ("https://api.example", False),
        ("https://127.0.0.1.example", False),
    ],
)
def test_loopback_is_not_elsewhere(url: str, here: bool) -> None:
    """By the host alone."""
    assert is_on_this_machine(url) is here


def test_wrong_settings_are_refused_before_anything_starts() -> None:
    """With what is allowed."""
    with pytest.raises(Problem, match="Allowed: png or webp"):
        refuse_wrong({"output_format": "gif"})


@pytest.fixture
def local_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(system, "LOCAL", tmp_path)
    return tmp_path


def test_a_folder_of_state_is_its_owners_alone(local_folder: Path) -> None:
    """Also inside a folder that an older version left open to others."""
    local_folder.chmod(0o755)
    with temporary_folder("demo") as folder:
        assert [oct(path.stat().st_mode & 0o777) for path in (local_folder, folder)] == ["0o700", "0o700"]


def test_a_temporary_folder_is_gone_afterwards(local_folder: Path) -> None:
    """Nothing piles up."""
    with temporary_folder("demo") as folder:
        (folder / "x").mkdir()
    assert list(local_folder.iterdir()) == []


def test_after_a_failure_the_logs_stay_and_nothing_else(local_folder: Path) -> None:
    """The message names them."""
    with pytest.raises(Problem), temporary_folder("demo") as folder:
        (folder / "state").mkdir()
        (folder / "server-key.pem").touch()
        (folder / "embedded-aws.log").touch()
        raise Problem("no")
    assert [path.name for path in folder.iterdir()] == ["embedded-aws.log"]


def test_a_failure_before_anything_was_logged_leaves_nothing(local_folder: Path) -> None:
    """Not even an empty folder."""
    with pytest.raises(Problem), temporary_folder("demo"):
        raise Problem("no")
    assert list(local_folder.iterdir()) == []


def test_folders_of_killed_demos_are_removed_and_those_of_living_ones_are_not(local_folder: Path) -> None:
    """The owner's number and birth tell which is which."""
    for name, born in [("demo-1", "long ago"), ("demo-2", birth(os.getpid()))]:
        (local_folder / name).mkdir()
        (local_folder / name / "owner.json").write_text(json.dumps({"pid": os.getpid(), "born": born}))
    with temporary_folder("demo"):
        assert not (local_folder / "demo-1").exists()
        assert (local_folder / "demo-2").exists()
