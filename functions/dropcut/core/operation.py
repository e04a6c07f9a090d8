"""What is bought of the API: one value for each operation, from its path to the key under which it is paid for.

Source: the published request schemas of the maker; the gateway agrees.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dropcut.core.units import MIB


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the picture in an answer has to be."""

    width: int
    height: int
    format: str
    has_alpha: bool


@dataclass(frozen=True, kw_only=True)
class Operation:
    name: str
    path: str
    """Of the URL, after the API's base URL."""
    fields: Mapping[str, str]
    """Sent in the form with each picture."""
    answer_format: str
    """Format of the answer's picture: `png` or `webp`."""
    answer_has_alpha: bool
    credits: Mapping[str, float]
    """Price of one success by provider, as their price pages say; a setting can overrule it."""
    key_prefix: str = ""
    """Keeps the payment keys of two operations apart."""
    longest_body_bytes: int = 48 * MIB
    """4,194,304 pixels of four bytes are 16 MiB, in base64 22 MiB: twice that is no answer of this API."""

    def payment_key(self, picture_sha256: str) -> str:
        """Name what is bought once: this operation on these bytes.

        The key ends in the answer's format, so that it is also the name of the answer's file under `paid/`.
        """
        return f"{self.key_prefix}{picture_sha256}.{self.answer_format}"

    def expected(self, *, width: int, height: int) -> Expected:
        """What the answer to a picture of this size has to be, in pixels."""
        return Expected(width=width, height=height, format=self.answer_format, has_alpha=self.answer_has_alpha)


REMOVE_BACKGROUND = Operation(
    name="remove-background",
    path="/v2beta/stable-image/edit/remove-background",
    fields={"output_format": "png"},  # lossless, whatever is delivered: the renditions are made from it
    answer_format="png",
    answer_has_alpha=True,
    credits={"ezlink": 2.0, "stability": 5.0},
)
OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in (REMOVE_BACKGROUND,)}
