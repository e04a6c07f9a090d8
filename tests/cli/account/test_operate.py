"""`make redrive` means the deployment that the other make commands mean, and never `prod` by a slip."""

import os
from pathlib import Path

import pytest

from dropcut_cli.account import operate
from dropcut_cli.clone import settings_line


class BecameError(Exception):
    """The command that this process would have become."""


@pytest.fixture(autouse=True)
def became(monkeypatch: pytest.MonkeyPatch) -> None:
    def become(_program: str, words: list[str], environment: dict[str, str]) -> None:
        raise BecameError(environment["DROPCUT_STAGE"], *words[2:])

    monkeypatch.setattr(os, "execve", become)
    monkeypatch.delenv("SETTINGS", raising=False)


@pytest.mark.parametrize(("settings", "stage"), [("", "prod"), ("stage=test alarm_email=a@example.com", "test")])
def test_the_stage_is_that_of_the_settings(monkeypatch: pytest.MonkeyPatch, settings: str, stage: str) -> None:
    monkeypatch.setenv("SETTINGS", settings)
    with pytest.raises(BecameError) as became:
        operate.main(["redrive", "--send"])
    assert became.value.args == (stage, "dropcut_cli", "redrive", "--send")


def test_a_stage_that_stays_in_cdk_json_is_the_one_that_is_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cdk.json").write_text('{"context": {"stage": "shop"}}')
    monkeypatch.setattr(settings_line, "CDK_JSON", tmp_path / "cdk.json")
    with pytest.raises(BecameError, match="shop"):
        operate.main(["forget"])


@pytest.mark.parametrize("settings", ["stag=test", "stage", "stage=No"])
def test_wrong_settings_are_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: str
) -> None:
    monkeypatch.setenv("SETTINGS", settings)
    with pytest.raises(SystemExit) as ended:
        operate.main(["redrive", "--send"])
    assert ended.value.code == operate.USAGE
    assert "stag" in capsys.readouterr().err
