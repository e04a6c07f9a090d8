"""Reads TIFF: what libvips reads right by libvips, and the rest through another view of the file (tiff_view.py).

libvips fails or guesses at samples that have neither 8 nor 16 bits, at Lab, and at planes in tiles.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from mmap import ACCESS_READ, mmap
from pathlib import Path

import pyvips

from dropcut.core import picture_refusals
from dropcut.core.formats.exif import says_adobe_rgb
from dropcut.core.formats.icc_profile import rgb_profile
from dropcut.core.formats.stated_colour import ADOBE_RGB
from dropcut.core.formats.tiff_kind import (
    BLACK_IS_ZERO,
    CIELAB,
    CMYK,
    FLOAT,
    ICCLAB,
    PALETTE,
    RGB,
    UNSIGNED,
    WHITE_IS_ZERO,
    YCBCR,
    TiffKind,
    tiff_kind,
)
from dropcut.core.formats.tiff_tags import NotTiffError, Tag
from dropcut.core.picture_limits import PictureInfo
from dropcut.imaging import colour, samples
from dropcut.imaging.tiff_view import by_bytes, is_known_to_libvips

_AS_ITS_DECODER_GIVES_IT = (PALETTE, YCBCR)
"""RGB of 8 bits."""


def tiff_info(path: Path) -> PictureInfo:
    """What the tags say; 8 bits for all that have no more."""
    with _mapped(path) as data:
        kind = tiff_kind(data)
        return PictureInfo(
            format="tiff",
            width=kind.width,
            height=kind.height,
            orientation=_orientation(kind),
            frames=kind.pages,
            bands=kind.samples,
            bits=max(8, kind.bits),
            interpretation=_INTERPRETATIONS.get(kind.photometric, "srgb"),
            has_alpha=kind.alpha is not None,
            has_profile=Tag.ICC_PROFILE in kind.directory.entries,
        )


_INTERPRETATIONS = {BLACK_IS_ZERO: "b-w", WHITE_IS_ZERO: "b-w", CMYK: "cmyk", CIELAB: "lab", ICCLAB: "lab"}


def tiff(path: Path) -> pyvips.Image:
    """8 or 16 bits a sample, alpha straight and last, with profile and orientation attached.

    Raises:
        PictureRefusedError: it is a raw file, of a kind that is not read, or its tags are damaged.
    """
    data = _map(path)
    kind = tiff_kind(data)
    try:
        if kind.photometric in _AS_ITS_DECODER_GIVES_IT:
            image = _by_libvips(path, kind)
            return image[:3] if kind.photometric == YCBCR else image
        opened = partial(_by_libvips, path, kind) if _is_read_by_libvips(kind) else partial(by_bytes, data, kind)
        return _described(_colours_and_alpha(opened, kind), kind)
    except (NotTiffError, struct.error) as error:  # or its numbers are larger than a tag's kind can be
        raise picture_refusals.damaged("its tags contradict each other") from error


@contextmanager
def _mapped(path: Path) -> Iterator[mmap]:
    with _map(path) as data:
        yield data


def _map(path: Path) -> mmap:
    with path.open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ)


def _orientation(kind: TiffKind) -> int:
    try:
        value = kind.directory.number(Tag.ORIENTATION, 1)
    except NotTiffError:
        return 1  # the pixels are there all the same
    return value if 1 <= value <= 8 else 1


def _is_read_by_libvips(kind: TiffKind) -> bool:
    if kind.is_separate or kind.is_premultiplied:
        return False  # it divides alpha out of some kinds, without a word
    if kind.photometric in (CIELAB, ICCLAB):
        return kind.sample_format == FLOAT and kind.bits == 32
    if kind.bits in (1, 2, 4):
        return kind.samples == 1 and kind.sample_format == UNSIGNED
    return is_known_to_libvips(kind)


def _by_libvips(path: Path, kind: TiffKind) -> pyvips.Image:
    return pyvips.Image.tiffload(str(path), page=kind.page, access="sequential", fail_on="error")


def _colours_and_alpha(opened: Callable[[], pyvips.Image], kind: TiffKind) -> pyvips.Image:
    """8 or 16 bits, or Lab; a note attached where the range had to be looked for."""
    image = opened()
    if kind.photometric in (CIELAB, ICCLAB):
        return _lab(image, kind)
    alpha_at = kind.alpha if kind.alpha is not None and kind.alpha < image.bands else None
    levels, note = _levels(opened, image, kind)
    if kind.photometric == WHITE_IS_ZERO and not _is_read_by_libvips(kind):
        levels = levels.invert()
    found = levels[: kind.colours]
    if alpha_at is not None:
        found = found.bandjoin(levels[alpha_at])
    found = found.copy(interpretation=_name(kind, found))
    if alpha_at is not None and kind.is_premultiplied:
        found = found.unpremultiply().rint().cast(levels.format).copy(interpretation=found.interpretation)
    return colour.with_note(found, note)


def _name(kind: TiffKind, levels: pyvips.Image) -> str:
    is_deep = levels.format == "ushort"
    if kind.colours == 1:
        return "grey16" if is_deep else "b-w"
    if kind.photometric == CMYK:
        return "cmyk"
    return "rgb16" if is_deep else "srgb"


def _levels(opened: Callable[[], pyvips.Image], image: pyvips.Image, kind: TiffKind) -> tuple[pyvips.Image, str]:
    """8 or 16 bits for the whole range, and a note on how that was found out."""
    if kind.sample_format != UNSIGNED or kind.bits == 32:
        has_profile = Tag.ICC_PROFILE in kind.directory.entries
        return samples.in_range(opened, colours=kind.colours, alpha=kind.alpha, has_profile=has_profile)
    is_stretched = kind.bits in (8, 16) or _is_read_by_libvips(kind)
    return (image if is_stretched else samples.stretched(image, bits=kind.bits)), ""


def _lab(image: pyvips.Image, kind: TiffKind) -> pyvips.Image:
    """8-bit sRGB. Lab is white at 100, 0, 0 whatever its white point."""
    if kind.sample_format != FLOAT:
        image = samples.lab(image[:3], bits=kind.bits, is_icc=kind.photometric == ICCLAB)
    return image[:3].copy(interpretation="lab").colourspace("srgb")


def _described(image: pyvips.Image, kind: TiffKind) -> pyvips.Image:
    """With the profile and the orientation that the tags say."""
    image = image.copy()
    if kind.photometric in (CIELAB, ICCLAB):
        image.remove(colour.PROFILE)
    elif profile := kind.directory.content(Tag.ICC_PROFILE):
        image.set_type(pyvips.GValue.blob_type, colour.PROFILE, profile)
    elif kind.photometric == RGB and says_adobe_rgb(kind.directory):
        image.set_type(pyvips.GValue.blob_type, colour.PROFILE, rgb_profile(ADOBE_RGB))
    image.set_type(pyvips.GValue.gint_type, "orientation", _orientation(kind))
    return image
