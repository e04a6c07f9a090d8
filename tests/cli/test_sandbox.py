"""What the deployed function says of its sandbox is shown with what it means."""

import io
import json
from typing import Any

import pytest

from dropcut_cli.deployment import Deployment
from tests.cli.conftest import Dropcut

FOUND = {"prctl": True, "no_new_privs": True, "landlock": False, "seccomp": True, "exposed": False, "more": 1}


@pytest.fixture
def answers(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The function's answer, to be changed by a test."""
    answer: dict[str, Any] = {"found": FOUND}

    class Lambda:
        def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:
            assert (FunctionName, json.loads(Payload)) == ("prepare", {"dropcut": "sandbox_probe"})
            rest = {name: value for name, value in answer.items() if name != "found"}
            return {"Payload": io.BytesIO(json.dumps(answer["found"]).encode()), **rest}

    deployment._clients["lambda"] = Lambda()
    monkeypatch.setattr(Deployment, "function", lambda _self, queue: {"FunctionName": {"Intake": "prepare"}[queue]})
    return answer


@pytest.mark.usefixtures("answers")
def test_each_layer_is_shown_with_its_meaning(dropcut: Dropcut) -> None:
    assert "landlock           false  files outside of a photo's own folder" in dropcut("sandbox-probe").out
    found = json.loads(dropcut("sandbox-probe", "--json").out)
    assert found == {name: FOUND.get(name) for name in (*FOUND, "yama_ptrace_scope") if name != "more"}


def test_a_function_that_fails_is_a_sentence(answers: dict[str, Any], dropcut: Dropcut) -> None:
    answers |= {"found": {"errorMessage": "no memory"}, "FunctionError": "Unhandled"}
    ran = dropcut("sandbox-probe")
    assert ran.exit_code == 1
    assert "no memory" in ran.err
