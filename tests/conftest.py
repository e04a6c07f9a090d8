"""For all tests: no test reaches an AWS account, and what stands in `end_to_end/` is marked so."""

import gc
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).parent
pytest_plugins = ["stand_in.pytest_plugin"]  # as its package registers it where that is installed
END_TO_END = TESTS / "end_to_end"
SLOW = (
    "bench",
    "cli/*.py",
    "cli/account/test_deploy.py",
    "cli/account/test_destroy.py",
    "cli/account/test_real_account.py",
    "cli/clone/test_cdk.py",
    "cli/clone/test_programs.py",
    "functions/adapters/test_decoder_process.py",
    "functions/adapters/test_imaging_process.py",
    "functions/adapters/test_sandbox.py",
    "functions/adapters/test_webhook_call.py",
    "functions/adapters/test_webhook_recipe.py",
    "functions/entries",
    "functions/imaging",
    "functions/use_cases/test_review.py",
    "infra/test_artifact.py",
    "infra/test_dropcut.py",
    "infra/test_monitoring.py",
    "infra/test_notify.py",
    "infra/test_packages.py",
    "infra/test_pipeline.py",
    "infra/test_recipes.py",
    "infra/test_stacks.py",
    "infra/test_storage.py",
    "infra/test_templates.py",
    "local/test_embedded_aws.py",
    "local/test_outcomes.py",
    "local/test_stand_in.py",
    "model",
    "resilience",
    "simulation",
    "stand_in/test_main.py",
    "stand_in/test_faults.py",
    "stand_in/test_profiles.py",
    "stand_in/test_segmentation.py",
    "stand_in/test_service.py",
    "stand_in/test_window.py",
    "test_wheels.py",
)
"""Folders and files with seconds of work or waiting in them: pictures, templates, many histories, slow answers,
programs that start."""
IN_A_BROWSER = ("test_web_page.py",)
"""They need Debian's `chromium`. Where there is none they are left out, and the report's head says so."""
ON_ANOTHER_SYSTEM = (
    "test_api_key.py",
    "test_error_table.py",
    "test_misbehaving_api.py",
    "test_new_user.py",
    "test_storm.py",
    "test_what_roles_do_in_trouble.py",
)
"""Of `end_to_end/`: half of its time. They wait for pauses and lock-outs to end, or deploy stacks of their own."""
ON_ONE_PROCESS = ("end_to_end, another system", "end_to_end", "local", "resilience", "infra")
"""The tests of each of these folders share what takes long to make, or want the machine's ports for themselves. They
run in turn, in one process. `end_to_end/` has two processes, each with a system of its own. The longest comes first,
so that the others can run beside it."""


class ByFolderOrFile(LoadScopeScheduling):
    """Which tests run in turn in one process: those of a folder above, otherwise those of a file.

    xdist's own groups (`--dist loadgroup`) do not work with this version of pytest: xdist writes the groups where
    pytest does not read the tests' names.
    """

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self.config.option.loadscopereorder = False  # in the order of the collection, not the most tests first

    def _split_scope(self, nodeid: str) -> str:
        return _company(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolderOrFile:
    return ByFolderOrFile(config, log)


def pytest_configure() -> None:
    """Take a person's AWS access and API key away before any test module is imported.

    The functions' logger and metrics read the environment when they are first imported, from wherever.
    """
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
        POWERTOOLS_METRICS_NAMESPACE="Dropcut",
        POWERTOOLS_SERVICE_NAME="dropcut-test",
        POWERTOOLS_TRACE_DISABLED="true",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import what is left out: the CDK and the image libraries take seconds in each process."""
    left_out = config.option.markexpr
    if collection_path.name in IN_A_BROWSER and not shutil.which("chromium"):
        return True
    if "not slow" in left_out and _is_slow(collection_path):
        return True
    return True if "not end_to_end" in left_out and collection_path == END_TO_END else None


def pytest_report_header() -> str | None:
    return None if shutil.which("chromium") else f"There is no chromium: left out are {', '.join(IN_A_BROWSER)}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow and the end-to-end tests, and let what takes longest begin first."""
    for item in items:
        if _is_slow(item.path):
            item.add_marker(pytest.mark.slow)
        if item.path.is_relative_to(END_TO_END):
            item.add_marker(pytest.mark.end_to_end)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))  # the first test waits for the deployment
    items.sort(key=_turn)


def pytest_collection_finish() -> None:
    """Let the garbage collector leave out what lives until the end: it went through all of that again and again."""
    gc.collect()
    gc.freeze()


def _turn(item: pytest.Item) -> tuple[int, bool]:
    company = _company(item.nodeid)
    turn = ON_ONE_PROCESS.index(company) if company in ON_ONE_PROCESS else len(ON_ONE_PROCESS)
    return turn, not _is_slow(item.path)


def _company(nodeid: str) -> str:
    """With which tests one runs in turn: a name above, or that of their file."""
    file = nodeid.partition("::")[0]
    _, folder, *below = file.split("/")
    if folder not in ON_ONE_PROCESS or len(below) != 1:
        return file
    return f"{folder}, another system" if below[0] in ON_ANOTHER_SYSTEM else folder


@cache
def _is_slow(path: Path) -> bool:
    return any(path.is_relative_to(TESTS / slow) or path.match(str(TESTS / slow)) for slow in SLOW)
