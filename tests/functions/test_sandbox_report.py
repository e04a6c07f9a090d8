"""What is missing of the sandbox reaches the operator: in the log once, as a metric for as long as it is missing."""

from collections import Counter
from collections.abc import Iterator

import pytest
from dropcut import sandbox_report
from dropcut.adapters.imaging_process import Sandbox
from dropcut.sandbox_report import report_sandbox

ALL = {"no_new_privs": True, "landlock": True, "seccomp": True}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    counted: Counter[str] = Counter()
    monkeypatch.setattr(sandbox_report, "count", lambda *once, **amounts: counted.update([*once], **amounts))
    sandbox_report._log.cache_clear()
    yield counted


def test_a_whole_sandbox_is_not_worth_a_word(counted: Counter[str], caplog: pytest.LogCaptureFixture) -> None:
    report_sandbox(Sandbox(layers=ALL, exposed=False))
    assert not counted
    assert not caplog.records


def test_what_is_missing_is_logged_once_and_counted_for_each_photo(
    counted: Counter[str], caplog: pytest.LogCaptureFixture
) -> None:
    for _photo in range(3):
        report_sandbox(Sandbox(layers=ALL | {"landlock": False}, exposed=True))
    assert counted == {"CredentialsExposed": 3}
    warning, error = caplog.records
    assert (warning.levelname, warning.missing) == ("WARNING", ("landlock",))  # type: ignore[attr-defined]
    assert error.levelname == "ERROR"
    assert "Set refuse_exposed=true" in error.message
    assert "dropcut sandbox-probe" in error.message
