"""Whose API cuts out, where it is, what it takes for a picture, and where its key is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Self

from dropcut.core.operation import REMOVE_BACKGROUND
from dropcut.core.webhook_receiver import Receiver

from dropcut_cdk.kinds import ABOVE_ZERO, Kind, SettingsError, checked, choice, thing

if TYPE_CHECKING:
    from aws_cdk.aws_secretsmanager import ISecret

BASE_URLS: Mapping[str, str] = {"ezlink": "https://api.ezlinkai.com", "stability": "https://api.stability.ai"}
NAME = choice(*BASE_URLS)


def _check_base_url(value: object) -> str:
    """An address that a webhook could be sent to, too, but without a query. Raises ValueError: it is none."""
    Receiver.at(value)
    if "?" in str(value):
        raise ValueError("not a base URL")
    return str(value).rstrip("/")


BASE_URL = Kind(
    allowed="a base URL with https; http only to this machine (127.0.0.1, ::1, localhost)", check=_check_base_url
)


@checked("the provider")
@dataclass(frozen=True, kw_only=True)
class Provider:
    """Made by `Provider.ezlink(...)` or `Provider.stability(...)`.

    Raises:
        SettingsError: the URL, the price or the secret is not allowed.
    """

    name: Annotated[str, NAME]
    base_url: Annotated[str, BASE_URL]
    credits_per_image: Annotated[float, ABOVE_ZERO]
    secret: Annotated["ISecret | None", thing("a `secretsmanager.ISecret`", "secret_name")] = None

    @classmethod
    def ezlink(
        cls, secret: "ISecret | None" = None, *, base_url: str = "", credits_per_image: float | None = None
    ) -> Self:
        """The gateway EZLINK AI.

        Args:
            secret: holds the API key: the key alone, or `{"api_key": "..."}`. Without it one is made, to be filled.
            base_url: where its API is, if not at the provider's own address.
            credits_per_image: what one cut-out costs, if not what the provider's price list says.
        """
        return cls.of("ezlink", secret, base_url, credits_per_image)

    @classmethod
    def stability(
        cls, secret: "ISecret | None" = None, *, base_url: str = "", credits_per_image: float | None = None
    ) -> Self:
        """The maker, Stability AI. The arguments are those of `ezlink`."""
        return cls.of("stability", secret, base_url, credits_per_image)

    @classmethod
    def of(cls, name: str, secret: "ISecret | None", base_url: str, credits_per_image: float | None) -> Self:
        """The provider of this name, one of `BASE_URLS`."""
        price = REMOVE_BACKGROUND.credits[name] if credits_per_image is None else credits_per_image
        return cls(name=name, base_url=base_url or BASE_URLS[name], credits_per_image=price, secret=secret)

    def check_daily_limit(self, credits: float) -> None:
        """Raises SettingsError: nothing could be made within a limit of so many credits (0: no limit)."""
        if 0 < credits < self.credits_per_image:
            raise SettingsError(
                f"Setting daily_credit_limit is {credits:g}, less than one cut-out costs "
                f"(credits_per_image is {self.credits_per_image:g}), so nothing would ever be made. "
                "Allowed: 0 for no limit, or a number of at least credits_per_image."
            )
