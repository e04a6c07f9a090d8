"""The probe asks the deployed function once and prints what it answers, yes and no alone."""

import io
import json
from typing import Any

import pytest

from cli import sandbox_probe
from local.real_account import RealAccount

FOUND = {
    "prctl": True,
    "no_new_privs": True,
    "landlock": False,
    "seccomp": True,
    "exposed": False,
    "yama_ptrace_scope": None,
}


class LambdaThatAnswers:
    def __init__(self, answer: dict[str, Any], **more: str) -> None:
        self.answer, self.more, self.invoked = answer, more, [("", b"")][:0]

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        self.invoked.append((FunctionName, Payload))
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **self.more}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {"prod": {"PrepareFunctionName": "prepare-of-prod"}}
    monkeypatch.setattr(RealAccount, "outputs", lambda account, stage: outputs.get(stage, {}))
    monkeypatch.setattr(sandbox_probe, "real_account", lambda: RealAccount(None, "123456789012", "us-east-1", ""))  # type: ignore[arg-type]


def deployed(monkeypatch: pytest.MonkeyPatch, answers: LambdaThatAnswers) -> LambdaThatAnswers:
    monkeypatch.setattr(RealAccount, "client", lambda account, service: answers)
    return answers


def test_the_answer_is_printed_line_by_line(
    account: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    function = deployed(monkeypatch, LambdaThatAnswers({**FOUND, "AWS_SECRET_ACCESS_KEY": "never"}))
    assert sandbox_probe.main([]) == 0
    assert function.invoked == [("prepare-of-prod", b'{"dropcut": "sandbox_probe"}')]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[name, json.dumps(value)] for name, value in FOUND.items()]


@pytest.mark.parametrize(
    ("arguments", "answers", "said"),
    [
        (["--stage", "nowhere"], LambdaThatAnswers(FOUND), "There is no stage `nowhere`"),
        ([], LambdaThatAnswers({"errorMessage": "no memory"}, FunctionError="Unhandled"), "no memory"),
        (["--stage", "P R O D"], LambdaThatAnswers(FOUND), "Setting stage"),
    ],
)
@pytest.mark.usefixtures("account")
def test_what_went_wrong_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    answers: LambdaThatAnswers,
    said: str,
) -> None:
    deployed(monkeypatch, answers)
    assert sandbox_probe.main(arguments) == 1
    assert said in capsys.readouterr().err
