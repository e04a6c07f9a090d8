"""The audit: what is known is said, and so is that nobody could be asked."""

from pathlib import Path

import pytest

from tools import audit

ANSWERS = {
    "nobody answers": ({}, None),
    "a mirror has no advisories": ({"django": [], "requests": []}, None),
    "all is well": ({"django": ["CVE-2019-12308"], "requests": []}, []),
    "one is known": ({"django": ["CVE-1"], "requests": ["CVE-2", "CVE-3"]}, ["requests: CVE-2, CVE-3"]),
}


@pytest.mark.parametrize(("found", "known"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_counts_only_from_who_knows_an_old_vulnerability(
    found: dict[str, list[str]], known: list[str] | None
) -> None:
    assert audit.known_vulnerabilities("Python", found) == known


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        (({}, {}), 0, ["not checked Python packages", "not checked npm packages"]),
        (({"django": ["1"]}, {}), 0, ["✓ Python packages", "not checked npm packages"]),
        (({"django": ["1"], "a": ["2"]}, {"minimist": ["1"]}), 1, ["✗ Python packages", "a: 2", "✓ npm packages"]),
        (({}, {"minimist": ["1"], "b": ["3"]}), 1, ["not checked Python packages", "✗ npm packages", "b: 3"]),
    ],
)
def test_it_fails_for_what_is_known_and_not_for_what_cannot_be_asked(
    answers: tuple[dict[str, list[str]], dict[str, list[str]]],
    code: int,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(audit, "ask_about_python", lambda _scratch: answers[0])
    monkeypatch.setattr(audit, "ask_about_npm", lambda _scratch: answers[1])
    assert audit.main() == code
    printed = capfd.readouterr()
    assert all(text in printed.out + printed.err for text in said)


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("", {}),
        ("<html>", {}),
        ('{"message": "405"}', {}),
        (
            '{"dependencies": [{"name": "a", "skip_reason": "not found"}, {"name": "b", "vulns": [{"id": "CVE-1"}]}]}',
            {"a": [], "b": ["CVE-1"]},
        ),
    ],
)
def test_what_pip_audit_prints_is_read(
    printed: str, found: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PYTHON", program(tmp_path, printed))
    assert audit.ask_about_python(tmp_path) == found


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("", {}),
        ('{"message": "405 Method Not Allowed"}', {}),
        (
            '{"vulnerabilities": {"a": {"via": [{"url": "GHSA-1"}]}, "b": {"via": ["a"]}}}',
            {"a": ["GHSA-1"], "b": ["a"]},
        ),
    ],
)
def test_what_npm_prints_is_read(
    printed: str, found: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, printed, name="npm")
    monkeypatch.setattr(audit, "PYTHON", tmp_path / "python")
    assert audit.ask_about_npm(tmp_path) == found
    assert '"minimist": "0.0.8"' in (tmp_path / "package.json").read_text()


def program(folder: Path, printed: str, *, name: str = "python") -> Path:
    """A program that prints this, whatever it is asked."""
    (folder / "printed").write_text(printed)
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat {folder / 'printed'}\n")
    path.chmod(0o755)
    return path
