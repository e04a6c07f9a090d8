"""Writes PNG files: one choice of options for all of them."""

from pathlib import Path

import pyvips

_COMPRESSION = 3
"""With the `up` filter a photo's cut-out comes out no larger than at 6 without, in a third of the time."""


def write_png(image: pyvips.Image, path: Path) -> None:
    """Write 8-bit pixels as a PNG, streaming; an attached ICC profile goes with them, other metadata does not.

    Raises:
        pyvips.Error: a source picture turned out to be damaged, or the disc is full.
    """
    image.pngsave(str(path), compression=_COMPRESSION, filter="up", keep="icc")
