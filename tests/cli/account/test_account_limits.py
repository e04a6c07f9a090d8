"""What an account allows is looked at before a deployment; numbers that do not fit become smaller, with a sentence."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from dropcut_cdk.sizes import size_of_deliver, size_of_prepare
from dropcut_cli.account.account_limits import with_numbers_that_fit
from dropcut_cli.clone.steps import Steps
from infra.settings import Settings

DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not yours"}}, "Look")


class Account:
    """Answers as Lambda and Service Quotas do; without a limit, it lets nobody look."""

    def __init__(self, *, at_once: int | None = 1000, memory_mb: int | None = None, lists_memory: bool = True) -> None:
        self.at_once, self.memory_mb, self.lists_memory = at_once, memory_mb, lists_memory

    def client(self, service: str) -> Any:
        return {"lambda": self, "service-quotas": self}[service]

    def get_account_settings(self) -> Any:
        if self.at_once is None:
            raise DENIED
        return {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": self.at_once}}

    def get_paginator(self, _name: str) -> Any:
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, *, ServiceCode: str) -> Any:
        assert ServiceCode == "lambda"
        if self.memory_mb is None:
            raise DENIED
        quotas = [{"QuotaName": "Concurrent executions", "Value": 10.0}]
        if self.lists_memory:
            quotas.append({"QuotaName": "Function memory maximum", "Value": float(self.memory_mb)})
        return [{"Quotas": quotas[:1]}, {"Quotas": quotas[1:]}]


@pytest.fixture
def steps() -> Steps:
    """Remembers what was said."""
    return Steps(Console(record=True, width=400, highlight=False))


def fitted(account: Account, steps: Steps, **given: str) -> dict[str, str]:
    """What was changed."""
    settings = with_numbers_that_fit(account, given, steps)  # type: ignore[arg-type]
    assert given.items() <= {**settings, **given}.items()
    return {name: value for name, value in settings.items() if given.get(name) != value}


def test_an_account_that_allows_enough_is_no_matter(steps: Steps) -> None:
    assert fitted(Account(at_once=29), steps) == {}
    assert steps.console.export_text() == ""


@pytest.mark.parametrize(
    ("at_once", "given", "cut", "imaging"),
    [
        (28, {}, "7", "8"),
        (10, {}, "2", "2"),
        (10, {"max_concurrency": "2"}, None, "2"),
        (30, {"webhook_url": "https://example.com/hook"}, "7", "8"),
        (1, {}, "2", "2"),
    ],
)
def test_numbers_for_too_little_concurrency_are_smaller_and_said(
    steps: Steps, at_once: int, given: dict[str, str], cut: str | None, imaging: str
) -> None:
    changed = fitted(Account(at_once=at_once), steps, **given)
    assert (changed.get("max_concurrency"), changed["imaging_concurrency"]) == (cut, imaging)
    said = steps.console.export_text()
    assert f"may run {at_once} more functions at once" in said
    assert f"imaging_concurrency={imaging}" in said


def test_the_largest_photo_fits_the_memory_that_the_account_allows(steps: Steps) -> None:
    assert fitted(Account(memory_mb=3008), steps, max_photo_megapixels="200") == {"max_photo_megapixels": "138"}
    assert "max_photo_megapixels=138" in steps.console.export_text()
    for megapixels, fits in ((138, True), (139, False)):
        settings = Settings(max_photo_megapixels=megapixels)
        sizes = size_of_prepare(settings), size_of_deliver(settings, settings.renditions_made)
        assert (max(size.memory_mb for size in sizes) <= 3008) is fits


def test_memory_that_the_account_allows_is_no_matter(steps: Steps) -> None:
    assert fitted(Account(memory_mb=10_240), steps, max_photo_megapixels="200") == {}
    assert steps.console.export_text() == ""


@pytest.mark.parametrize("account", [Account(at_once=None), Account(at_once=None, memory_mb=1, lists_memory=False)])
def test_who_may_not_look_deploys_all_the_same(steps: Steps, account: Account) -> None:
    assert fitted(account, steps, max_photo_megapixels="200") == {}
    said = steps.console.export_text()
    assert "not yours" in said
    assert "If AWS refuses it, deploy with max_photo_megapixels=138." in said
