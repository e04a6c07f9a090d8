"""Paints the soft shadow of a subject that stands on the ground, under a lamp right above and a camera a little higher.

The ground that the subject covers is taken to be as deep as the subject is wide. The camera sees that depth shortened,
so alpha is squashed into a low strip at the subject's foot. A part that is nearer to the ground makes the strip darker.
"""

import math
from dataclasses import dataclass

import pyvips

from dropcut.core.shadow import Shadow

SUBJECT_ALPHA = 10
"""Alpha, of 255, from which on a pixel belongs to the subject: fainter ones are dust and the matte's noise."""
_SHORTENED = 0.18
"""Height of the strip, as a share of the subject's width: a camera about 10 degrees above the ground."""
_SMOOTH_ENOUGH = 4.0
"""Pixels of blur that the reduced picture keeps: with more, reducing first shows no difference and saves the time."""

_NO_BLUR = 0.2
"""Standard deviation, in pixels, of a blur that would change nothing."""

_DEVIATIONS = 2.5
"""So many standard deviations from its edge a blurred shadow has ended: less than 1 % of it is left."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a shadow takes around the subject's box, in pixels."""

    beside: float
    """On each side."""
    above: float
    below: float

    def at_least(self, margin: float) -> "Room":
        """So much at each edge, or more where the shadow takes more."""
        return Room(beside=max(margin, self.beside), above=max(margin, self.above), below=max(margin, self.below))


NO_ROOM = Room(beside=0, above=0, below=0)


def room_for(shadow: Shadow, width: float, height: float) -> Room:
    """How far the shadow of a subject of this width and height reaches beyond it."""
    longer = max(width, height)
    blur, offset = _DEVIATIONS * shadow.blur_percent / 100 * longer, shadow.offset_percent / 100 * longer
    hidden = height - _depth(width, height)
    return Room(beside=blur, above=max(0.0, blur - offset - hidden), below=blur + offset)


def shadow_layer(alpha: pyvips.Image, shadow: Shadow) -> pyvips.Image:
    """The layer that goes under a subject.

    Args:
        alpha: the subject's, 8 bits, placed where it will be seen. It is read twice. The shadow beyond its frame is
            lost: `room_for` says how much space it needs.

    Returns:
        RGBA of the same size, black, lazy from a small picture in memory. It is clear all over without a subject.
    """
    left, top, width, height = alpha.find_trim(threshold=SUBJECT_ALPHA - 1, background=[0], line_art=True)
    if not width or not height:
        return pyvips.Image.black(alpha.width, alpha.height, bands=4).copy(interpretation="srgb")
    blur, offset = (part / 100 * max(width, height) for part in (shadow.blur_percent, shadow.offset_percent))
    factor = max(1, int(blur / _SMOOTH_ENOUGH))
    strip = _strip(alpha.crop(left, top, width, height), factor)
    # The ground goes on below the frame, since a subject may reach down to it.
    rows = math.ceil((alpha.height + offset) / factor) + 1
    lower_edge = round((top + height + offset) / factor)
    ground = strip.embed(left // factor, lower_edge - strip.height, math.ceil(alpha.width / factor), rows)
    dark = _blurred(ground, blur / factor)
    level = dark * (2.55 * shadow.opacity_percent / max(dark.max(), 1e-3))
    return _black(_enlarged(level, factor, alpha))


def _depth(width: float, height: float) -> float:
    """Height of the strip. A subject that is flatter than that lies on the ground, and hides it."""
    return min(_SHORTENED * width, height)


def _strip(alpha: pyvips.Image, factor: int) -> pyvips.Image:
    """The subject's alpha as floats, more of it from below, squashed and reduced; in memory."""
    nearness = (pyvips.Image.xyz(alpha.width, alpha.height)[1] + 1) / alpha.height
    width, height = (max(1, round(part / factor)) for part in (alpha.width, _depth(alpha.width, alpha.height)))
    weighted = (alpha * nearness).cast("float")
    return weighted.resize(width / alpha.width, vscale=height / alpha.height, kernel="linear").copy_memory()


def _blurred(image: pyvips.Image, deviation: float) -> pyvips.Image:
    """In memory."""
    if deviation < _NO_BLUR:
        return image.copy_memory()
    return image.gaussblur(deviation, precision="float", min_ampl=0.01).copy_memory()


def _enlarged(small: pyvips.Image, factor: int, like: pyvips.Image) -> pyvips.Image:
    """To the other picture's size, from the upper left corner."""
    if factor == 1:
        return small.crop(0, 0, like.width, like.height)
    return small.affine(
        [factor, 0, 0, factor],
        interpolate=pyvips.Interpolate.new("bicubic"),
        idx=0.5 - 0.5 / factor,
        idy=0.5 - 0.5 / factor,
        oarea=[0, 0, like.width, like.height],
        extend="copy",
    )


def _black(level: pyvips.Image) -> pyvips.Image:
    """RGBA of this alpha."""
    alpha = level.rint().cast("uchar")
    nothing = pyvips.Image.black(alpha.width, alpha.height, bands=3)
    return nothing.bandjoin(alpha).copy(interpretation="srgb")
