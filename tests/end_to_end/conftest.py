"""One deployed system for all tests of this folder: embedded AWS with IAM enforced, stand-in API, three real stacks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from dropcut_cli.clone.steps import Steps
from local.outcomes import subscribed
from local.system import System, bring_up, run_few_processes
from stand_in.stand_in import StandIn
from tests.end_to_end.clone import Clone
from tests.end_to_end.dropcut_in_use import DropcutInUse
from tests.end_to_end.new_user import install_wheel
from tests.functions.webhook_receiver import WebhookReceiver

SETTINGS = {
    "lockout_seconds": "2",
    "retry_base_seconds": "0.2",
    "pause_seconds": "1",
    "api_timeout_seconds": "3",
    "max_attempts": "3",
    # The error table's photos all fail at once, and none of them is to stop the others.
    "pause_after_failures": "1000",
    "pause_after_possibly_paid": "10000",
}
"""Short waits, so that each row of the error table can be seen to its end."""
CALLS = "calls.jsonl"
"""In the system's folder: every call that a role made, for test_what_roles_do.py."""


@pytest.fixture(scope="package")
def api() -> Iterator[StandIn]:
    """The stand-in, in this process: without the search for a picture's subject, which takes seconds."""
    with StandIn("ezlink", lockout_seconds=float(SETTINGS["lockout_seconds"]), segmentation=False) as api:
        yield api


@pytest.fixture(scope="package")
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="package")
def system(api: StandIn, receiver: WebhookReceiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The deployed system: that of tests/end_to_end alone, gone when the last test of this folder has run."""
    folder = tmp_path_factory.mktemp("system")
    settings = {**SETTINGS, "api_base_url": api.base_url, "webhook_url": receiver.url}
    system = bring_up(folder, settings, steps=Steps(Console(quiet=True)), calls_file=folder / CALLS)
    try:
        run_few_processes(system)
        yield system
    finally:
        system.stop()


@pytest.fixture(scope="package")
def users_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new user's environment, with the wheel in it."""
    return install_wheel(tmp_path_factory.mktemp("users-environment"))


@pytest.fixture(scope="package")
def running(system: System, api: StandIn) -> Iterator[DropcutInUse]:
    """The system, with a subscription to its events."""
    with subscribed(system, system.outputs["InputBucketName"], name="end-to-end-tests") as subscription:
        dropcut = DropcutInUse(system, api, subscription, known_keys=[api.key])
        dropcut.put_key(api.key)
        yield dropcut


@pytest.fixture
def dropcut(running: DropcutInUse) -> Iterator[DropcutInUse]:
    """The system in order: no faults, and a key that is valid and without end."""
    _put_right(running)
    yield running
    _put_right(running)


@pytest.fixture
def clone(dropcut: DropcutInUse, tmp_path: Path) -> Clone:
    """Where the operator's command works on the system."""
    return Clone.of(dropcut.system, tmp_path)


def _put_right(dropcut: DropcutInUse) -> None:
    api = dropcut.api
    api.clear_faults()
    api.set_credits(api.key, None)
    api.set_key_state(api.key, "valid")
    dropcut.open_gate()
