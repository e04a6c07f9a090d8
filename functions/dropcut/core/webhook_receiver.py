"""Where webhooks are sent: an address with https that is public, or one of this machine that says so itself."""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Self
from urllib.parse import urlsplit

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_TUNNELS = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))
"""Teredo and 6to4: such an address leads to the IPv4 address in it."""


class AddressNotAllowedError(ValueError):
    """The receiver's name leads to an address that no webhook is sent to."""


@dataclass(frozen=True, kw_only=True)
class Receiver:
    scheme: str
    host: str
    port: int
    target: str
    """Path and query, as they stand in the request."""

    @classmethod
    def at(cls, url: object) -> Self:
        """Read the setting `webhook_url`: https, or http to this machine; without credentials and fragment.

        Raises:
            ValueError: it is no such URL.
        """
        if not isinstance(url, str) or not re.fullmatch(r"[!-\[\]-~]{1,1000}", url):
            raise ValueError("not a URL")
        parts = urlsplit(url)
        port = parts.port  # raises ValueError when it is not a port
        if not parts.hostname or parts.fragment or parts.username is not None:
            raise ValueError("without a host, or with a fragment or credentials")
        parts.hostname.encode("idna")  # raises ValueError when it cannot be looked up
        if parts.scheme not in ("https", "http"):
            raise ValueError("not https")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        default_port = 443 if parts.scheme == "https" else 80
        found = cls(scheme=parts.scheme, host=parts.hostname, port=port or default_port, target=target)
        if found.scheme == "http" and not found.is_this_machine:
            raise ValueError("not https")
        return found

    @cached_property
    def is_this_machine(self) -> bool:
        """By what the URL says, never by where a name leads."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @cached_property
    def fingerprint(self) -> str:
        """Names the receiver in the state table; its URL may hold a token."""
        url = f"{self.scheme}://{self.host}:{self.port}{self.target}"
        return hashlib.sha256(url.encode()).hexdigest()[:16]

    def check_address(self, address: str) -> None:
        """Check what the host's name leads to.

        Raises:
            AddressNotAllowedError: a webhook must not reach what only we can reach.
        """
        # A link-local address may name its interface behind a `%`.
        found = ip_address(address.partition("%")[0])
        allowed = found.is_loopback if self.is_this_machine else _is_public(found)
        if not allowed:
            wanted = "an address of this machine" if self.is_this_machine else "a public address"
            raise AddressNotAllowedError(f"{self.host} leads to {found}, which is not {wanted}")


def _is_public(address: object) -> bool:
    """Python calls some addresses global that are not: multicast, and IPv6 forms that carry an IPv4 address."""
    if isinstance(address, IPv6Address):
        carries_ipv4 = any(address in tunnel for tunnel in _TUNNELS)
        return address.is_global and address in _GLOBAL_UNICAST and not carries_ipv4
    return bool(address.is_global and not address.is_multicast)  # type: ignore[attr-defined]
