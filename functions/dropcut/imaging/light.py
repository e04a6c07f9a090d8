"""Brings light, linear and possibly brighter than white, to the standard range; PQ and HLG are such light, coded.

Source: ITU-R BT.2100 (PQ, HLG and its system gamma at 1,000 cd/m2), BT.2408 (white at 203 cd/m2).
"""

import math
import struct
from collections.abc import Callable

import pyvips

from dropcut.core.formats.icc_profile import inverse, times, to_xyz
from dropcut.core.formats.stated_colour import SRGB_PRIMARIES, StatedColour

WHITE = 203.0
"""cd/m2."""
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2
_KNEE = 0.7
"""From here on, of white, what is brighter than white is pressed together; below, nothing changes."""


def standard_range(opened: Callable[[], pyvips.Image], stated: StatedColour) -> pyvips.Image:
    """16-bit sRGB of a picture in PQ or HLG, its alpha untouched.

    Args:
        opened: opens the picture, which is read twice: once for the brightest pixel.
    """
    image = opened()
    light = _light(image, stated)
    shown = rendered(light, white=WHITE, peak=_light(opened(), stated).max())
    if image.bands in (2, 4):
        alpha = image[image.bands - 1]
        shown = shown.bandjoin(alpha if image.format == "ushort" else alpha.cast("ushort") * 257)
    return shown.cast("ushort").copy(interpretation="rgb16")


def rendered(light: pyvips.Image, *, white: float, peak: float) -> pyvips.Image:
    """16-bit sRGB of linear light with sRGB's primaries.

    Args:
        light: three bands of float.
        white: the value that becomes white.
        peak: the greatest value of all. Up to white, nothing is changed; beyond, all above the knee is made room
            for, each pixel keeping the proportions of its channels.
    """
    linear = light * (1 / white)
    most = peak / white
    if most > 1.01:  # of coded white, rounding included
        linear = linear * _roll_off(linear, most)
    return linear.copy(interpretation="scrgb").colourspace("rgb16")


def _roll_off(linear: pyvips.Image, most: float) -> pyvips.Image:
    """What each pixel is multiplied with: 1 up to the knee, and so that the brightest becomes white."""
    red, green, blue = linear.bandsplit()
    brightest = red.bandrank([green, blue], index=2)
    above = (brightest > _KNEE).ifthenelse(brightest - _KNEE, 0)
    bend = 1 / (1 - _KNEE) - 1 / (most - _KNEE)
    pressed = above / (above * bend + 1) + _KNEE
    return (brightest > _KNEE).ifthenelse(pressed / brightest, 1)


def _light(image: pyvips.Image, stated: StatedColour) -> pyvips.Image:
    """cd/m2 with sRGB's primaries, three bands of float."""
    levels = 65_536 if image.format == "ushort" else 256
    decode = _pq if stated.transfer == "pq" else _hlg
    table = struct.pack(f"{levels}f", *(decode(level / (levels - 1)) for level in range(levels)))
    light = image[:3] if image.bands >= 3 else image[0].bandjoin([image[0], image[0]])
    light = light.copy(interpretation="multiband")
    light = light.maplut(pyvips.Image.new_from_memory(table, levels, 1, 1, "float"))
    if stated.transfer == "hlg":
        red, green, blue = to_xyz(stated.primaries)[1]
        brightness = light.recomb([[red, green, blue]])
        light = light * brightness.math2_const("pow", [_HLG_GAMMA - 1]) * _HLG_PEAK
    matrix = times(inverse(to_xyz(SRGB_PRIMARIES)), to_xyz(stated.primaries))
    return light.recomb([list(row) for row in matrix])


def _pq(level: float) -> float:
    """cd/m2."""
    power: float = level ** (32 / 2523)
    return 10_000.0 * float((max(power - 107 / 128, 0.0) / (2413 / 128 - 2392 / 128 * power)) ** (8192 / 1305))


def _hlg(level: float) -> float:
    """The scene's light, from 0 to 1."""
    if level <= 0.5:
        return level * level / 3
    return (math.exp((level - 0.55991073) / 0.17883277) + 0.28466892) / 12
