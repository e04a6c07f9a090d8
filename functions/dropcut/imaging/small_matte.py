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
COLOUR_NOISE = 20.0
"""Variance, in squared levels, that a colour may have without meaning an edge: the filter's epsilon, 3e-4 of 255²."""
ALPHA_NOISE = 4.0
"""The same for alpha."""
EDGE_REACH = 5
"""Alpha is worked out where it is not constant within this many pixels: as far as one pixel's windows reach."""

CLEAR, EDGE, OPAQUE = 0, 128, 255
_TILE = 64
_LOOK_AT_PIXELS = 10_000
"""At most as many, in blocks of 3 x 3, tell whether the answer's colours were cleaned up."""
_BLOCK = 3


@dataclass(frozen=True)
class SmallMatte:
    """Images of the answer's size."""

    alpha: pyvips.Image
    """As the API gave it."""
    guide: pyvips.Image
    """The photo, reduced to this size."""
    zones: pyvips.Image
    """CLEAR, EDGE or OPAQUE."""
    slopes: pyvips.Image
    """Levels of alpha per level of each colour, three bands, times three: their mean with colours is alpha."""
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
    lines = _kept((3 * _box(_slopes(_means(guide, alpha)))).bandjoin(contrast))
    return SmallMatte(alpha, guide, _zones(alpha), lines[:3], lines[3:])


def cleaned_up(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> bool:
    """Whether the API took the background's share out of half transparent pixels, or handed the photo's colours back.

    If it did, its colours differ from the photo's by (1 - alpha) x contrast, if not, by what reducing and encoding
    did; the least squares say by how much of the former. Some of the pixels tell as well as all: on the scenes of
    `bench/alpha.py` it is 0.8 to 1.1 times where it did, and 0.0 times where it did not.

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
    contrast = _contrast(both.shrink(*by_blocks), (both * both[3]).shrink(*by_blocks))
    given = (change * weighted).shrink(*by_blocks)
    expected = contrast * (clear * weighted).shrink(*by_blocks)
    return bool(((given - 0.5 * expected) * contrast).avg() > 0)


def fitted_contrast(guide: pyvips.Image, alpha: pyvips.Image) -> pyvips.Image:
    """From the photo alone, how its colour changes with alpha: levels per level, three bands."""
    both = guide.bandjoin(alpha).cast("float")
    return _contrast(_box(both), _box(both * alpha))


def _contrast(means: pyvips.Image, products: pyvips.Image) -> pyvips.Image:
    """The covariance of colour and alpha, over alpha's variance, of the means of both and of their product with alpha.

    Alpha is the last band.
    """
    covariances = products - means * means[3]
    return covariances[:3] / (covariances[3] + ALPHA_NOISE)


def _zones(alpha: pyvips.Image) -> pyvips.Image:
    side = EDGE_REACH
    least, most = alpha.rank(side, side, 0), alpha.rank(side, side, side * side - 1)
    return (least == most).ifthenelse(alpha, EDGE).copy_memory()


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
    products = [guide * guide, _next(guide) * _after_next(guide), guide * alpha]
    mean = _box(guide.bandjoin([*products, alpha]).cast("float"))
    colour, of_alpha = mean[:3], mean[12]
    return _Means(
        variances=mean[3:6] - colour * colour,
        covariances=mean[6:9] - _next(colour) * _after_next(colour),
        with_alpha=mean[9:12] - colour * of_alpha,
    )


def _slopes(means: _Means) -> pyvips.Image:
    """Least squares of alpha over the three colours: the inverse of a symmetric 3 x 3 matrix, three bands at a time."""
    diagonal, beside = means.variances + COLOUR_NOISE, means.covariances
    cofactors = _next(diagonal) * _after_next(diagonal) - beside * beside
    cofactors_beside = _next(beside) * _after_next(beside) - beside * diagonal
    along = means.with_alpha
    scaled = (
        cofactors * along + _after_next(cofactors_beside) * _next(along) + _next(cofactors_beside) * _after_next(along)
    )
    first_row = cofactors[0] * diagonal[0], cofactors_beside[2] * beside[2], cofactors_beside[1] * beside[1]
    return scaled / (first_row[0] + first_row[1] + first_row[2])


def _next(colours: pyvips.Image) -> pyvips.Image:
    """In the place of each colour the one after it, in a ring."""
    return colours[1].bandjoin([colours[2], colours[0]])


def _after_next(colours: pyvips.Image) -> pyvips.Image:
    return colours[2].bandjoin([colours[0], colours[1]])


def _given_contrast(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> pyvips.Image:
    """From the colours that the API cleaned up: subject - photo = (1 - alpha) x contrast, least squares."""
    clear = 255 - alpha
    weight = (clear * alpha).cast("float")
    sums = _box(((subject - guide) * weight).bandjoin(clear * weight))
    return sums[:3] / (sums[3] + 1)


def _box(image: pyvips.Image) -> pyvips.Image:
    """The mean over the window around each pixel; the border's pixels are repeated outwards."""
    side = 2 * RADIUS + 1
    return image.convsep(pyvips.Image.new_from_list([[1] * side], scale=side), precision="float")


def _kept(image: pyvips.Image) -> pyvips.Image:
    """Remember a few rows of tiles: libvips works an image out anew for each operation and strip that asks for it."""
    across = image.width // _TILE + 2
    return image.tilecache(tile_width=_TILE, tile_height=_TILE, max_tiles=3 * across, access="random", threaded=True)
