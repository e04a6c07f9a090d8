"""`make check`: all checks run, and what failed is said."""

import pytest

from tools import check


@pytest.fixture(autouse=True)
def nothing_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "stale_locks", list)
    monkeypatch.setattr(check, "stale_files", list)
    monkeypatch.setattr(check, "CHECKS", {"fine": ("this",)})


def test_it_succeeds_when_every_check_does(capfd: pytest.CaptureFixture[str]) -> None:
    assert check.main() == 0
    assert "✗" not in capfd.readouterr().out


def test_a_check_that_fails_says_why_and_the_others_run_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "CHECKS", {"wrong": ("no_such_module",), "fine": ("this",)})
    assert check.main() == 1
    said = capfd.readouterr()
    assert "✗ wrong" in said.out
    assert "✓ fine" in said.out
    assert "No module named no_such_module" in said.err


@pytest.mark.parametrize(("what", "help_"), [("stale_locks", "make lock"), ("stale_files", "tools events")])
def test_what_is_stale_says_how_it_is_made_anew(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], what: str, help_: str
) -> None:
    monkeypatch.setattr(check, what, lambda: ["a/file"])
    assert check.main() == 1
    said = capfd.readouterr().err
    assert "a/file" in said
    assert help_ in said
