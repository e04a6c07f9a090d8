"""For all tests: no test reaches an AWS account, and what stands in `end_to_end/` is marked so."""

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
END_TO_END = TESTS / "end_to_end"
SLOW = (
    "bench",
    "functions/adapters/test_imaging_process.py",
    "functions/imaging",
    "infra/test_artifact.py",
    "infra/test_monitoring_stack.py",
    "infra/test_pipeline_stack.py",
    "infra/test_storage_stack.py",
    "infra/test_templates.py",
    "local/api/test_faults.py",
    "local/api/test_segmentation.py",
    "local/test_deploy.py",
    "local/test_programs.py",
    "model",
    "resilience",
    "simulation",
)
"""Folders and files with seconds of work or waiting in them: pictures, templates, many histories, slow answers."""
ON_ONE_PROCESS = {"end_to_end": "deployed system", "local": "local system", "resilience": "kills"}
"""Tests of these folders that share a system, or want the machine's ports and processes for themselves, run in turn."""


def pytest_configure() -> None:
    """Take a person's AWS access and API key away before any test module is imported."""
    for name in list(os.environ):
        if name.startswith("AWS_") and name != "AWS_CA_BUNDLE":
            del os.environ[name]
    os.environ.pop("DROPCUT_API_KEY", None)
    os.environ.update(
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import what is left out: the CDK and the image libraries take seconds in each process."""
    if "not slow" not in config.option.markexpr:
        return None
    return True if _is_slow(collection_path) or collection_path == END_TO_END else None


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow and the end-to-end tests; of the processes, one runs the deployed system's beside all others."""
    for item in items:
        if _is_slow(item.path):
            item.add_marker(pytest.mark.slow)
        group = ON_ONE_PROCESS.get(item.path.relative_to(TESTS).parts[0])
        if group:
            item.add_marker(pytest.mark.xdist_group(group))
        if item.path.is_relative_to(END_TO_END):
            item.add_marker(pytest.mark.end_to_end)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(120))
    items.sort(key=lambda item: item.get_closest_marker("end_to_end") is None)


def _is_slow(path: Path) -> bool:
    return any(path.is_relative_to(TESTS / slow) for slow in SLOW)
