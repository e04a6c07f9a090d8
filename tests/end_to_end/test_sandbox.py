"""The deployed function tells what holds its decoders, and its photos are decoded within that."""

import json

from dropcut.core.sandbox_probe import SANDBOX_PROBE
from dropcut.imaging.sandbox import LAYERS

from tests.end_to_end.dropcut_in_use import DropcutInUse


def test_the_deployed_function_answers_a_probe_with_yes_and_no(dropcut: DropcutInUse) -> None:
    function = dropcut.outputs["PrepareFunctionName"]
    answer = dropcut.client("lambda").invoke(FunctionName=function, Payload=json.dumps(SANDBOX_PROBE).encode())
    found = json.loads(answer["Payload"].read())
    assert set(found) == {"prctl", *LAYERS, "exposed", "yama_ptrace_scope"}
    assert all(found[layer] for layer in LAYERS)
    assert (found["prctl"], found["exposed"]) == (True, False)
