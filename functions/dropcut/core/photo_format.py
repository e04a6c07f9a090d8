"""Tells by a file's first bytes which kind of photo it is. Its name and extension are never believed."""

import struct

from dropcut.core import picture_refusals
from dropcut.core.picture_header import looks_like
from dropcut.core.picture_limits import PhotoFormat

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


def recognise(start: bytes) -> PhotoFormat:
    """The format of a file that starts with these bytes; some hundred are enough.

    Raises:
        PictureRefusedError: none that is taken; the sentence names what the bytes look like instead.
    """
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    if start[4:8] == b"ftyp":
        brands = _brands(start)
        if brands & _AVIF_BRANDS:
            return "avif"
        if brands & _HEIC_BRANDS:
            return "heic"
    for signature, name in _SIGNATURES:
        if start.startswith(signature) and not _is_camera_raw(start):
            return name
    raise picture_refusals.not_a_picture("a camera's raw file" if _is_camera_raw(start) else looks_like(start))


def _brands(start: bytes) -> set[bytes]:
    """What an ISO media file says it is compatible with, its major brand included (ISO/IEC 14496-12, 4.3)."""
    (size,) = struct.unpack(">I", start[:4])
    listed = start[8 : min(size, len(start), 512)]
    return {listed[at : at + 4] for at in range(0, len(listed) - 3, 4) if at != 4}


def _is_camera_raw(start: bytes) -> bool:
    """Whether a TIFF begins with a raw file's thumbnail instead of a photo (DNG, NEF, CR2, ARW ...).

    Their first picture is marked as a reduced one of another (tag 254, bit 0), the photo itself lies elsewhere.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(start[:4])
    if order is None:
        return False
    try:
        (directory,) = struct.unpack_from(f"{order}I", start, 4)
        (count,) = struct.unpack_from(f"{order}H", start, directory)
        for entry in range(min(count, 64)):
            tag, _kind, _count, value = struct.unpack_from(f"{order}HHII", start, directory + 2 + 12 * entry)
            if tag == 254:
                return bool(value & 1)
    except struct.error:
        return False  # the directory lies further back, as libraries write it; cameras write it first
    return start[8:10] == b"CR"
