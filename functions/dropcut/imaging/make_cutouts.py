"""What deliver has done in the imaging process: a photo and the API's answer in, every rendition out."""

from collections.abc import Sequence
from pathlib import Path

import pyvips

from dropcut.core.picture_limits import DecodeLimits
from dropcut.core.rendition import Rendition, RenditionFile
from dropcut.imaging.decode import Colour, on_disk_copy, open_upright
from dropcut.imaging.full_size import full_size_cutout
from dropcut.imaging.make_rendition import make_rendition


def make_cutouts(
    original: Path | None,
    answer: Path,
    renditions: Sequence[Rendition],
    folder: Path,
    *,
    limits: DecodeLimits,
    colour: Colour,
) -> list[RenditionFile]:
    """Write each rendition to a file of its own in `folder`.

    The full-size cut-out is computed once, strip by strip: straight into its file when it is all that is asked for,
    else into an uncompressed file on disk (4 bytes a pixel) that each rendition reads. Memory does not grow with the
    photo.

    Args:
        original: the photo; None when it is not to be had, and the answer alone has to do.
        colour: whether a cut-out at full size keeps the photo's colour profile. All else is sRGB.

    Raises:
        PictureRefusedError: at once for what a header shows; damage further down raises pyvips.Error when the pixels
            are read, which `picture_errors` translates.
    """
    if original:
        keeps = any(rendition.is_as_photographed for rendition in renditions)
        cutout = full_size_cutout(original, answer, limits, colour=colour if keeps else "srgb")
    else:
        cutout = _with_alpha(open_upright(answer, limits))
    if not _is_read_once(renditions):
        cutout = on_disk_copy(cutout)
    return [make_rendition(cutout, rendition, folder / rendition.name) for rendition in renditions]


def _is_read_once(renditions: Sequence[Rendition]) -> bool:
    first = renditions[0]
    return len(renditions) == 1 and first.is_as_photographed and not first.max_bytes


def _with_alpha(image: pyvips.Image) -> pyvips.Image:
    return image if image.bands == 4 else image.bandjoin(255).copy(interpretation="srgb")
