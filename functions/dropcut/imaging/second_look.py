"""Finds out whether a blank picture is blank, or its decoder made it up.

A decoder that fails without a word leaves its output as it was: white, black or clear all over. So a picture
of one colour is decoded again from a copy whose pixel data are changed. If that makes no difference, no pixel came
from the data. Pictures that show anything are not looked at again.
"""

from collections.abc import Callable, Iterable
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import NamedTemporaryFile

import pyvips

from dropcut.core.formats.heif_boxes import coded_items
from dropcut.core.formats.tiff_kind import tiff_kind
from dropcut.core.formats.tiff_tags import STRIPS, TILES, Tag
from dropcut.core.picture_limits import PictureInfo, PictureRefusedError
from dropcut.imaging.decode import picture_errors

_BYTES_OF_FLAT_BLOCK = 1.5
"""A JPEG of one colour takes less for each 8 x 8 pixels of a channel."""
_HEADER_BYTES = 2000
_PIECE = 1 << 20
_OTHERS = bytes(value ^ 0x55 for value in range(256))


def is_blank(jpeg: Path, width: int, height: int) -> bool:
    """Whether a JPEG of three channels shows one colour only. A file that is too large for that is not decoded."""
    blocks = (width / 8 + 1) * (height / 8 + 1)
    if jpeg.stat().st_size > _HEADER_BYTES + _BYTES_OF_FLAT_BLOCK * 3 * blocks:
        return False
    return _one_colour(pyvips.Image.jpegload(str(jpeg))) is not None


def is_made_up(photo: Path, info: PictureInfo, decoded: Callable[[Path], pyvips.Image]) -> bool:
    """Whether a photo that comes out in one colour does so with any other pixel data, too."""
    colour = _one_colour(decoded(photo))
    with NamedTemporaryFile() as copy:
        with photo.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            places = list(_pixel_data(data, info))
            if not places:
                return False  # nothing is known of where the pixels are
            copy.write(data)
            for begin, end in places:
                for at in range(begin, end, _PIECE):
                    copy.seek(at)
                    copy.write(data[at : min(at + _PIECE, end)].translate(_OTHERS))
        copy.flush()
        try:
            with picture_errors():
                return _one_colour(decoded(Path(copy.name))) == colour
        except PictureRefusedError:
            return False  # its decoder does look at the data


def _one_colour(image: pyvips.Image) -> list[float] | None:
    kept = image.copy_memory()
    lowest = [kept[band].min() for band in range(kept.bands)]
    return lowest if lowest == [kept[band].max() for band in range(kept.bands)] else None


def _pixel_data(data: mmap, info: PictureInfo) -> Iterable[tuple[int, int]]:
    """Where the pixels are kept: TIFF and HEIF say so, all others keep them behind their headers."""
    if info.format in ("avif", "heic"):
        pieces = coded_items(data, b"av01") + coded_items(data, b"hvc1")
        return [((begin + end) // 2, end) for begin, end in pieces]  # the lengths of HEVC's units stand before
    if info.format != "tiff":
        return [(len(data) // 2, len(data))]
    tags = tiff_kind(data).directory
    offsets, sizes = TILES if Tag.TILE_OFFSETS in tags.entries else STRIPS
    return ((at, at + size) for at, size in zip(tags.numbers(offsets), tags.numbers(sizes), strict=False))
