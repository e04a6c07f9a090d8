"""The settings of our own deployment, read from CDK context: what `Dropcut` takes as text, and our stage's name.

On a command line (`cdk deploy -c rate_limit_requests=100`) everything is text, so each value is parsed strictly.
An unknown name or a bad value stops the synth, with one sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Self

from dropcut.core.operation import REMOVE_BACKGROUND

from dropcut_cdk.input import PREFIX, Input
from dropcut_cdk.kinds import ABOVE_ZERO, SettingsError, checked, checked_values, text
from dropcut_cdk.provider import BASE_URL, BASE_URLS, NAME, Provider
from dropcut_cdk.settings import Settings as SettingsOfDropcut

__all__ = ["Settings", "SettingsError", "belongs_to_cdk"]

_STAGE = text(r"[a-z][a-z0-9-]{0,15}", "1 to 16 of a-z, 0-9 and -, beginning with a letter")
_TABLE = text(r"|[A-Za-z0-9_.-]{3,255}", "the name of a DynamoDB table in the same account and region, or nothing")
_URLS = "the provider's: " + ", ".join(f"`{url}`" for url in BASE_URLS.values())
_CREDITS = "the provider's: " + ", ".join(f"{of:g} ({name})" for name, of in REMOVE_BACKGROUND.credits.items())


@checked()
@dataclass(frozen=True, kw_only=True)
class Settings(SettingsOfDropcut):
    """One deployment's settings; `Settings()` is the default one."""

    stage: Annotated[str, _STAGE] = "prod"
    """Name of this deployment; several stages live side by side in one account."""
    provider: Annotated[str, NAME] = "ezlink"
    """Whose API is called: the gateway EZLINK AI, or the maker Stability AI."""
    api_base_url: Annotated[str | None, BASE_URL, _URLS] = None
    """Where the API is."""
    credits_per_image: Annotated[float | None, ABOVE_ZERO, _CREDITS] = None
    """What one cut-out costs, in the provider's credits."""
    input_prefix: Annotated[str, PREFIX] = ""
    """Only objects whose key begins with this are photos; empty means all."""
    pace_table: Annotated[str, _TABLE] = ""
    """The state table of another stack that uses the same API key (its output `StateTableName`), so that both together
    keep the rate."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.provider_of_api.check_daily_limit(self.daily_credit_limit)

    @property
    def provider_of_api(self) -> Provider:
        return Provider.of(self.provider, None, self.api_base_url or "", self.credits_per_image)

    def for_dropcut(self) -> dict[str, Any]:
        """The keyword arguments of `Dropcut`, but for the table that is named by `pace_table`."""
        shared = {each.name: getattr(self, each.name) for each in fields(SettingsOfDropcut)}
        inputs = [Input(prefix=self.input_prefix)]
        return shared | {"name": f"dropcut-{self.stage}", "provider": self.provider_of_api, "inputs": inputs}

    @classmethod
    def from_context(cls, context: Mapping[str, object]) -> Self:
        """Read the settings out of CDK context.

        Raises:
            SettingsError: the first unknown name or bad value, with what is allowed.
        """
        ours = {name: value for name, value in context.items() if not belongs_to_cdk(name)}
        return cls(**checked_values(cls, ours, as_text=True))


def belongs_to_cdk(name: str) -> bool:
    """CDK keeps feature flags, look-ups and its own options in the same context; their names show it."""
    return any(mark in name for mark in ":@/")
