"""Each entry loads what its stage uses and nothing else: what is loaded for nothing is paid for at every cold start."""

from dataclasses import fields

import pytest
from dropcut.environment import CutEnvironment, DeliverEnvironment, Environment, PrepareEnvironment

from bench.imports import run_as_function
from dropcut_cli.clone.places import REPOSITORY

IMAGE_LIBRARIES = {"pyvips", "PIL", "cv2", "numpy"}
ENTRIES = {
    "prepare": (PrepareEnvironment, IMAGE_LIBRARIES | {"requests"}),
    "cut": (CutEnvironment, IMAGE_LIBRARIES),
    "deliver": (DeliverEnvironment, IMAGE_LIBRARIES | {"requests"}),
}
ALWAYS_LOADED = {"boto3", "aws_lambda_powertools"}


@pytest.mark.parametrize("stage", ENTRIES)
def test_an_entry_does_not_load_what_its_stage_does_not_use(stage: str) -> None:
    environment, unused = ENTRIES[stage]
    loaded = loaded_by(f"dropcut.entries.{stage}", environment)
    assert loaded >= ALWAYS_LOADED
    assert not loaded & unused


def loaded_by(module: str, environment: type[Environment]) -> set[str]:
    """The top-level modules that a fresh interpreter holds after importing this one."""
    texts = {
        "PROVIDER": "ezlink",
        "RENDITIONS": "[]",
        "INPUT_RENDITIONS": "[]",
        "RENDITION_NAMES": "[[]]",
        "INPUTS": '[{"bucket":"photos"}]',
    }
    variables = {field.name.upper(): "1" for field in fields(environment)} | texts
    program = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(run_as_function(program, variables, REPOSITORY / "functions").split())
