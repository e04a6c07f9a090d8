"""What shops ask of a picture, as data, and what does not hold of one that was written.

The figures are from the shops' public guides as known in November 2026; `docs/renditions.md` names them. A picture that
keeps them may still be turned down: a shop asks for more than can be measured.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ShopRules:
    """One shop's figures. Sides are in pixels, shares in percent of the picture's width or height."""

    shop: str
    least_side: int
    """For the longer side."""
    most_side: int
    most_bytes: int
    least_share: float
    """How much of the picture the subject takes at least, across or down, whichever is more."""
    most_share: float


SHOPS: Mapping[str, ShopRules] = {
    # Seller Central's image guide: 1,000 px or more for the zoom, 10,000 px at most; the product fills 85 % or more.
    "amazon_main": ShopRules(
        shop="Amazon",
        least_side=1000,
        most_side=10_000,
        most_bytes=10_000_000,
        least_share=85,
        most_share=100,
    ),
    # Merchant Center's help on `image_link`: 1,500 px or more is best, 64 megapixels and 16 MB are the most. The
    # product takes 75 to 90 % of the picture.
    "google_shopping": ShopRules(
        shop="Google",
        least_side=1500,
        most_side=8000,
        most_bytes=16_000_000,
        least_share=75,
        most_share=90,
    ),
}
"""By the name of the ready-made rendition."""


@dataclass(frozen=True, kw_only=True)
class SeenPicture:
    """What was seen of a picture after it was written and decoded again."""

    width: int
    height: int
    size_bytes: int
    darkest_border: int
    """The lowest level, of 255, that any band has along the four sides; 255 means pure white in all corners too."""
    subject_share: float
    """In percent of the width or the height, whichever the subject takes more of; 0 where all is white."""


def unmet(rules: ShopRules, seen: SeenPicture) -> Iterator[str]:
    """A sentence for each thing that does not hold."""
    shop, longer = rules.shop, max(seen.width, seen.height)
    if seen.darkest_border < 255:
        yield (
            f"{shop} asks for pure white (255) around the subject; the darkest place on the border is "
            f"{seen.darkest_border}."
        )
    if not rules.least_share <= seen.subject_share <= rules.most_share:
        yield (
            f"{shop} asks for a subject of {rules.least_share:g} to {rules.most_share:g} % of the picture; it takes "
            f"{seen.subject_share:.1f} %."
        )
    if not rules.least_side <= longer <= rules.most_side:
        yield (
            f"{shop} asks for a longer side of {rules.least_side:,} to {rules.most_side:,} pixels; it has {longer:,}."
        )
    if seen.size_bytes > rules.most_bytes:
        yield f"{shop} takes at most {rules.most_bytes:,} bytes; the file has {seen.size_bytes:,}."
