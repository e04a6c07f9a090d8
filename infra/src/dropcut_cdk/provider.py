"""Whose API cuts out, where it is, what it takes for a picture, and where its key is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dropcut.core.operation import REMOVE_BACKGROUND

from dropcut_cdk.kinds import SettingsError

if TYPE_CHECKING:
    from aws_cdk.aws_secretsmanager import ISecret

BASE_URLS: Mapping[str, str] = {"ezlink": "https://api.ezlinkai.com", "stability": "https://api.stability.ai"}


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Made by `Provider.ezlink(...)` or `Provider.stability(...)`.

    Raises:
        SettingsError: the URL or the price is not allowed.
    """

    name: str
    base_url: str
    credits_per_image: float
    secret: ISecret | None = None

    def __post_init__(self) -> None:
        try:
            check_base_url(self.base_url)
        except ValueError as cause:
            raise SettingsError(
                f"base_url of the provider is {self.base_url!r}: {cause}. Allowed: an absolute URL with https, "
                "without query or credentials; http only to this machine."
            ) from cause
        if not self.credits_per_image > 0:
            raise SettingsError(
                f"credits_per_image of the provider is {self.credits_per_image!r}. Allowed: a number above 0."
            )

    @classmethod
    def ezlink(
        cls, secret: ISecret | None = None, *, base_url: str = "", credits_per_image: float | None = None
    ) -> Provider:
        """The gateway EZLINK AI.

        Args:
            secret: holds the API key: the key alone, or `{"api_key": "..."}`. Without it one is made, to be filled.
            base_url: where its API is, if not at the provider's own address.
            credits_per_image: what one cut-out costs, if not what the provider's price list says.
        """
        return cls._known("ezlink", secret, base_url, credits_per_image)

    @classmethod
    def stability(
        cls, secret: ISecret | None = None, *, base_url: str = "", credits_per_image: float | None = None
    ) -> Provider:
        """The maker, Stability AI. The arguments are those of `ezlink`."""
        return cls._known("stability", secret, base_url, credits_per_image)

    @classmethod
    def _known(cls, name: str, secret: ISecret | None, base_url: str, credits_per_image: float | None) -> Provider:
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


def check_base_url(value: object) -> str:
    """An absolute URL without query or credentials: https, or http to this machine (a stand-in).

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not value.isascii() or re.search(r"[\s\\]", value):
        raise ValueError("not a URL")
    url = urlsplit(value)
    _ = url.port  # raises ValueError when it is not a port
    if not url.hostname or url.query or url.fragment or url.username is not None:
        raise ValueError("not a base URL")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.hostname)):
        raise ValueError("not https")
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
