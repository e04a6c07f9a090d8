"""What the API's answer says about a picture, worked out at the answer's size, lazily, tile by tile.

All levels are 0 to 255, of alpha too. Near an edge of the subject, alpha is taken for a linear function of the colour,
as in the guided filter (He, Sun and Tang, "Guided Image Filtering", 2013; at the small size: He and Sun, "Fast Guided
Filter", 2015). Two things follow for each pixel: how alpha changes with the colour, and how the subject's colour
differs from the background's.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import pyvips

RADIUS = 1
"""The filter's windows are 3 x 3 pixels of the answer. Wider ones (the paper's 5 x 5) blur a strand's slopes over its
neighbours, and did worse on every scene of the benchmark."""
COLOUR_NOISE = 20.0
"""Variance, in squared levels, that a colour may have without meaning an edge: the filter's epsilon, 3e-4 of 255²."""
ALPHA_NOISE = 4.0
"""The same for alpha."""
PHOTO_NOISE = 10.0
"""Variance of a photo's single pixel by noise and JPEG alone, in squared levels."""
EDGE_REACH = 5
"""Alpha is worked out where it is not constant within this many pixels: as far as one pixel's windows reach."""

CLEAR, EDGE, OPAQUE = 0, 128, 255
_TILE = 64


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
    """Levels of alpha per level of each colour, three bands."""
    contrast: pyvips.Image
    """The subject's colour less the background's, in levels, three bands."""


def small_matte(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> SmallMatte:
    """Work out the matte of a reduced photo.

    Args:
        guide: the photo at the answer's size, three bands, in memory.
        alpha: the answer's alpha, one band, in memory.
        subject: the answer's colours, in the guide's colour space, three bands, in memory.
    """
    means = _means(guide, alpha)
    contrast = _given_contrast(guide, alpha, subject) if cleaned_up(guide, alpha, subject) else _fitted_contrast(means)
    slopes = _slopes(means)
    lines = _kept(_box(slopes * _share_of_detail(alpha, means, slopes)).bandjoin(contrast))
    return SmallMatte(alpha, guide, _zones(alpha), lines[:3], lines[3:])


def cleaned_up(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> bool:
    """Whether the API took the background's share out of half transparent pixels, or handed the photo's colours back.

    If it did, its colours differ from the photo's by (1 - alpha) x contrast, if not, by what reducing and encoding
    did; the least squares say by how much of the former. A picture of a quarter of the size tells as well.
    """
    guide, alpha, subject = (image.shrink(2, 2) for image in (guide, alpha, subject))
    expected = _fitted_contrast(_means(guide, alpha)) * ((255 - alpha) / 255)
    weights = alpha * (255 - alpha)  # most where alpha is a half
    both = (expected * expected).bandmean().bandjoin(((subject - guide) * expected).bandmean()) * weights
    both = both.copy_memory()
    return bool(both[1].avg() > 0.5 * both[0].avg())


def _zones(alpha: pyvips.Image) -> pyvips.Image:
    side = EDGE_REACH
    least, most = alpha.rank(side, side, 0), alpha.rank(side, side, side * side - 1)
    return (least == most).ifthenelse(alpha, EDGE).copy_memory()


@dataclass(frozen=True)
class _Means:
    """Means over the window around each pixel."""

    colour: list[pyvips.Image]
    colour_variances: dict[tuple[int, int], pyvips.Image]
    with_alpha: list[pyvips.Image]
    """Covariance of each colour with alpha."""
    alpha: pyvips.Image
    alpha_variance: pyvips.Image


def _means(guide: pyvips.Image, alpha: pyvips.Image) -> _Means:
    colour = guide.bandsplit()
    pairs = list(combinations_with_replacement(range(3), 2))
    products = [colour[one] * colour[other] for one, other in pairs]
    products += [band * alpha for band in colour] + [alpha * alpha]
    mean = _box(guide.bandjoin([alpha, *products]).cast("float")).bandsplit()
    of_colour, of_alpha, of_products = mean[:3], mean[3], mean[4:]
    return _Means(
        colour=of_colour,
        colour_variances={
            pair: of_products[place] - of_colour[pair[0]] * of_colour[pair[1]] for place, pair in enumerate(pairs)
        },
        with_alpha=[of_products[6 + band] - of_colour[band] * of_alpha for band in range(3)],
        alpha=of_alpha,
        alpha_variance=of_products[9] - of_alpha * of_alpha,
    )


def _slopes(means: _Means) -> pyvips.Image:
    """Least squares of alpha over the three colours: the inverse of a symmetric 3 x 3 matrix, written out."""
    variances, along = means.colour_variances, means.with_alpha
    rr, gg, bb = (variances[band, band] + COLOUR_NOISE for band in range(3))
    rg, rb, gb = variances[0, 1], variances[0, 2], variances[1, 2]
    cofactors = [
        [gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb],
        [gb * rb - rg * bb, rr * bb - rb * rb, rb * rg - rr * gb],
        [rg * gb - gg * rb, rb * rg - rr * gb, rr * gg - rg * rg],
    ]
    determinant = rr * cofactors[0][0] + rg * cofactors[0][1] + rb * cofactors[0][2]
    slopes = [sum((row[band] * along[band] for band in (1, 2)), row[0] * along[0]) / determinant for row in cofactors]
    return slopes[0].bandjoin(slopes[1:])


def _share_of_detail(alpha: pyvips.Image, means: _Means, slopes: pyvips.Image) -> pyvips.Image:
    """How much of what the slopes will add to alpha is detail rather than the photo's noise, 0 to 1: Wiener's filter.

    Where alpha is bent or ragged at the small size, as along a strand, there is more of it below that size; where it
    is a smooth ramp, as at an edge out of focus, there is none.
    """
    ragged = alpha - means.alpha
    detail = _box(ragged * ragged)
    noise = (slopes * slopes).bandmean() * (3 * PHOTO_NOISE)
    return detail / (detail + noise + 1e-6)


def _given_contrast(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> pyvips.Image:
    """From the colours that the API cleaned up: subject - photo = (1 - alpha) x contrast, least squares."""
    clear = (255 - alpha) / 255
    weight = clear * alpha
    sums = _box(((subject - guide) * weight).bandjoin(clear * weight))
    return sums[:3] / (sums[3] + 1e-3)


def _fitted_contrast(means: _Means) -> pyvips.Image:
    """From the photo alone: how its colour changes with alpha."""
    along = means.with_alpha
    return along[0].bandjoin(along[1:]) * 255 / (means.alpha_variance + ALPHA_NOISE)


def _box(image: pyvips.Image) -> pyvips.Image:
    """The mean over the window around each pixel; the border's pixels are repeated outwards."""
    side = 2 * RADIUS + 1
    return image.convsep(pyvips.Image.new_from_list([[1] * side], scale=side), precision="float")


def _kept(image: pyvips.Image) -> pyvips.Image:
    """Remember a few rows of tiles, so that what the next strip asks for again is not worked out again."""
    across = image.width // _TILE + 2
    return image.tilecache(tile_width=_TILE, tile_height=_TILE, max_tiles=3 * across, access="random", threaded=True)
