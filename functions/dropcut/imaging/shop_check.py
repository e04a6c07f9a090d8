"""Looks at a picture that was written for a shop, as the shop will: decoded again from its file."""

from pathlib import Path

import pyvips

from dropcut.core.shop_rules import SHOPS, SeenPicture, unmet

_BLOCK = 8
"""Pixels a side, of a JPEG's blocks: the ripples around a subject have a mean of nearly 0 in each."""
_NEARLY_WHITE = 6
"""Levels that a block's mean may differ from white without a part of the subject in it."""


def shop_note(rendition: str, written: Path) -> str:
    """What does not hold of a written picture; empty where everything does, or where no shop's rules are known.

    Args:
        rendition: its name, such as `amazon_main`.
        written: its file.

    Raises:
        pyvips.Error: the file cannot be decoded.
    """
    rules = SHOPS.get(rendition)
    return " ".join(unmet(rules, seen_picture(written))) if rules else ""


def seen_picture(written: Path) -> SeenPicture:
    """Size, border and subject of a picture. It is decoded twice, line by line."""
    picture = _opened(written)
    return SeenPicture(
        width=picture.width,
        height=picture.height,
        size_bytes=written.stat().st_size,
        darkest_border=int(_border(picture).min()),
        subject_share=_subject_share(_opened(written)),
    )


def _opened(path: Path) -> pyvips.Image:
    """As it looks on white, where it is transparent; in its own colours, since white is white in all of them."""
    picture = pyvips.Image.new_from_file(str(path), access="sequential")
    return picture.flatten(background=255) if picture.hasalpha() else picture


def _border(picture: pyvips.Image) -> pyvips.Image:
    """The outermost pixels; white within."""
    if min(picture.width, picture.height) <= 2:
        return picture
    within = pyvips.Image.black(picture.width - 2, picture.height - 2).invert()
    return picture | within.embed(1, 1, picture.width, picture.height)


def _subject_share(picture: pyvips.Image) -> float:
    """How much of the width or height is taken by what is not white, in percent; up to 16 pixels too much a side."""
    blocks = picture.shrink(_BLOCK, _BLOCK, ceil=True).copy_memory()
    white = [255] * blocks.bands
    _left, _top, width, height = blocks.find_trim(threshold=_NEARLY_WHITE, background=white, line_art=True)
    share = _BLOCK * max(width / picture.width, height / picture.height)
    return 100 * min(1.0, float(share))
