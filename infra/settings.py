"""The settings of our own deployment, read from CDK context: what `Dropcut` takes as text, and our stage's name.

On a command line (`cdk deploy -c rate_limit_requests=100`) everything is text, so each value is parsed strictly.
An unknown name or a bad value stops the synth, with one sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from dropcut.core.operation import REMOVE_BACKGROUND

from dropcut_cdk.input import PREFIX
from dropcut_cdk.kinds import ABOVE_ZERO, SettingsError, choice, optional, read_setting, setting, text
from dropcut_cdk.provider import BASE_URL, BASE_URLS, Provider
from dropcut_cdk.settings import Settings as SettingsOfDropcut

__all__ = ["Settings", "SettingsError", "belongs_to_cdk"]


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsOfDropcut):
    """One deployment's settings; `Settings()` is the default one."""

    stage: str = setting(
        "prod",
        text(r"[a-z][a-z0-9-]{0,15}", "1 to 16 of a-z, 0-9 and -, beginning with a letter"),
        "Name of this deployment; several stages live side by side in one account.",
    )
    provider: str = setting(
        "ezlink",
        choice(*BASE_URLS),
        "Whose API is called: the gateway EZLINK AI, or the maker Stability AI.",
    )
    api_base_url: str | None = setting(
        None,
        optional(BASE_URL),
        "Where the API is.",
        shown_default="the provider's: " + ", ".join(f"`{url}`" for url in BASE_URLS.values()),
    )
    credits_per_image: float | None = setting(
        None,
        optional(ABOVE_ZERO),
        "What one cut-out costs, in the provider's credits.",
        shown_default="the provider's: "
        + ", ".join(f"{credits:g} ({name})" for name, credits in REMOVE_BACKGROUND.credits.items()),
    )
    input_prefix: str = setting("", PREFIX, "Only objects whose key begins with this are photos; empty means all.")
    pace_table: str = setting(
        "",
        text(r"|[A-Za-z0-9_.-]{3,255}", "the name of a DynamoDB table in the same account and region, or nothing"),
        "The state table of another stack that uses the same API key (its output `StateTableName`), so that both "
        "together keep the rate.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.provider_of_api.check_daily_limit(self.daily_credit_limit)

    @property
    def provider_of_api(self) -> Provider:
        return Provider.of(self.provider, None, self.api_base_url or "", self.credits_per_image)

    def for_dropcut(self) -> dict[str, Any]:
        """The keyword arguments of `Dropcut` that are plain values."""
        return {each.name: getattr(self, each.name) for each in fields(SettingsOfDropcut)}

    @classmethod
    def from_context(cls, context: Mapping[str, object]) -> Settings:
        """Read the settings out of CDK context.

        Raises:
            SettingsError: the first unknown name or bad value, with what is allowed.
        """
        known = {each.name: each.metadata["kind"] for each in in_order()}
        values: dict[str, Any] = {}
        for name, value in context.items():
            if belongs_to_cdk(name):
                continue
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"Did you mean {near[0]}? " if near else ""
                raise SettingsError(
                    f"There is no setting {name} (given as {value!r}). {hint}Allowed: {', '.join(known)}."
                )
            values[name] = read_setting(f"Setting {name}", known[name], value, known[name].read)
        return cls(**values)


def in_order() -> list[Field[Any]]:
    """All settings, those of our own deployment first."""
    shared = {each.name for each in fields(SettingsOfDropcut)}
    return sorted(fields(Settings), key=lambda each: each.name in shared)


def belongs_to_cdk(name: str) -> bool:
    """CDK keeps feature flags, look-ups and its own options in the same context; their names show it."""
    return any(mark in name for mark in ":@/")
