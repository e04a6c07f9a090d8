"""What the API's answer says about a picture, worked out at the answer's size, lazily, tile by tile.

All levels are 0 to 255, of alpha too. Near an edge of the subject, alpha is taken for a linear function of the colour,
as in the guided filter. Sources: He, Sun and Tang, "Guided Image Filtering", 2013; at the small size He and Sun, "Fast
Guided Filter", 2015. Two things follow for each pixel: how alpha changes with the colour, and how the subject's colour
differs from the background's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pyvips

RADIUS = 1
"""The filter's windows are 3 x 3 pixels of the answer. The paper's 5 x 5 blur a strand's slopes over its neighbours. In
a trial they were a little better on the net of the benchmark, and worse on the other scenes."""
COLOUR_NOISE = 45.0
"""Variance, in squared levels, that a colour may have without meaning an edge: the filter's epsilon, 7e-4 of 255². With
60, squared errors were a sixth larger on white before white and a fourteenth on fur in its own colours. With 35, they
were a fiftieth larger on a noisy photo and on glass. On tulle that was reduced by Lanczos they were a tenth larger."""
_REDUCED_COLOUR_NOISE = 20.0
"""The same for a guide that was reduced to the answer's real size, which has averaged noise away. With 60, squared
errors were a third larger on white before white, with 8 a sixth smaller there and larger on one colour."""
ALPHA_NOISE = 4.0
"""The same for alpha."""
EDGE_SIDE = 5
"""Alpha is worked out where it is not constant in a window of so many pixels a side. One pixel's windows cover that."""

CLEAR, OPAQUE = 0, 255
_TILE = 64
_SMALL_PIXELS = 65_536
"""Up to this size an image is worked out at once. There the number of operations counts, not the place of the edges."""
_LOOK_AT_PIXELS = 10_000
"""At most so many, in blocks of 3 x 3, show whether the answer's colours were cleaned up."""
_BLOCK = 3
_SHARPNESS_BLOCK = 8
_SHARPER = 0.89
"""Between what `is_sharper` found for the two kinds of alpha."""
_SHARPENED = 0.1
"""How much of its detail alpha gains before the bicubic kernel takes it away again. Beside Lanczos' squared error, that
kernel's is 2.0 times without and 1.0 times with it (soft edges of one colour, alpha reduced by area)."""
_LIGHTNESS = [0.3, 0.6, 0.1]
"""Of red, green and blue; JPEG keeps colour at half the resolution."""


Planes = Sequence[pyvips.Image]
"""Red, green and blue, one band each: libvips takes several times as long to put bands together and apart."""


@dataclass(frozen=True)
class SmallMatte:
    """Images of the answer's size, but for the contrast."""

    edges: pyvips.Image
    """255 where alpha is not 0, or not 255, all around, else 0."""
    opaque: pyvips.Image
    """255 where alpha is 255 all around, else 0."""
    slopes: pyvips.Image
    """Floats, four bands: alpha is the mean of their products with red, green, blue and 1. Whole numbers begin at the
    halves, so that cutting a fraction off rounds."""
    contrast: pyvips.Image
    """The subject's colour less the background's, in levels per level of alpha, three bands; of the answer's size or
    of half of it."""


def small_matte(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> SmallMatte:
    """Work out the matte of a reduced photo.

    Args:
        guide: the photo at the answer's size, three bands, in memory.
        alpha: the answer's alpha, one band, in memory.
        subject: the answer's colours, in the guide's colour space, three bands, in memory.
    """
    edges, opaque = _edges_and_opaque(alpha)
    slopes = _kept(lines(planes(guide), alpha))
    return SmallMatte(edges, opaque, slopes, _kept(_contrast(guide, alpha, subject)))


def coarse_matte(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image, share: float) -> SmallMatte:
    """The matte of an answer that was enlarged: its alpha stays, and the photo adds the finer detail.

    How alpha changes with the colour is found at the answer's real size. Its value there is multiplied with the photo
    less the photo as blurred as the answer.

    Args:
        guide, alpha, subject: as for `small_matte`.
        share: the answer's real size, as a share of its sides (imaging/answer_detail.py).
    """
    edges, opaque = _edges_and_opaque(alpha)
    size = alpha.width, alpha.height
    low_guide, low_alpha = (reduced(image, share).copy_memory() for image in (guide, alpha))
    slopes = enlarged(lines(planes(low_guide), low_alpha, _REDUCED_COLOUR_NOISE)[:3].copy_memory(), *size, "bilinear")
    offset = alpha * 4 + 2 - (slopes * enlarged(low_guide, *size, "bicubic")).bandmean() * 3
    both = slopes.bandjoin(offset).copy_memory()
    # The colours at edges belong to edges as sharp as the photo's.
    sharp = (both * guide.bandjoin(1)).bandmean().cast("uchar").copy_memory()
    return SmallMatte(edges, opaque, both, _kept(_contrast(guide, sharp, subject)))


def plain_matte(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> SmallMatte:
    """The matte of an answer to which the photo has nothing to add: alpha alone, as sharp as Lanczos would enlarge it.

    Args: those of `small_matte`.
    """
    edges, opaque = _edges_and_opaque(alpha)
    offset = (alpha + (alpha - _box(alpha)) * _SHARPENED) * 4 + 2
    nothing = pyvips.Image.black(alpha.width, alpha.height, bands=3).cast("float")
    return SmallMatte(edges, opaque, _kept(nothing.bandjoin(offset)), _kept(_contrast(guide, alpha, subject)))


def _edges_and_opaque(alpha: pyvips.Image) -> tuple[pyvips.Image, pyvips.Image]:
    clear, opaque = _everywhere(alpha == CLEAR), _everywhere(alpha == OPAQUE)
    return (clear | opaque).invert(), opaque


def _contrast(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> pyvips.Image:
    if cleaned_up(guide, alpha, subject):
        return _given_contrast(guide, alpha, subject)
    return fitted_contrast(guide, alpha)


def cleaned_up(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> bool:
    """Whether the API took the background's share out of half transparent pixels, or handed the photo's colours back.

    If it did, its colours differ from the photo's by (1 - alpha) x contrast. If not, they differ by what reducing and
    encoding did. The least squares say by how much of the former. A part of the pixels is enough. On the scenes of
    `bench/alpha.py` the share is 0.6 to 1.1 where it did, and 0.0 where it did not.

    Args:
        guide: the photo at the answer's size, three bands.
        alpha: the answer's alpha, one band.
        subject: the answer's colours, in the guide's colour space, three bands.
    """
    step = 1 + math.isqrt(alpha.width * alpha.height // _LOOK_AT_PIXELS)
    # Single pixels: a mean over several would mix in the clear ones, of which the API says nothing but black.
    photo, opaque, answered = (image.subsample(step, step).cast("float") for image in (guide, alpha, subject))
    photo, opaque = photo.copy_memory(), opaque.copy_memory()
    clear = (255 - opaque).copy_memory()
    weight = (clear * opaque).copy_memory()  # by alpha: most where it is a half

    def by_block(image: pyvips.Image) -> pyvips.Image:
        return image.shrink(_BLOCK, _BLOCK).copy_memory()

    mean = by_block(opaque)
    variance = by_block(opaque * opaque) - mean * mean + ALPHA_NOISE
    contrast = ((by_block(photo * opaque) - by_block(photo) * mean) / variance).copy_memory()
    given, expected = by_block((answered - photo) * weight), by_block(clear * weight)
    return bool(((given - contrast * expected * 0.5) * contrast).avg() > 0)


def fitted_contrast(guide: pyvips.Image, alpha: pyvips.Image, step: int = 2) -> pyvips.Image:
    """From the photo alone, how its colour changes with alpha: levels per level, three bands, a pixel for `step`.

    Windows of 3 x 3 single pixels, `step` apart: nearer together, where alpha hardly changes, noise would look like
    contrast. With 2, colours are off as much as by all of the 5 x 5 pixels between them; with 3, 3 to 10 % more.
    """
    colours, opaque = (_kept(image.subsample(step, step).cast("float")) for image in (guide, alpha))
    mean = _kept(_box(opaque))
    variance = _kept(_box(opaque * opaque) - mean * mean + ALPHA_NOISE)
    return _kept((_box(colours * opaque) - _box(colours) * mean) / variance)


def is_sharper(guide: pyvips.Image, alpha: pyvips.Image) -> bool:
    """Whether alpha was reduced by a sharper kernel than the guide was: an overshooting one, not a mean over areas.

    The change of lightness with alpha, over blocks, says how much of it a fine detail of alpha should bring along. With
    a guide reduced by TO_COMPARE the share is 0.89 to 0.97 for alphas reduced by area. For Lanczos it is 0.80 to 0.89
    (scenes of `bench/alpha.py`).

    Args:
        guide: the photo at the answer's size, three bands, in memory.
        alpha: the answer's alpha, one band, in memory.
    """

    def by_block(image: pyvips.Image) -> pyvips.Image:
        return image.shrink(_SHARPNESS_BLOCK, _SHARPNESS_BLOCK)

    lightness = guide.recomb([_LIGHTNESS]).copy_memory()
    detail, detail_of_alpha = (lightness - _box(lightness)).copy_memory(), (alpha - _box(alpha)).copy_memory()
    mean_alpha = by_block(alpha.cast("float"))
    covariance = by_block(lightness * alpha) - by_block(lightness) * mean_alpha
    contrast = covariance / (by_block(alpha * alpha) - mean_alpha * mean_alpha + ALPHA_NOISE)
    found = by_block(detail * detail_of_alpha) * contrast
    expected = by_block(detail_of_alpha * detail_of_alpha) * contrast * contrast
    return bool(found.avg() < _SHARPER * expected.avg())


def planes(image: pyvips.Image) -> Planes:
    """In memory."""
    return [band.copy_memory() for band in image.bandsplit()]


def reduced(image: pyvips.Image, share: float) -> pyvips.Image:
    """To this share of its sides, in whole pixels, near to the mean over areas."""
    across, down = (max(1, round(side * share)) / side for side in (image.width, image.height))
    return image.cast("float").resize(across, vscale=down, kernel="mitchell")


def enlarged(small: pyvips.Image, width: int, height: int, kernel: str) -> pyvips.Image:
    """To this size; the centres of the corner pixels' areas stay where they are, as in any resizing by area."""
    across, down = width / small.width, height / small.height
    return small.affine(
        [across, 0, 0, down],
        interpolate=pyvips.Interpolate.new(kernel),
        idx=0.5 - 0.5 / across,
        idy=0.5 - 0.5 / down,
        oarea=[0, 0, width, height],
        extend="copy",
        premultiplied=True,  # a fourth band is not always an alpha to weight the others by
    )


def _everywhere(mask: pyvips.Image) -> pyvips.Image:
    """Where all of the window around a pixel is 255, else 0: a single 0 would take 10 levels from its mean."""
    line = pyvips.Image.new_from_list([[1] * EDGE_SIDE], scale=EDGE_SIDE)
    return (mask.convsep(line, precision="integer") > 250).copy_memory()


def lines(colours: Planes, alpha: pyvips.Image, noise: float = COLOUR_NOISE) -> pyvips.Image:
    """Alpha by least squares over the colours, along the one direction in which they change with alpha.

    The guided filter looks for the best of all directions, which takes a 3 x 3 matrix's inverse for each pixel. That
    takes a third more processor time for a whole cut-out. The squared error is about a twentieth less where hair is in
    front of leaves.
    """
    means, mean_alpha = [_kept(_box(colour)) for colour in colours], _kept(_box(alpha))

    def covariance(one: int, other: int) -> pyvips.Image:
        return _box(colours[one] * colours[other]) - means[one] * means[other]

    along = [_kept(_box(colour * alpha) - mean * mean_alpha) for colour, mean in zip(colours, means, strict=True)]
    red, green, blue = along
    steepness = red * red + green * green + blue * blue
    variance = (
        red * red * covariance(0, 0)
        + green * green * covariance(1, 1)
        + blue * blue * covariance(2, 2)
        + 2 * (red * green * covariance(0, 1) + green * blue * covariance(1, 2) + blue * red * covariance(2, 0))
    )
    scale = _kept(steepness / (variance + noise * steepness + 3e-3))
    slopes = [_kept(_box(direction * scale)) for direction in along]
    offset = alpha + 0.5
    for slope, colour in zip(slopes, colours, strict=True):
        offset -= slope * colour
    return slopes[0].bandjoin([*slopes[1:], offset]) * 4


def _given_contrast(guide: pyvips.Image, alpha: pyvips.Image, subject: pyvips.Image) -> pyvips.Image:
    """From the colours that the API cleaned up: subject - photo = (1 - alpha) x contrast, least squares."""
    clear = alpha.invert()
    weight = clear * alpha
    total = _kept(_box(clear * weight) + 1)
    pairs = zip(planes(guide), planes(subject), strict=True)
    contrast = [_box((cleaned - colour) * weight) / total for colour, cleaned in pairs]
    return contrast[0].bandjoin(contrast[1:])


def _box(image: pyvips.Image, radius: int = RADIUS) -> pyvips.Image:
    """The mean over the window around each pixel, as floats; the border's pixels are repeated outwards."""
    side = 2 * radius + 1
    row = pyvips.Image.new_from_list([[1] * side], scale=side)
    column = pyvips.Image.new_from_list([[1]] * side, scale=side)
    return image.convf(row).convf(column)  # what `convsep` does, less a millisecond to find that out


def _kept(image: pyvips.Image) -> pyvips.Image:
    """Remember a few rows of tiles, or a small image as a whole.

    libvips works an image out anew for each operation and strip that asks for it.
    """
    if image.width * image.height <= _SMALL_PIXELS:
        return image.copy_memory()
    across = image.width // _TILE + 2
    return image.tilecache(tile_width=_TILE, tile_height=_TILE, max_tiles=3 * across, access="random", threaded=True)
