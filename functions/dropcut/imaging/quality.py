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

LOOK_AT_PIXELS = 80_000
_WINDOW = 7
"""Pixels a side, of the reduced picture: about 2 % of its side."""
_COLOUR_NOISE = 12.0
"""Variance, in squared levels over three bands, that colours may have without meaning an edge."""
_STEP = 0.25
"""Variance of alpha in a window that a step from 0 to 1 parts in the middle."""
_LEAST_VARIANCE = 0.02
"""Of alpha, in a window that lies on the outline."""
_LOOSE = 0.2
"""Share of the colours' variance that goes along with alpha, below which there is no edge."""
_LOOSE_ALL_AROUND = 0.35
"""The mean of that share over the outline of a part or hole, below which it is none of the photo's."""
_SPECK = 0.0003
"""Of the photo's area: smaller parts and holes do not count."""
_ISLAND = 0.1
"""Of the largest part's area: smaller parts are islands."""
_FRAME = 0.08
"""Width of the frame, in parts of a square's side that has the photo's area."""
_MIDDLE = 0.2
"""What lies nearer to a side than this is not in the middle; in parts of that side's length."""
_LEVELS = 16
"""Steps of each colour band in the histograms."""
_MORE_LIKELY = 8
"""Times that a colour must be more frequent in the subject than in the frame to be the subject's."""
_FOREIGN = 2e-5
"""Share of a frame's pixels, below which it has not got a colour; a uniform one has 1 / 4,096."""

_CLEAR, _SOLID = 0.1, 0.9
"""Alpha up to which, and from which on, a pixel is only background or only subject."""


@dataclass(frozen=True)
class _Outline:
    """Images of the reduced size, in memory."""

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
    loose = ((outline.support < _LOOSE) / 255 * outline.weight).copy_memory()
    length = outline.weight.avg() * alpha.width * alpha.height or 1.0
    more_of_it, something_else = _removed(small, alpha)
    return Measures(
        kept=alpha.avg(),
        kept_of_frame=_at_border(alpha),
        steepness=outline.steepness,
        loose_outline=loose.avg() * alpha.width * alpha.height / length,
        longest_loose=_largest(loose) / length,
        **_counted(_regions(alpha >= 0.5, outline), alpha.width * alpha.height),
        more_of_it=more_of_it,
        something_else=something_else,
    )


def _reduced(image: pyvips.Image) -> pyvips.Image:
    """By the whole number that comes nearest to LOOK_AT_PIXELS, by averaging; in memory."""
    factor = max(1, round(math.sqrt(image.width * image.height / LOOK_AT_PIXELS)))
    return image.shrink(factor, factor, ceil=True).copy_memory()


def _outline_of(alpha: pyvips.Image, photo: pyvips.Image) -> _Outline:
    """Least squares of the colours over alpha, in the window around each pixel."""
    colours = photo.cast("float").copy_memory()
    means, mean_alpha = _box(colours).copy_memory(), _box(alpha).copy_memory()
    variance = (_box(alpha * alpha) - mean_alpha * mean_alpha).copy_memory()
    covariance = _box(colours * alpha) - means * mean_alpha
    of_colours = _box(_sum(colours * colours)) - _sum(means * means)
    explained = _sum(covariance * covariance) / (variance + 1e-4)
    weight = (variance * ((variance > _LEAST_VARIANCE) / 255)).copy_memory()
    total = variance.avg()
    return _Outline(
        weight=weight,
        support=(explained / (of_colours + _COLOUR_NOISE)).copy_memory(),
        steepness=(variance * variance).avg() / total / _STEP if total else 0.0,
    )


def _box(image: pyvips.Image) -> pyvips.Image:
    """The mean over the window around each pixel; the border's pixels are repeated outwards."""
    row = pyvips.Image.new_from_list([[1] * _WINDOW], scale=_WINDOW)
    return image.convf(row).convf(row.rot90())


def _sum(image: pyvips.Image) -> pyvips.Image:
    return image.bandmean() * image.bands


def _at_border(alpha: pyvips.Image) -> float:
    """Mean along the four sides."""
    columns, rows = alpha.width, alpha.height
    sides = [(0, 0, columns, 1), (0, rows - 1, columns, 1), (0, 0, 1, rows), (columns - 1, 0, 1, rows)]
    return sum(alpha.crop(*side).avg() * max(side[2:]) for side in sides) / (2 * columns + 2 * rows)


@dataclass(frozen=True)
class _Region:
    """A connected area of one mask value. Lengths are sums of the outline's weight."""

    area: float
    is_set: bool
    at_border: bool
    length: float
    support: float
    """Mean over its outline, 0 without one."""


def _regions(mask: pyvips.Image, outline: _Outline) -> list[_Region]:
    """Every connected area, of set and of unset pixels; those beyond 65,536 count as one."""
    labels = mask.labelregions().cast("ushort")
    inner = pyvips.Image.black(mask.width - 2, mask.height - 2).embed(
        1, 1, mask.width, mask.height, extend="background", background=1
    )
    values = (mask / 255).bandjoin([inner, outline.weight, outline.weight * outline.support])
    sums = values.hist_find_indexed(labels, combine="sum").bandjoin(labels.hist_find())
    return [
        _Region(area, is_set > 0, border > 0, length, supported / length if length else 0.0)
        for is_set, border, length, supported, area in _rows(sums)
    ]


def _largest(image: pyvips.Image) -> float:
    """The largest sum over a connected area that is not 0."""
    labels = (image > 0).labelregions().cast("ushort")
    return float(image.hist_find_indexed(labels, combine="sum").max())


def _counted(regions: Sequence[_Region], pixels: int) -> dict[str, int]:
    """Parts and holes that are no specks, and those of them that the photo has no edge for."""
    seen = [region for region in regions if region.area > _SPECK * pixels]
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
    steps = (photo.cast("float") * (_LEVELS / 256)).floor()
    colour = steps.recomb([[_LEVELS**2, _LEVELS, 1]]).cast("ushort").copy_memory()
    clear, solid = (alpha <= _CLEAR).copy_memory(), (alpha >= _SOLID).copy_memory()
    width = round(_FRAME * math.sqrt(alpha.width * alpha.height))
    frame = _all_but(alpha, width, width) & clear
    of_subject, of_frame = _frequencies(colour, solid), _frequencies(colour, frame)
    far = _box(clear) > 254  # an edge's mixed colours are nobody's
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
    """How frequent each colour is under a mask, smoothed over its neighbours: one row of shares."""
    counts = mask.hist_find_indexed(colour, combine="sum").embed(0, 0, _LEVELS**3, 1)
    cube = pyvips.Image.new_from_memory(counts.cast("float").write_to_memory(), _LEVELS, _LEVELS, _LEVELS, "float")
    near = pyvips.Image.new_from_list([[1, 2, 1], [2, 4, 2], [1, 2, 1]], scale=16)
    steps = range(_LEVELS)
    along_bands = [[{0: 0.5, 1: 0.25}.get(abs(one - other), 0.0) for other in steps] for one in steps]
    smooth = cube.convf(near).recomb(along_bands)
    row = pyvips.Image.new_from_memory(smooth.write_to_memory(), _LEVELS**3, 1, 1, "float")
    return row / max(row.avg() * _LEVELS**3, 1e-9)


def _rows(table: pyvips.Image) -> list[tuple[float, ...]]:
    """The pixels of an image of one row, as tuples of its bands."""
    values = memoryview(table.cast("double").write_to_memory()).cast("B").cast("d")
    return list(zip(*[iter(values)] * table.bands, strict=True))
