"""An account in moto's memory, what was said, and a cdk.json."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws
from rich.console import Console

from dropcut_cli.account.real_account import RealAccount, real_account
from dropcut_cli.clone import settings_line
from dropcut_cli.clone.steps import Steps

SECRET = "dropcut-prod-api-key"


OUTPUTS = {
    "InputBucketName": "input",
    "OutputBucketName": "output",
    "WorkBucketName": "work",
    "StateTableName": "state",
    "DashboardName": "dropcut-prod",
    "ApiKeySecretName": SECRET,
}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[RealAccount]:
    """An account with an empty secret and three empty buckets."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("DROPCUT_API_KEY", raising=False)
    monkeypatch.delenv("NEW_KEY", raising=False)
    with mock_aws():
        found = real_account()
        found.client("secretsmanager").create_secret(Name=SECRET)
        for bucket in ("input", "output", "work"):
            found.client("s3").create_bucket(Bucket=bucket)
        yield found


@pytest.fixture
def steps() -> Steps:
    """Remembers what was said."""
    return Steps(Console(record=True, quiet=False, width=200, highlight=False))


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The context of cdk.json, with a stage, a prefix and an address in it."""
    context: dict[str, object] = {
        "stage": "shop",
        "input_prefix": "new/",
        "alarm_email": "a@example.com",
        "daily_credit_limit": "500",
    }
    (tmp_path / "cdk.json").write_text(json.dumps({"context": context}))
    monkeypatch.setattr(settings_line, "CDK_JSON", tmp_path / "cdk.json")
    monkeypatch.delenv("SETTINGS", raising=False)
    return context
