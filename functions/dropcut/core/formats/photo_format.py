"""Finds out by a file's first bytes which kind of photo it is. Its name and extension are never believed."""

import struct
from typing import get_args

from dropcut.core import picture_refusals
from dropcut.core.picture_limits import PhotoFormat

PHOTO_FORMATS: tuple[PhotoFormat, ...] = get_args(PhotoFormat)
_SIGNATURES: tuple[tuple[bytes, PhotoFormat], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"BM", "bmp"),
)
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"mif1", b"msf1"}
"""HEIF alone, which says nothing of how its pictures are encoded (ISO/IEC 23008-12, 10.2)."""

_NAMES: dict[PhotoFormat, str] = {
    "jpeg": "a JPEG picture",
    "png": "a PNG picture",
    "webp": "a WebP picture",
    "tiff": "a TIFF picture",
    "bmp": "a BMP picture",
    "gif": "a GIF picture",
    "avif": "an AVIF picture",
    "heic": "a HEIC picture (as phones write them)",
}
_SIGNATURES_OF_OTHERS = (
    (b"8BPS", "a Photoshop document"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
)


def recognise(start: bytes) -> PhotoFormat:
    """The format of a file that starts with these bytes; some hundred are enough.

    Raises:
        PictureRefusedError: none that is taken; the sentence names what the bytes look like instead.
    """
    photo = _photo_format(start)
    if photo is None:
        raise picture_refusals.not_a_picture(looks_like(start))
    return photo


def looks_like(start: bytes) -> str:
    """What a file is that starts with these bytes, in words that fit after "The file is"."""
    photo = _photo_format(start)
    if photo is not None:
        return _NAMES[photo]
    if start[4:8] == b"ftyp":
        is_heif = bool(_brands(start) & _HEIF_BRANDS)
        return "a HEIF picture of a rare kind" if is_heif else "a video or another kind of MP4 file"
    return next(
        (name for signature, name in _SIGNATURES_OF_OTHERS if start.startswith(signature)), _kind_of_text(start)
    )


def _photo_format(start: bytes) -> PhotoFormat | None:
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    if start[4:8] == b"ftyp":
        brands = _brands(start)
        if brands & _AVIF_BRANDS:
            return "avif"
        if brands & _HEIC_BRANDS:
            return "heic"
    return next((name for signature, name in _SIGNATURES if start.startswith(signature)), None)


def _kind_of_text(start: bytes) -> str:
    if not start:
        return "empty"
    begins = start[:512].lstrip().lower()
    if begins.startswith((b"<svg", b"<?xml")) and b"<svg" in begins:
        return "an SVG drawing"
    if begins.startswith((b"<!doctype", b"<html")):
        return "a web page"
    try:
        start[:512].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < 500:  # not merely a character cut in two at the end
            return "of a kind that is not recognised"
    return "text"


def _brands(start: bytes) -> set[bytes]:
    """What an ISO media file says it is compatible with, its major brand included (ISO/IEC 14496-12, 4.3)."""
    (size,) = struct.unpack(">I", start[:4])
    listed = start[8 : min(size, len(start), 512)]
    return {listed[at : at + 4] for at in range(0, len(listed) - 3, 4) if at != 4}
