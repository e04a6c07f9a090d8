"""Brings a cut-out to the size of the photo: alpha follows the photo's own edges, colours are the photo's own pixels.

The photo is read once for a reduced copy, and a second time if that has to be a sharper one. It is read once more, from
top to bottom, while the result is written. Pictures in memory have the size of the API's answer, or that of a strip.
At full size, with everything that the small matte knows enlarged:

    alpha  = slopes · photo + offset
    colour = photo + (1 - alpha) x contrast

The first is the answer's alpha with exactly the detail that the API never saw. Where colour says nothing, slopes are 0
and alpha is enlarged as usual. The second is the mixture photo = alpha x subject + (1 - alpha) x background, solved for
the subject. It leaves an opaque pixel untouched to the last bit, and elsewhere takes the old background's share out.
Away from edges neither is worked out at all. An answer that has the photo's own size needs none of it.
"""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyvips

from dropcut.core.picture_limits import DecodeLimits
from dropcut.imaging.answer_detail import detail_of
from dropcut.imaging.colour import PROFILE
from dropcut.imaging.decode import (
    TO_COMPARE,
    TO_LOOK_AT,
    Colour,
    Reduction,
    open_upright,
    picture_errors,
    thumbnail_upright,
)
from dropcut.imaging.small_matte import (
    CLEAR,
    OPAQUE,
    SmallMatte,
    cleaned_up,
    coarse_matte,
    enlarged,
    fitted_contrast,
    is_sharper,
    plain_matte,
    small_matte,
)

_TILE = 64
"""Pixels a side: what is worked out, or left out, at once."""
_STEP = 3
"""Pixels between those in which a contrast is looked for where nothing is enlarged."""
_WHITE = [255, 255, 255]
Look = Callable[[pyvips.Image, pyvips.Image], None]
"""Is shown the photo, on white and at the answer's size, and the answer; both are in memory."""


def look_away(_photo: pyvips.Image, _answer: pyvips.Image) -> None:
    """Nobody wants to see them."""


def full_size_cutout(
    original: Path, answer: Path, limits: DecodeLimits, *, colour: Colour, look: Look = look_away
) -> pyvips.Image:
    """The photo's pixels with the answer's alpha at the photo's size.

    Args:
        original: the photo as it was uploaded.
        answer: the API's cut-out of it; any size, the same proportions.
        limits: what is refused.
        colour: `srgb` converts; `keep` leaves the photo's own profile attached.
        look: is called once both pictures are read, so that who measures them need not decode them again.

    Returns:
        An upright image of four bands of 8 bits, RGB and straight alpha. It is lazy: it is computed strip by strip
        while it is written, and can be written once. Pixels with alpha 0 are black.

    Raises:
        PictureRefusedError: one of the pictures cannot be decoded within the limits. One that is cut off may
            be found out only while the image is written, as a `pyvips.Error`.
    """
    photo = open_upright(original, limits, colour=colour)
    with picture_errors():
        cutout = open_upright(answer, limits).copy_memory()
        if (cutout.width, cutout.height) == (photo.width, photo.height):
            result = _of_one_size(photo, cutout, look)
        else:
            result = _of_two_sizes(photo, cutout, partial(_guide, original, limits, cutout, colour), look)
        return result.copy(interpretation="srgb")


def _of_two_sizes(
    photo: pyvips.Image, cutout: pyvips.Image, guide_by: Callable[[Reduction], pyvips.Image], look: Look
) -> pyvips.Image:
    guide, alpha, subject = guide_by(TO_COMPARE), cutout[3], _in_colours_of(photo, cutout[:3])
    look(guide, cutout)
    detail, photo = detail_of(guide, alpha), _by_strips(photo)
    if detail.share < 1:
        return _enlarged_cut_out(photo, coarse_matte(guide, alpha, subject, detail.share), "bilinear")
    if not detail.photo_tells:
        return _enlarged_cut_out(photo, plain_matte(guide, alpha, subject), "bicubic")
    if is_sharper(guide, alpha):
        return _enlarged_cut_out(photo, small_matte(guide_by(TO_LOOK_AT), alpha, subject), "bicubic")
    return _enlarged_cut_out(photo, small_matte(guide, alpha, subject), "bilinear")


def _guide(
    original: Path, limits: DecodeLimits, cutout: pyvips.Image, colour: Colour, reduction: Reduction
) -> pyvips.Image:
    """The photo at the answer's size."""
    size = {"width": cutout.width, "height": cutout.height}
    return _on_white(thumbnail_upright(original, limits, **size, colour=colour, reduction=reduction)).copy_memory()


def _of_one_size(photo: pyvips.Image, cutout: pyvips.Image, look: Look) -> pyvips.Image:
    """Alpha is the answer's unless that is coarse; so are the colours at edges, if the API cleaned them up."""
    photo = photo.copy_memory()  # as many pixels as the answer has; it is read several times
    guide, alpha, subject = _on_white(photo), cutout[3], _in_colours_of(photo, cutout[:3])
    look(guide, cutout)
    detail = detail_of(guide, alpha)
    if detail.share < 1:
        return _enlarged_cut_out(photo, coarse_matte(guide, alpha, subject, detail.share), "bilinear")
    if cleaned_up(guide, alpha, subject):
        change = subject - guide
    else:
        contrast = fitted_contrast(guide, alpha, _STEP)
        change = contrast.zoom(_STEP, _STEP).embed(0, 0, photo.width, photo.height, extend="copy") * (255 - alpha)
    half = (alpha > CLEAR) & (alpha < OPAQUE)
    colours = (photo[:3] + change).rint().cast("uchar")
    return _cleared(_by_tiles(half.ifthenelse(colours, photo[:3])), alpha, photo)


def _enlarged_cut_out(photo: pyvips.Image, matte: SmallMatte, kernel: str) -> pyvips.Image:
    edges, opaque = (_middles(image, photo) for image in (_near(matte.edges, photo), matte.opaque))
    return _by_tiles(_tiles(edges, photo).ifthenelse(_at_edges(photo, matte, kernel), _away(photo, opaque)))


def _away(photo: pyvips.Image, opaque: pyvips.Image) -> pyvips.Image:
    """RGBA where a tile is opaque or clear all over; `opaque` holds a pixel for each."""
    if photo.bands == 4:
        return _cleared(photo[:3], _tiles(opaque, photo), photo)
    return photo.bandjoin(255) & _tiles(opaque.bandjoin(3 * [opaque]), photo)


def _near(edges: pyvips.Image, photo: pyvips.Image) -> pyvips.Image:
    """At the answer's size: where the photo's tile around a pixel may hold an edge. Some do not, none is missed."""
    across, down = _TILE * edges.width / photo.width, _TILE * edges.height / photo.height
    block = max(1, int(min(across, down) / 4))  # the most of a few blocks takes less than that of many pixels
    blocks = (edges.cast("float").shrink(block, block, ceil=True) > 0).copy_memory()
    columns, rows = (2 * math.ceil(side / block / 2) + 3 for side in (across, down))
    left, above = columns // 2, rows // 2
    room = blocks.embed(left, above, blocks.width + 2 * left, blocks.height + 2 * above, extend="copy")
    most = room.rank(columns, rows, columns * rows - 1).crop(left, above, blocks.width, blocks.height)
    return most.copy_memory().zoom(block, block).crop(0, 0, edges.width, edges.height)


def _middles(small: pyvips.Image, photo: pyvips.Image) -> pyvips.Image:
    """What a picture of the answer's size holds at the middle of each of the photo's tiles, a pixel for each."""
    across, down = photo.width / _TILE / small.width, photo.height / _TILE / small.height
    # The last tile's middle may lie outside the picture.
    room = small.embed(0, 0, small.width + math.ceil(1 / across), small.height + math.ceil(1 / down), extend="copy")
    return room.affine(
        [across, 0, 0, down],
        interpolate=pyvips.Interpolate.new("nearest"),
        idx=-0.5 / across,
        idy=-0.5 / down,
        oarea=[0, 0, math.ceil(photo.width / _TILE), math.ceil(photo.height / _TILE)],
    ).copy_memory()


def _tiles(middles: pyvips.Image, photo: pyvips.Image) -> pyvips.Image:
    """Each pixel all over one of the photo's tiles."""
    return middles.zoom(_TILE, _TILE).crop(0, 0, photo.width, photo.height)


def _cleared(colours: pyvips.Image, alpha: pyvips.Image, photo: pyvips.Image) -> pyvips.Image:
    """RGBA: alpha times the photo's own, if it has one; black where nothing is left."""
    if photo.bands == 4:
        alpha = (alpha * photo[3] / 255).rint().cast("uchar")
    return cleared(colours, alpha)


def cleared(colours: pyvips.Image, alpha: pyvips.Image) -> pyvips.Image:
    """RGBA, black where alpha is 0."""
    left = alpha > 0
    return (colours & left.bandjoin([left, left])).bandjoin(alpha)


def _at_edges(photo: pyvips.Image, matte: SmallMatte, kernel: str) -> pyvips.Image:
    """What both formulas give: RGBA. `kernel` enlarges what alpha is made of."""
    seen = _on_white(photo).bandjoin(1)
    alpha = (seen * enlarged(matte.slopes, photo.width, photo.height, kernel)).bandmean().cast("uchar")
    clear = alpha.invert()
    colours = photo[:3] if photo.bands == 4 else photo
    change = enlarged(matte.contrast, photo.width, photo.height, "bilinear") * clear.bandjoin([clear, clear])
    return _cleared((colours + change).rint().cast("uchar"), alpha, photo)


def _in_colours_of(photo: pyvips.Image, subject: pyvips.Image) -> pyvips.Image:
    """The answer's sRGB colours in the photo's own profile, if it has kept one."""
    if not photo.get_typeof(PROFILE):
        return subject
    device_free = subject.icc_import(input_profile="srgb").copy()
    device_free.set_type(pyvips.GValue.blob_type, PROFILE, photo.get(PROFILE))
    return device_free.icc_export(black_point_compensation=True, depth=8).copy_memory()


def _on_white(image: pyvips.Image) -> pyvips.Image:
    """As it was sent to the API."""
    return image.flatten(background=_WHITE) if image.bands == 4 else image


def _by_strips(photo: pyvips.Image) -> pyvips.Image:
    """Read whole rows of tiles ahead, since tiles do not ask for lines in the order in which a decoder gives them."""
    return photo.tilecache(tile_width=photo.width, tile_height=_TILE, max_tiles=6, access="sequential", threaded=False)


def _by_tiles(image: pyvips.Image) -> pyvips.Image:
    """Ask for tiles instead of whole lines: a line crosses an edge almost anywhere, most tiles do not."""
    across = image.width // _TILE + 1
    return image.tilecache(
        tile_width=_TILE, tile_height=_TILE, max_tiles=2 * across, access="sequential", threaded=True
    )
