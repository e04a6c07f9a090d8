"""Measures a cut-out against its photo, for the verdict of `dropcut.core.quality`.

Both are reduced to about LOOK_AT_PIXELS. There, a window around each place on the outline shows how much of the change
of colours goes along with alpha. It is much where the outline follows an edge of the photo, and little where it crosses
a surface. The rest counts connected parts and holes, and compares the colours of the subject, of the frame and of what
was removed.

The constants were tried on the calibration half of `bench/quality.py`, as the levels in `dropcut.core.quality` were.
"""

import math
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import pyvips

from dropcut.core.quality import Measures

LOOK_AT_PIXELS = 60_000
_BLOCK = 2
"""Pixels a side, of the reduced picture: the outline is looked at in blocks."""
_WINDOW = 3
"""Blocks a side, which is 6 pixels. Windows of 7 and 9 pixels separated good outlines from bad ones less well."""
_COLOUR_NOISE = 12.0
"""Variance, in squared levels over three bands, that colours may have without an edge."""
_LARGEST_VARIANCE = 0.25
"""Alpha's variance in a window that a step from 0 to 1 divides into halves."""
_STRAIGHT_WEIGHT = 0.4
"""What each block of a straight, sharp outline's length adds to the sum of variances: measured on steps."""
_LEAST_VARIANCE = 0.02
"""Alpha's variance in a window that lies on the outline."""
_LOOSE = 0.08
"""Share of the colours' variance that goes along with alpha: with less, a place on the outline is loose."""
_MUCH_LOOSE = 0.2
"""Share of a part's or a hole's outline that is loose: with more, the photo does not show that part or hole."""
_SPECK = 0.001
"""Share of the photo: smaller parts and holes do not count."""
_ISLAND = 0.1
"""Share of the largest part: smaller parts are islands."""
_CLEAR, _SOLID = 0.1, 0.9
"""Alpha up to which a pixel is background only, and from which on it is subject only."""
_NEAR_EDGE = 5
"""Pixels a side, of a window that mixes colours when an edge is in it."""
_FRAME = 0.08
"""Width of the frame, as a share of the side of a square of the photo's area."""
_AROUND_MIDDLE = 0.2
"""Width of what is around the middle, as a share of the photo's width and height."""
_COLOUR_BITS = 3
"""Of each band: frequencies are those of 512 colours."""
_MORE_FREQUENT = 8
"""Times that a colour of the subject is more frequent in the subject than in the frame."""
_RARE = 1e-4
"""Frequency that no colour of the frame is taken to be under."""


@dataclass(frozen=True)
class _Outline:
    """Images with a pixel for each block, in memory."""

    weight: pyvips.Image
    """Alpha's variance in the window around a block, 0 away from the outline."""
    loose: pyvips.Image
    """The same, 0 where the photo has an edge."""
    steepness: float


def measures_if_possible(photo: pyvips.Image, answer: pyvips.Image) -> Measures | None:
    """None when measuring fails, whatever the reason: a cut-out without a verdict is better than none."""
    try:
        return measures_of(photo, answer)
    except Exception:
        traceback.print_exc()  # to standard error, as the child's other failures
        return None


def measures_of(photo: pyvips.Image, answer: pyvips.Image) -> Measures:
    """Measure an answer against its photo.

    Args:
        photo: three bands, 8 bits, sRGB, as it was sent to the API.
        answer: RGBA, 8 bits, as large as the photo. Both are read once.
    """
    small, alpha = _reduced(photo), (_reduced(answer[3]).cast("float") / 255).copy_memory()
    outline = _outline_of(alpha, small)
    length = outline.weight.avg()
    border = _margin(alpha, 1, 1)
    more_of_it, something_else = _removed(small, alpha)
    return Measures(
        kept=alpha.avg(),
        kept_of_frame=(alpha * border).avg() / border.avg(),
        steepness=outline.steepness,
        opaque=(alpha >= _SOLID).avg() / max((alpha > _CLEAR).avg(), 1e-9),
        loose_outline=outline.loose.avg() / length if length else 0.0,
        longest_loose=_longest(outline.loose),
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
    means = _mean(colours.bandjoin([alpha, colours * alpha, alpha * alpha, _sum(colours * colours)]))
    mean_colours, mean_alpha = means[:3], means[3]
    covariance = (means[4:7] - mean_colours * mean_alpha).copy_memory()
    variance = (means[7] - mean_alpha * mean_alpha).copy_memory()
    of_colours = means[8] - _sum(mean_colours * mean_colours)
    support = _sum(covariance * covariance) / ((variance + 1e-4) * (of_colours + _COLOUR_NOISE))
    weight = (variance * ((variance > _LEAST_VARIANCE) / 255)).copy_memory()
    total = variance.avg()
    return _Outline(
        weight=weight,
        loose=(weight * ((support < _LOOSE) / 255)).copy_memory(),
        steepness=(variance * variance).avg() / total / _LARGEST_VARIANCE if total else 0.0,
    )


def _longest(loose: pyvips.Image) -> float:
    """Length of the longest connected stretch, in diagonals; two blocks that happen to hold do not part it."""
    line = pyvips.Image.new_from_list([[1] * 3], scale=3)
    stretches = ((loose > 0).convsep(line, precision="integer") > 0).labelregions().cast("ushort")
    weight = loose.hist_find_indexed(stretches, combine="sum").max()
    return float(weight / _STRAIGHT_WEIGHT / math.hypot(loose.width, loose.height))


def _mean(image: pyvips.Image) -> pyvips.Image:
    """Over the window around each block, a pixel for each block; blocks at the border are repeated outwards."""
    row = pyvips.Image.new_from_list([[1] * _WINDOW], scale=_WINDOW)
    return _blocks(image).convf(row).convf(row.rot90()).copy_memory()


def _blocks(image: pyvips.Image) -> pyvips.Image:
    return image.shrink(_BLOCK, _BLOCK, ceil=True)


def _sum(image: pyvips.Image) -> pyvips.Image:
    return image.bandmean() * image.bands


@dataclass(frozen=True)
class _Region:
    """A connected area of one mask value."""

    area: float
    """Of the photo's."""
    is_set: bool
    at_border: bool
    loose: float
    """Share of its outline."""


def _regions(mask: pyvips.Image, outline: _Outline) -> list[_Region]:
    """Every connected area, of set and of unset pixels; those beyond 65,536 count as one."""
    labels = mask.labelregions().cast("ushort").copy_memory()
    pixels = labels.width * labels.height
    values = outline.weight.bandjoin([outline.loose, mask / 255, _margin(mask, 1, 1)])
    sums = values.hist_find_indexed(labels, combine="sum").bandjoin(labels.hist_find())
    return [
        _Region(area / pixels, is_set > 0, border > 0, loose / length if length else 0.0)
        for length, loose, is_set, border, area in _pixels(sums)
    ]


def _counted(regions: Sequence[_Region]) -> dict[str, int]:
    """Parts and holes that are no specks, and those of them that the photo has no edge for."""
    seen = [region for region in regions if region.area > _SPECK]
    parts = sorted((region for region in seen if region.is_set), key=lambda region: region.area, reverse=True)
    holes = [region for region in seen if not region.is_set and not region.at_border]
    loose = [part for part in parts[1:] if part.loose > _MUCH_LOOSE]
    islands = [part for part in loose if part.area < _ISLAND * parts[0].area]
    return {
        "pieces": len(parts),
        "loose_pieces": len(loose) - len(islands),
        "loose_islands": len(islands),
        "loose_holes": sum(hole.loose > _MUCH_LOOSE for hole in holes),
    }


def _removed(photo: pyvips.Image, alpha: pyvips.Image) -> tuple[float, float]:
    """`more_of_it` and `something_else`."""
    clear, solid = (alpha <= _CLEAR).copy_memory(), alpha >= _SOLID
    width = round(_FRAME * math.sqrt(alpha.width * alpha.height))
    removed = _all_around(clear).copy_memory()
    around_middle = _margin(alpha, round(_AROUND_MIDDLE * alpha.width), round(_AROUND_MIDDLE * alpha.height))
    masks = solid.bandjoin([clear & _margin(alpha, width, width), removed, removed & around_middle.invert()])
    counts = _pixels(masks.hist_find_indexed(_colour_numbers(photo), combine="sum"))
    in_subject, in_frame = (max(1.0, sum(band)) for band in list(zip(*counts, strict=True))[:2])
    more_of_it = something_else = 0.0
    for subject, frame, everywhere, middle in counts:  # of one colour
        if subject / in_subject > _MORE_FREQUENT * (frame / in_frame + _RARE):
            more_of_it += everywhere
        if not frame:
            something_else += middle
    kept = max(255.0, (alpha >= 0.5).avg() * alpha.width * alpha.height)
    return more_of_it / kept, something_else / kept


def _colour_numbers(photo: pyvips.Image) -> pyvips.Image:
    """One number for each pixel's colour."""
    levels = 1 << _COLOUR_BITS
    return (photo >> (8 - _COLOUR_BITS)).recomb([[levels**2, levels, 1]]).cast("ushort")


def _margin(like: pyvips.Image, across: int, down: int) -> pyvips.Image:
    """255 on so many columns and rows along the sides, 0 within."""
    width, height = like.width - 2 * across, like.height - 2 * down
    if width < 1 or height < 1:
        return pyvips.Image.black(like.width, like.height).invert()
    return pyvips.Image.black(width, height).embed(across, down, like.width, like.height, extend="white")


def _all_around(mask: pyvips.Image) -> pyvips.Image:
    """255 where all of a window is set: a single 0 takes 51 levels from the mean of its line."""
    line = pyvips.Image.new_from_list([[1] * _NEAR_EDGE], scale=_NEAR_EDGE)
    return mask.convsep(line, precision="integer") > 250


def _pixels(image: pyvips.Image) -> list[tuple[float, ...]]:
    """Of a small image, as tuples of its bands."""
    values = memoryview(image.cast("double").write_to_memory()).cast("B").cast("d")
    return list(zip(*[iter(values)] * image.bands, strict=True))
