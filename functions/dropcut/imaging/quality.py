"""Measures a cut-out against its photo, for the verdict of `dropcut.core.quality`.

Both are reduced to about LOOK_AT_PIXELS. Around each pixel there, a window tells how much of the colours' change goes
along with alpha's: near 1 where the outline follows an edge of the photo, near 0 where it runs through a surface. The
rest is counting: connected parts and holes, and colours that the frame has and the subject has not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pyvips

from dropcut.core.quality import Measures

LOOK_AT_PIXELS = 75_000
_BLOCK = 2
"""Pixels a side, of the reduced picture: a window is moved by as much."""
_WINDOW = 3
"""Blocks a side: 6 pixels, about 2 % of the picture's side."""
_FAR = 5
"""Pixels a side, of a window that holds no edge's mixed colours, which are nobody's."""
_COLOUR_NOISE = 12.0
"""Variance, in squared levels over three bands, that colours may have without meaning an edge."""
_STEP = 0.25
"""Variance of alpha in a window that a step from 0 to 1 parts in the middle."""
_LEAST_VARIANCE = 0.02
"""Of alpha, in a window that lies on the outline."""
_LOOSE = 0.08
"""Share of the colours' variance that goes along with alpha, below which there is no edge."""
_LOOSE_ALL_AROUND = 0.35
"""The mean of that share over the outline of a part or hole, below which it is none of the photo's."""
_SPECK = 0.001
"""Of the photo's area: smaller parts and holes do not count."""
_ISLAND = 0.1
"""Of the largest part's area: smaller parts are islands."""
_FRAME = 0.08
"""Width of the frame, in parts of a square's side that has the photo's area."""
_MIDDLE = 0.2
"""What lies nearer to a side than this is not in the middle; in parts of that side's length."""
_LEVELS = 8
"""Steps of each colour band in the histograms."""
_MORE_LIKELY = 8
"""Times that a colour must be more frequent in the subject than in the frame to be the subject's."""
_FOREIGN = 2e-5
"""Share of a frame's pixels, below which it has not got a colour; a uniform one has 1 / 4,096."""

_CLEAR, _SOLID = 0.1, 0.9
"""Alpha up to which, and from which on, a pixel is only background or only subject."""


@dataclass(frozen=True)
class _Outline:
    """Images with a pixel for each block, in memory."""

    weight: pyvips.Image
    """Alpha's variance in the window, 0 away from the outline."""
    support: pyvips.Image
    """0 to 1: how much of the colours' variance goes along with alpha."""
    steepness: float


def measures_of(photo: pyvips.Image, answer: pyvips.Image) -> Measures:
    """Measure an answer against its photo.

    Args:
        photo: three bands, 8 bits, sRGB, as it was sent to the API.
        answer: RGBA, 8 bits, as large as the photo. Both are read once.
    """
    small, alpha = _reduced(photo), (_reduced(answer[3]).cast("float") / 255).copy_memory()
    outline = _outline_of(alpha, small)
    length = outline.weight.avg()
    loose = ((outline.support < _LOOSE) / 255 * outline.weight).avg()
    more_of_it, something_else = _removed(small, alpha)
    return Measures(
        kept=alpha.avg(),
        kept_of_frame=sum(side.avg() for side in _sides(alpha)) / 4,
        steepness=outline.steepness,
        opaque=(alpha >= _SOLID).avg() / max((alpha > _CLEAR).avg(), 1e-9),
        loose_outline=loose / length if length else 0.0,
        **_counted(_regions(_blocks(alpha) >= 0.5, outline)),
        more_of_it=more_of_it,
        something_else=something_else,
    )


def _reduced(image: pyvips.Image) -> pyvips.Image:
    """By the whole number that comes nearest to LOOK_AT_PIXELS, by averaging; in memory."""
    factor = max(1, round(math.sqrt(image.width * image.height / LOOK_AT_PIXELS)))
    return image.shrink(factor, factor, ceil=True).copy_memory()


def _outline_of(alpha: pyvips.Image, photo: pyvips.Image) -> _Outline:
    """Least squares of the colours over alpha, in a window around each block of pixels."""
    colours = photo.cast("float").copy_memory()
    means, mean_alpha = _mean(colours), _mean(alpha)
    variance = (_mean(alpha * alpha) - mean_alpha * mean_alpha).copy_memory()
    covariance = _mean(colours * alpha) - means * mean_alpha
    of_colours = _mean(_sum(colours * colours)) - _sum(means * means)
    support = _sum(covariance * covariance) / ((variance + 1e-4) * (of_colours + _COLOUR_NOISE))
    total = variance.avg()
    return _Outline(
        weight=(variance * ((variance > _LEAST_VARIANCE) / 255)).copy_memory(),
        support=support.copy_memory(),
        steepness=(variance * variance).avg() / total / _STEP if total else 0.0,
    )


def _mean(image: pyvips.Image) -> pyvips.Image:
    """Over the window around each block, a pixel for each block; blocks at the border are repeated outwards."""
    row = pyvips.Image.new_from_list([[1] * _WINDOW], scale=_WINDOW)
    return _blocks(image).convf(row).convf(row.rot90()).copy_memory()


def _blocks(image: pyvips.Image) -> pyvips.Image:
    return image.shrink(_BLOCK, _BLOCK, ceil=True)


def _everywhere(mask: pyvips.Image) -> pyvips.Image:
    """255 where all of the window is set: a single 0 would take more than 40 levels from a line's mean."""
    return mask.convsep(pyvips.Image.new_from_list([[1] * _FAR], scale=_FAR), precision="integer") > 250


def _sum(image: pyvips.Image) -> pyvips.Image:
    return image.bandmean() * image.bands


def _sides(image: pyvips.Image) -> Sequence[pyvips.Image]:
    """The first and last row and column."""
    width, height = image.width, image.height
    places = [(0, 0, width, 1), (0, height - 1, width, 1), (0, 0, 1, height), (width - 1, 0, 1, height)]
    return [image.crop(*place) for place in places]


@dataclass(frozen=True)
class _Region:
    """A connected area of one mask value."""

    area: float
    """Of the photo's."""
    is_set: bool
    at_border: bool
    support: float
    """Mean over its outline, 0 without one."""


def _regions(mask: pyvips.Image, outline: _Outline) -> list[_Region]:
    """Every connected area, of set and of unset pixels; those beyond 65,536 count as one."""
    labels = mask.labelregions().cast("ushort").copy_memory()
    pixels = labels.width * labels.height
    values = outline.weight.bandjoin([outline.weight * outline.support, mask / 255])
    sums = values.hist_find_indexed(labels, combine="sum").bandjoin(labels.hist_find())
    at_border = {int(label) for side in _sides(labels) for (label,) in _pixels(side)}
    return [
        _Region(area / pixels, is_set > 0, number in at_border, supported / length if length else 0.0)
        for number, (length, supported, is_set, area) in enumerate(_pixels(sums))
    ]


def _counted(regions: Sequence[_Region]) -> dict[str, int]:
    """Parts and holes that are no specks, and those of them that the photo has no edge for."""
    seen = [region for region in regions if region.area > _SPECK]
    parts = sorted((region for region in seen if region.is_set), key=lambda region: region.area, reverse=True)
    holes = [region for region in seen if not region.is_set and not region.at_border]
    loose = [part for part in parts[1:] if part.support < _LOOSE_ALL_AROUND]
    islands = [part for part in loose if part.area < _ISLAND * parts[0].area]
    return {
        "pieces": len(parts),
        "loose_pieces": len(loose) - len(islands),
        "loose_islands": len(islands),
        "loose_holes": sum(hole.support < _LOOSE_ALL_AROUND for hole in holes),
    }


def _removed(photo: pyvips.Image, alpha: pyvips.Image) -> tuple[float, float]:
    """Areas that were removed, per area kept: with the subject's colours; in the middle, with none of the frame's."""
    colour = (photo >> 5).recomb([[_LEVELS**2, _LEVELS, 1]]).cast("ushort").copy_memory()
    clear, solid = (alpha <= _CLEAR).copy_memory(), (alpha >= _SOLID).copy_memory()
    width = round(_FRAME * math.sqrt(alpha.width * alpha.height))
    frame = _all_but(alpha, width, width) & clear
    of_subject, of_frame = _frequencies(colour, solid), _frequencies(colour, frame)
    far = _everywhere(clear)
    middle = _all_but(alpha, round(_MIDDLE * alpha.width), round(_MIDDLE * alpha.height)).invert()
    similar = colour.maplut(of_subject / (of_frame + 1e-4) > _MORE_LIKELY) & far
    foreign = colour.maplut(of_frame < _FOREIGN) & far & middle
    kept = max((alpha >= 0.5).avg(), 255 / (alpha.width * alpha.height))
    return similar.avg() / kept, foreign.avg() / kept


def _all_but(like: pyvips.Image, across: int, down: int) -> pyvips.Image:
    """255 within so many pixels of the sides, else 0."""
    inside = pyvips.Image.black(max(1, like.width - 2 * across), max(1, like.height - 2 * down))
    return inside.embed(across, down, like.width, like.height, extend="white")


def _frequencies(colour: pyvips.Image, mask: pyvips.Image) -> pyvips.Image:
    """How frequent each colour is under a mask: one row of shares."""
    counts = mask.hist_find_indexed(colour, combine="sum").embed(0, 0, _LEVELS**3, 1)
    return counts / max(counts.avg() * _LEVELS**3, 1e-9)


def _pixels(image: pyvips.Image) -> list[tuple[float, ...]]:
    """Of a small image, as tuples of its bands."""
    values = memoryview(image.cast("double").write_to_memory()).cast("B").cast("d")
    return list(zip(*[iter(values)] * image.bands, strict=True))
