"""The app's templates, synthesized once for the whole run: the first synth takes seconds.

The CDK is imported by the fixtures, so that the tests of the settings do without it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from infra.settings import Settings

if TYPE_CHECKING:
    from tests.infra.synthesized import Synthesized


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> "Callable[..., Synthesized]":
    """Synthesizes an app with settings of the test's own."""
    from tests.infra.synthesized import Synthesized

    def synthesize(**settings: Any) -> Synthesized:
        return Synthesized(Settings(**settings), tmp_path_factory.mktemp("cdk.out"))

    return synthesize


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> "Synthesized":
    """The app with the default settings, checked by cdk-nag."""
    from tests.infra.synthesized import Synthesized

    return Synthesized(Settings(), tmp_path_factory.mktemp("cdk.out"), nag=True)


@pytest.fixture(scope="session")
def full_app(tmp_path_factory: pytest.TempPathFactory) -> "Synthesized":
    """The app with every optional part, checked by cdk-nag as well."""
    from tests.infra.synthesized import Synthesized

    settings = Settings(
        stage="full",
        versioned_input=True,
        input_prefix="in/",
        alarm_email="someone@example.com",
        webhook_url="https://shop.example/hook?token=1",
        event_schemas=True,
    )
    return Synthesized(settings, tmp_path_factory.mktemp("cdk.out"), nag=True)
