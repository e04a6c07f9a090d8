"""`make redrive` means the deployment that the other make commands mean, and never `prod` by a slip."""

import os
from pathlib import Path

import pytest

from dropcut_cli.account import operate
from dropcut_cli.clone import settings_line


class RanError(Exception):
    """The command was run, on this stage."""


@pytest.fixture(autouse=True)
def command(monkeypatch: pytest.MonkeyPatch) -> None:
    def dropcut() -> None:
        assert "DROPCUT_STACK" not in os.environ  # it would be another deployment
        raise RanError(os.environ["DROPCUT_STAGE"])

    monkeypatch.setattr(operate, "dropcut", dropcut)
    for name in ("DROPCUT_STAGE", "DROPCUT_STACK"):
        monkeypatch.setenv(name, "of-the-environment")
    monkeypatch.delenv("SETTINGS", raising=False)


@pytest.mark.parametrize(("settings", "stage"), [("", "prod"), ("stage=test alarm_email=a@example.com", "test")])
def test_the_stage_is_that_of_the_settings(monkeypatch: pytest.MonkeyPatch, settings: str, stage: str) -> None:
    monkeypatch.setenv("SETTINGS", settings)
    with pytest.raises(RanError, match=stage):
        operate.main()


def test_a_stage_that_stays_in_cdk_json_is_the_one_that_is_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cdk.json").write_text('{"context": {"stage": "shop"}}')
    monkeypatch.setattr(settings_line, "CDK_JSON", tmp_path / "cdk.json")
    with pytest.raises(RanError, match="shop"):
        operate.main()


@pytest.mark.parametrize("settings", ["stag=test", "stage", "stage=No"])
def test_wrong_settings_are_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: str
) -> None:
    monkeypatch.setenv("SETTINGS", settings)
    with pytest.raises(SystemExit) as ended:
        operate.main()
    assert ended.value.code == operate.USAGE
    assert "stag" in capsys.readouterr().err
