"""The pytest fixture `dropcut_stand_in`. Installing the package is enough: pytest finds it by its entry point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stand_in.stand_in import StandIn


@pytest.fixture
def dropcut_stand_in(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    """A stand-in of the gateway's API on a free port of 127.0.0.1, with one key whose credits have no end.

    The maker's API instead: `@pytest.mark.parametrize("dropcut_stand_in", ["stability"], indirect=True)`.
    `base_url` and `key` are for your client, `fault(name)` lets a call fail, `calls()` and `summary()` tell what came.
    """
    from stand_in.stand_in import StandIn  # noqa: PLC0415 - only tests that ask for it load Pillow

    with StandIn(getattr(request, "param", "ezlink")) as api:
        yield api
