"""Reads from EXIF what says how a photo's colours are meant; nothing else of it is of use here.

Source: EXIF 2.32, 4.6.6 (interoperability index) and DCF 2.0, which means Adobe RGB by R03.
"""

from dropcut.core.formats import tiff_tags
from dropcut.core.formats.tiff_tags import Directory, NotTiffError, Tag

_PREFIX = b"Exif\0\0"
_INDEX = 1


def is_adobe_rgb(exif: bytes) -> bool:
    """Whether a block of EXIF, with or without its prefix, says R03. Damage counts as nothing said."""
    try:
        return says_adobe_rgb(next(tiff_tags.pages(exif.removeprefix(_PREFIX))))
    except NotTiffError:
        return False


def says_adobe_rgb(first: Directory) -> bool:
    """The same of a TIFF's directory, in which EXIF is kept as it is there."""
    try:
        camera = tiff_tags.below(first, first.number(Tag.EXIF, 0))
        index = camera and tiff_tags.below(camera, camera.number(Tag.INTEROPERABILITY, 0))
        return index is not None and index.content(_INDEX).startswith(b"R03")
    except NotTiffError:
        return False
