"""What the API's answer says about a picture, worked out at the answer's size, lazily, tile by tile.

All levels are 0 to 255, of alpha too. Near an edge of the subject, alpha is taken for a linear function of the colour,
as in the guided filter (He, Sun and Tang, "Guided Image Filtering", 2013; at the small size: He and Sun, "Fast Guided
Filter", 2015). Two things follow for each pixel: how alpha changes with the colour, and how the subject's colour
differs from the background's.
"""

import math
from dataclasses import dataclass

import pyvips

RADIUS = 1
"""The filter's windows are 3 x 3 pixels of the answer. The paper's 5 x 5 blur a strand's slopes over its neighbours: in
a trial they were a little better on the net of the benchmark, and worse on the other scenes."""
COLOUR_NOISE = 60.0
"""Variance, in squared levels, that a colour may have without meaning an edge: the filter's epsilon, 9e-4 of 255². With
20, squared errors were a tenth larger on a noisy photo and on glass, and a sixth smaller on fur in its own colours."""
ALPHA_NOISE = 4.0
"""The same for alpha."""
EDGE_SIDE = 5
"""Alpha is worked out where it is not constant in a window of so many pixels a side: what one pixel's windows cover."""

CLEAR, OPAQUE = 0, 255
_TILE = 64
_LOOK_AT_PIXELS = 10_000
"""At most as many, in blocks of 3 x 3, tell whether the answer's colours were cleaned up."""
_BLOCK = 3
_SHARPNESS_BLOCK = 8
_SHARPER = 0.89
"""Between what `is_sharper` found for the two kinds of alpha."""
_LIGHTNESS = [0.3, 0.6, 0.1]
"""Of red, green and blue; JPEG keeps colour at half the resolution."""


@dataclass(frozen=True)
class SmallMatte:
    """Images of the answer's size."""

    edges: pyvips.Image
    """255 where alpha is not 0, or not 255, all around, else 0."""
    opaque: pyvips.Image
    """255 where alpha is 255 all around, else 0."""
    slopes: pyvips.Image
    """Floats, four bands: alpha is the mean of their products with red, green, blue and 1. Whole numbers begin at the
    halves, so that cutting a fraction off rounds."""
    contrast: pyvips.Image
    """The subject's colour less the background's, in levels per level of alpha, three bands."""


def small_matte(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> SmallMatte:
    """Work out the matte of a reduced photo.

    Args:
        guide: the photo at the answer's size, three bands, in memory.
        alpha: the answer's alpha, one band, in memory.
        subject: the answer's colours, in the guide's colour space, three bands, in memory.
    """
    given = cleaned_up(guide, alpha, subject)
    contrast = _given_contrast(guide, alpha, subject) if given else fitted_contrast(guide, alpha)
    slopes = 4 * _box(_slopes(_means(guide, alpha)))
    offset = 4 * (alpha + 0.5) - (slopes * guide).bandmean() * 3
    least, most = _range(alpha)
    lines = _kept(slopes.bandjoin([offset, contrast]))
    return SmallMatte((least < OPAQUE) & (most > CLEAR), (least == OPAQUE).copy_memory(), lines[:4], lines[4:])


def cleaned_up(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> bool:
    """Whether the API took the background's share out of half transparent pixels, or handed the photo's colours back.

    If it did, its colours differ from the photo's by (1 - alpha) x contrast, if not, by what reducing and encoding
    did; the least squares say by how much of the former. Some of the pixels tell as well as all: on the scenes of
    `bench/alpha.py` it is 0.6 to 1.1 times where it did, and 0.0 times where it did not.

    Args:
        guide: the photo at the answer's size, three bands.
        alpha: the answer's alpha, one band.
        subject: the answer's colours, in the guide's colour space, three bands.
    """
    step = 1 + math.isqrt(alpha.width * alpha.height // _LOOK_AT_PIXELS)
    # Single pixels: a mean over several would mix in the clear ones, of which the API says nothing but black.
    some = guide.bandjoin([alpha, subject]).subsample(step, step).cast("float").copy_memory()
    both, change = some[:4], some[4:] - some[:3]
    clear = 255 - both[3]
    weighted = clear * both[3]  # by alpha: most where it is a half
    by_blocks = _BLOCK, _BLOCK
    means = both.shrink(*by_blocks)
    contrast = _over_alpha((both * both[3]).shrink(*by_blocks) - means * means[3])
    given = (change * weighted).shrink(*by_blocks)
    expected = contrast * (clear * weighted).shrink(*by_blocks)
    return bool(((given - 0.5 * expected) * contrast).avg() > 0)


def fitted_contrast(guide: pyvips.Image, alpha: pyvips.Image) -> pyvips.Image:
    """From the photo alone, how its colour changes with alpha: levels per level, three bands."""
    both = guide.bandjoin(alpha).cast("float")
    # Windows of 5 x 5: where alpha hardly changes, noise would be taken for contrast in smaller ones.
    sums = _box(both.bandjoin(both * alpha), radius=2)
    means = sums[:4]
    return _over_alpha(sums[4:] - means * means[3])


def _over_alpha(covariances: pyvips.Image) -> pyvips.Image:
    """Contrast, of each colour's covariance with alpha and alpha's variance."""
    return covariances[:3] / (covariances[3] + ALPHA_NOISE)


def is_sharper(guide: pyvips.Image, alpha: pyvips.Image) -> bool:
    """Whether alpha was reduced by a sharper kernel than the guide was: an overshooting one, not a mean over areas.

    How lightness changes with alpha, over blocks, says how much of it a fine detail of alpha should bring along. With a
    guide reduced by TO_COMPARE it is 0.89 to 0.97 of that for alphas reduced by area, 0.80 to 0.89 by Lanczos (scenes
    of `bench/alpha.py`).

    Args:
        guide: the photo at the answer's size, three bands, in memory.
        alpha: the answer's alpha, one band, in memory.
    """
    block = _SHARPNESS_BLOCK
    both = guide.recomb([_LIGHTNESS]).bandjoin(alpha).cast("float")
    detail = both - _box(both)
    means = both.shrink(block, block)
    contrast = (both * both[1]).shrink(block, block) - means * means[1]
    contrast = contrast[0] / (contrast[1] + ALPHA_NOISE)
    shares = (detail * detail[1]).shrink(block, block)
    found = (shares[0] * contrast).bandjoin(shares[1] * contrast * contrast).copy_memory()
    return bool(found[0].avg() < _SHARPER * found[1].avg())


def _range(alpha: pyvips.Image) -> tuple[pyvips.Image, pyvips.Image]:
    """The least and the most around each pixel."""
    side = EDGE_SIDE
    return alpha.rank(side, side, 0).copy_memory(), alpha.rank(side, side, side * side - 1).copy_memory()


@dataclass(frozen=True)
class _Means:
    """Over the window around each pixel."""

    variances: pyvips.Image
    """Of red, green and blue."""
    covariances: pyvips.Image
    """Of green and blue, blue and red, red and green: each in the place of the colour that is not in it."""
    with_alpha: pyvips.Image
    """Covariance of each colour with alpha."""


def _means(guide: pyvips.Image, alpha: pyvips.Image) -> _Means:
    _, second, third = _ring(guide)
    mean = _box(guide.bandjoin([guide * guide, second * third, guide * alpha, alpha]).cast("float"))
    colour, of_alpha = mean[:3], mean[12]
    _, second, third = _ring(colour)
    return _Means(
        variances=mean[3:6] - colour * colour,
        covariances=mean[6:9] - second * third,
        with_alpha=mean[9:12] - colour * of_alpha,
    )


def _slopes(means: _Means) -> pyvips.Image:
    """Alpha by least squares over the colours, along the one direction in which they change with alpha.

    The guided filter looks for the best of all directions, which takes a 3 x 3 matrix's inverse for each pixel: a third
    more processor time for a whole cut-out, and about a twentieth less squared error where hair stands before leaves.
    """
    along, along_2, along_3 = _ring(means.with_alpha)
    squares = along * along
    variance = (means.variances + COLOUR_NOISE) * squares + 2 * means.covariances * (along_2 * along_3)
    return along * (squares.bandmean() / (variance.bandmean() + 1e-3))


def _ring(colours: pyvips.Image) -> tuple[pyvips.Image, pyvips.Image, pyvips.Image]:
    """The three bands; in the place of each the one after it; and the one after that."""
    five = colours.bandjoin(colours[:2])
    return colours, five[1:4], five[2:5]


def _given_contrast(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> pyvips.Image:
    """From the colours that the API cleaned up: subject - photo = (1 - alpha) x contrast, least squares."""
    clear = 255 - alpha
    weight = (clear * alpha).cast("float")
    sums = _box(((subject - guide) * weight).bandjoin(clear * weight))
    return sums[:3] / (sums[3] + 1)


def _box(image: pyvips.Image, radius: int = RADIUS) -> pyvips.Image:
    """The mean over the window around each pixel; the border's pixels are repeated outwards."""
    side = 2 * radius + 1
    return image.convsep(pyvips.Image.new_from_list([[1] * side], scale=side), precision="float")


def _kept(image: pyvips.Image) -> pyvips.Image:
    """Remember a few rows of tiles: libvips works an image out anew for each operation and strip that asks for it."""
    across = image.width // _TILE + 2
    return image.tilecache(tile_width=_TILE, tile_height=_TILE, max_tiles=3 * across, access="random", threaded=True)
