"""Brings light, linear and possibly brighter than white, to the standard range."""

import pyvips

_KNEE = 0.7
"""From here on, of white, what is brighter than white is pressed together; below, nothing changes."""


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
    if most > 1:
        linear = linear * _roll_off(linear, most)
    return linear.copy(interpretation="scrgb").colourspace("rgb16")


def _roll_off(linear: pyvips.Image, most: float) -> pyvips.Image:
    """What each pixel is multiplied with: 1 up to the knee, and so that the brightest becomes white."""
    red, green, blue = linear.bandsplit()
    brightest = red.bandrank([green, blue], index=2)
    above = (brightest > _KNEE).ifthenelse(brightest - _KNEE, 0)
    bend = 1 / (1 - _KNEE) - 1 / (most - _KNEE)
    pressed = _KNEE + above / (above * bend + 1)
    return (brightest > _KNEE).ifthenelse(pressed / brightest, 1)
