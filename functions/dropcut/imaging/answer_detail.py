"""How fine the answer's alpha really is, and whether the photo has more to say: both are compared, detail by detail.

Many models look at about 1,024 pixels, and what they see is enlarged. Such an alpha has the answer's size and yet none
of its fine detail. That shows only where the subject itself has fine detail, and the photo shows where it has. So alpha
is predicted from the photo, beyond a rough and beyond a fine resolution: how well do prediction and answer agree? A
sharp answer agrees as well with the fine detail as with the rough, one that was enlarged does not.

Measured on the scenes of `bench/alpha.py`: agreement (a correlation) with the fine detail, divided by that with the
rough. Sharp answers had 0.92 to 1.02, binary ones 0.52 to 0.90. Those enlarged by a cubic kernel had 0.71 to 0.87 from
1,024 pixels, and 0.55 to 0.72 from 768. Those whose edges lay off by a pixel had less than 0.51.
"""

import math
from dataclasses import dataclass

import pyvips

from dropcut.imaging.small_matte import CLEAR, OPAQUE, enlarged, lines, planes, reduced

_FINE, _ROUGH = 0.6, 0.3
"""Shares of the answer's sides: detail is what is finer than a picture reduced so far."""
_COLOUR_NOISE = 60.0
"""As in small_matte.py; the shares below were found with it."""
_SHARP = 0.914
_RATHER_COARSE = 0.7
_TELLING = 0.75
"""The least agreement with the fine detail at which the photo is worth following. Sharp answers had 0.87 and more, and
0.66 where subject and background share colour and texture."""
_LEAST_SIDE = 1024
"""Pixels of the longer side up to which an answer counts as sharp: no time is spent on what looks at thumbnails."""
_TILE, _BORDER = 128, 6
"""Pixels a side of what is looked at, and how much at its sides does not count: there it meets another part."""
_ACROSS, _MOST_TILES = 3, 6


@dataclass(frozen=True)
class AnswerDetail:
    share: float
    """The real size of alpha, as a share of the answer's sides; 1 when it is as fine as it is large."""
    photo_tells: bool
    """Whether the photo knows more of the edges than alpha itself."""


AS_LARGE_AS_IT_IS = AnswerDetail(share=1, photo_tells=True)


def detail_of(guide: pyvips.Image, alpha: pyvips.Image) -> AnswerDetail:
    """Find out the real resolution of alpha.

    Args:
        guide: the photo at the answer's size, three bands, in memory.
        alpha: the answer's alpha, one band, in memory.
    """
    if max(alpha.width, alpha.height) <= _LEAST_SIDE:
        return AS_LARGE_AS_IT_IS
    tiles = _tiles_with_edges(alpha)
    if not tiles:
        return AS_LARGE_AS_IT_IS
    guide, alpha = (_side_by_side(image, tiles) for image in (guide, alpha))
    fine = _agreement(guide, alpha, _FINE)
    if fine >= _SHARP:  # whatever the other is, which is at most 1
        return AS_LARGE_AS_IT_IS
    rough = _agreement(guide, alpha, _ROUGH)
    if fine >= _SHARP * rough:
        return AnswerDetail(share=1, photo_tells=fine >= _TELLING)
    return AnswerDetail(share=0.4 if fine >= _RATHER_COARSE * rough else 0.3, photo_tells=True)


def _tiles_with_edges(alpha: pyvips.Image) -> list[tuple[int, int]]:
    """Left and top of some of the tiles in which alpha changes, from all over the picture."""
    width, height = alpha.width // _TILE, alpha.height // _TILE
    if not width or not height:
        return []
    means = alpha.crop(0, 0, width * _TILE, height * _TILE).shrink(_TILE, _TILE).tolist()
    busy = [
        (x * _TILE, y * _TILE) for y, row in enumerate(means) for x, mean in enumerate(row) if CLEAR < mean < OPAQUE
    ]
    return busy[:: math.ceil(len(busy) / _MOST_TILES)] if busy else []


def _side_by_side(image: pyvips.Image, tiles: list[tuple[int, int]]) -> pyvips.Image:
    return pyvips.Image.arrayjoin(
        [image.crop(left, top, _TILE, _TILE) for left, top in tiles], across=min(_ACROSS, len(tiles))
    ).copy_memory()


def _agreement(guide: pyvips.Image, alpha: pyvips.Image, share: float) -> float:
    """The correlation of alpha's detail with what the photo's detail makes one expect of it."""
    size = alpha.width, alpha.height
    low_guide, low_alpha = (reduced(image, share).copy_memory() for image in (guide, alpha))
    slopes = enlarged(lines(planes(low_guide), low_alpha, _COLOUR_NOISE)[:3].copy_memory(), *size, "bilinear")
    expected = (slopes * (guide - enlarged(low_guide, *size, "bicubic"))).bandmean()
    there = alpha - enlarged(low_alpha, *size, "bicubic")
    products = (expected * there).bandjoin([expected * expected, there * there]) * _inside(*size)
    covariance, of_expected, of_there = (row[2] for row in products.stats().tolist()[1:])
    return float(covariance / math.sqrt(of_expected * of_there + 1e-9))


def _inside(width: int, height: int) -> pyvips.Image:
    """1 inside each tile, 0 at its border."""
    side = _TILE - 2 * _BORDER
    tile = (pyvips.Image.black(side, side) + 1).embed(_BORDER, _BORDER, _TILE, _TILE)
    return tile.replicate(width // _TILE, height // _TILE)
