"""Deliver's work in the imaging process: a photo and the API's answer in, every rendition out."""

from collections.abc import Sequence
from pathlib import Path

import pyvips

from dropcut.core import picture_refusals
from dropcut.core.picture_limits import DecodeLimits
from dropcut.core.rendition import Rendition, RenditionFile
from dropcut.imaging.decode import Colour, on_disk_copy, open_upright
from dropcut.imaging.full_size import Look, full_size_cutout, look_away
from dropcut.imaging.make_rendition import make_rendition


def make_cutouts(
    original: Path | None,
    answer: Path,
    renditions: Sequence[Rendition],
    folder: Path,
    *,
    limits: DecodeLimits,
    colour: Colour,
    look: Look = look_away,
) -> list[RenditionFile]:
    """Write each rendition to a file of its own in `folder`.

    The full-size cut-out is computed once, strip by strip. It goes straight into its file if nothing else is asked for.
    Otherwise it goes into an uncompressed file on disk (4 bytes a pixel) that each rendition reads. Memory does not
    grow with the photo.

    Args:
        original: the photo; None when it is not to be had, and the answer alone has to do.
        colour: whether a cut-out at full size keeps the photo's colour profile. All else is sRGB.
        look: is shown photo and answer, if there is a photo (imaging/full_size.py).

    Raises:
        PictureRefusedError: at once for what a header shows; damage further down raises pyvips.Error when the pixels
            are read, which `picture_errors` translates.
    """
    if original:
        keeps = any(rendition.is_as_photographed for rendition in renditions)
        cutout = full_size_cutout(original, answer, limits, colour=colour if keeps else "srgb", look=look)
    else:
        cutout = _with_alpha(open_upright(answer, limits))
    return _written(cutout, renditions, folder)


def make_replacement(
    picture: Path, shape: tuple[int, int], renditions: Sequence[Rendition], folder: Path, *, limits: DecodeLimits
) -> list[RenditionFile]:
    """Write each rendition of a cut-out that a person made, as if it were the answer, at its own size.

    Args:
        shape: width and height of the API's answer. The picture may have another size in the same proportions.

    Raises:
        PictureRefusedError: also for a picture without alpha, or of other proportions.
    """
    cutout = open_upright(picture, limits)
    if cutout.bands != 4:
        raise picture_refusals.no_alpha()
    if not _has_shape(cutout, *shape):
        raise picture_refusals.another_shape((cutout.width, cutout.height), shape)
    return _written(cutout, renditions, folder)


def _has_shape(image: pyvips.Image, width: int, height: int) -> bool:
    """Within a pixel of the smaller picture, because sizes are whole numbers."""
    enlarged: float = image.width / width
    return bool(abs(image.height - height * enlarged) <= max(1, enlarged))


def _written(cutout: pyvips.Image, renditions: Sequence[Rendition], folder: Path) -> list[RenditionFile]:
    if not _is_read_once(renditions):
        cutout = on_disk_copy(cutout)
    return [make_rendition(cutout, rendition, folder / rendition.name) for rendition in renditions]


def _is_read_once(renditions: Sequence[Rendition]) -> bool:
    first = renditions[0]
    return len(renditions) == 1 and first.is_as_photographed and not first.max_bytes


def _with_alpha(image: pyvips.Image) -> pyvips.Image:
    return image if image.bands == 4 else image.bandjoin(255).copy(interpretation="srgb")
