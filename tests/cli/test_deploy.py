"""`dropcut deploy` and `dropcut destroy`."""

from collections.abc import Mapping
from typing import Any

import pytest

from dropcut_cli import deploy
from tests.cli.conftest import Dropcut


def test_deploy_and_destroy_run_make_s_own_code(dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, str, str]] = []

    class Process:
        returncode = 0

        def __init__(self, words: list[str], *, env: Mapping[str, str], **_more: Any) -> None:
            ran.append((words[-1], env["SETTINGS"], env.get("FORCE", "")))

    monkeypatch.setattr(deploy.subprocess, "run", Process)
    assert dropcut("deploy", "--settings", "stage=test").exit_code == 0
    assert dropcut("destroy").exit_code == 2  # there is nobody to ask
    assert dropcut("destroy", "--yes").exit_code == 0
    assert dropcut("destroy", "--yes", "--force").exit_code == 0
    assert ran == [("deploy", "stage=test", ""), ("destroy", "", ""), ("destroy", "", "yes")]
    Process.returncode = 1
    assert dropcut("deploy").exit_code == 1
