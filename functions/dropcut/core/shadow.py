"""The soft shadow that a subject casts onto the ground it stands on, as a rendition's option `shadow` describes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

SOFT = "soft"
"""The word for the default values. They were chosen by eye, on the samples and on painted products."""
RANGES: Mapping[str, tuple[float, float]] = {
    "opacity_percent": (1, 100),
    "blur_percent": (0, 20),
    "offset_percent": (0, 20),
}
"""The least and the greatest value of each field."""


class ShadowError(ValueError):
    """A shadow cannot be made as described; the sentence says what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Shadow:
    """How a shadow looks. Raises ShadowError for a value out of its range.

    Blur and offset are in percent of the subject's longer side, so that they look alike at every size.
    """

    opacity_percent: float = 40.0
    """How dark the darkest place is: 100 is black."""
    blur_percent: float = 2.5
    """How soft it is: the standard deviation of a Gaussian."""
    offset_percent: float = 1.0
    """How far it reaches below the subject before the blur."""

    def __post_init__(self) -> None:
        for name, (least, most) in RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise ShadowError(f"{name} is {value!r}. Allowed: {least:g} to {most:g}")

    @classmethod
    def read(cls, given: object) -> Self:
        """A shadow from JSON: `"soft"`, or an object with some of the fields. Raises ShadowError for anything else."""
        if given == SOFT:
            return cls()
        if not isinstance(given, Mapping):
            raise ShadowError(f"shadow is {given!r}. Allowed: {SOFT!r}, or an object with {', '.join(RANGES)}")
        unknown = [name for name in given if name not in RANGES]
        if unknown:
            raise ShadowError(f"shadow has no {unknown[0]!r}. Allowed: {', '.join(RANGES)}")
        return cls(**given)
