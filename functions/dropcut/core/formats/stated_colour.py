"""What a picture's numbers mean, said by other means than an ICC profile: primaries, white, and transfer.

Source of the numbers: ITU-T H.273 (tables 2 and 3), which PNG's cICP, AVIF and HEIF use; Adobe RGB (1998); PNG 3.
"""

from dataclasses import dataclass
from typing import Literal

Transfer = Literal["srgb", "gamma", "pq", "hlg"]
Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""x and y of red, green, blue and white."""

_D65 = (0.3127, 0.329)
_C = (0.31, 0.316)
SRGB_PRIMARIES: Chromaticities = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, *_D65)
_PRIMARIES: dict[int, Chromaticities] = {
    1: SRGB_PRIMARIES,
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, *_C),
    5: (0.64, 0.33, 0.29, 0.6, 0.15, 0.06, *_D65),
    6: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, *_D65),
    7: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, *_D65),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, *_C),
    9: (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, *_D65),
    11: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.314, 0.351),
    12: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, *_D65),
    22: (0.63, 0.34, 0.295, 0.605, 0.155, 0.077, *_D65),
}
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_PQ, _HLG = 16, 18
_NEAR_GAMMA = 0.05
"""Of 1/2.2, which with sRGB's primaries is how older programs say sRGB; libpng takes no notice of less either."""
_NEAR_PLACE = 0.002
"""Of a chromaticity: rounding of other programs."""


@dataclass(frozen=True)
class StatedColour:
    """A colour space."""

    primaries: Chromaticities = SRGB_PRIMARIES
    transfer: Transfer = "srgb"
    gamma: float = 2.2
    """The exponent that makes light of a level; of transfer `gamma` only."""

    @property
    def is_srgb(self) -> bool:
        """Whether it need not be said."""
        near = all(abs(one - two) <= _NEAR_PLACE for one, two in zip(self.primaries, SRGB_PRIMARIES, strict=True))
        return near and self.transfer == "srgb"

    @property
    def is_brighter_than_white(self) -> bool:
        """Whether it can show more than white."""
        return self.transfer in ("pq", "hlg")


ADOBE_RGB = StatedColour((0.64, 0.33, 0.21, 0.71, 0.15, 0.06, *_D65), "gamma", 563 / 256)


def by_code_points(primaries: int, transfer: int) -> StatedColour:
    """Of H.273's numbers. Unspecified or unknown values, and television's, are shown as on an sRGB screen."""
    places = _PRIMARIES.get(primaries, SRGB_PRIMARIES)
    if transfer in (_PQ, _HLG):
        return StatedColour(places, "pq" if transfer == _PQ else "hlg")
    if transfer in _GAMMAS:
        return StatedColour(places, "gamma", _GAMMAS[transfer])
    return StatedColour(places)


def by_gamma(encoding: float | None, primaries: Chromaticities | None) -> StatedColour:
    """Of PNG's gAMA, the exponent that makes a level of light, and cHRM."""
    places = primaries or SRGB_PRIMARIES
    usual = StatedColour(places)
    if not encoding or (usual.is_srgb and abs(encoding * 2.2 - 1) <= _NEAR_GAMMA):
        return usual
    return StatedColour(places, "gamma", 1 / encoding)
