"""Brings a cut-out to the photo's own size (stand-in: plain upsampling until the edge-aware one is merged)."""

from pathlib import Path

import pyvips

from dropcut.core.picture_limits import DecodeLimits
from dropcut.imaging.decode import Colour, open_upright


def full_size_cutout(original: Path, answer: Path, limits: DecodeLimits, *, colour: Colour) -> pyvips.Image:
    """RGBA, 8 bits, straight alpha, upright, at the original's size."""
    photo = open_upright(original, limits, colour=colour)
    own = photo[3] if photo.bands == 4 else None
    cut = open_upright(answer, limits).copy_memory()
    alpha = cut[3] if cut.bands == 4 else (cut[0] * 0 + 255).cast("uchar")
    alpha = alpha.resize(photo.width / alpha.width, vscale=photo.height / alpha.height, kernel="linear")
    if own is not None:
        alpha = (alpha * own / 255).rint().cast("uchar")
    return (alpha > 0).ifthenelse(photo[:3], 0).cast("uchar").bandjoin(alpha).copy(interpretation="srgb")
