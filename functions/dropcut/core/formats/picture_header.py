"""Reads from a picture's first bytes what it is: format, size, transparency. The name of a file is never believed.

Reads headers only, with the standard library, so that the stage that pays can check an answer without an image library.
"""

import struct
import zlib
from dataclasses import dataclass

from dropcut.core.formats.photo_format import looks_like

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class NotAPictureError(ValueError):
    """The bytes are no JPEG, PNG or WebP, or their header is broken."""


@dataclass(frozen=True, kw_only=True)
class PictureHeader:
    format: str
    """`jpeg`, `png` or `webp`."""
    width: int
    height: int
    has_alpha: bool


def read_header(data: bytes) -> PictureHeader:
    """Format, width and height in pixels as stored (before any orientation), and whether there is an alpha channel.

    Raises:
        NotAPictureError: the sentence names what the bytes look like instead.
    """
    try:
        if data.startswith(PNG_SIGNATURE):
            return _png(data)
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError) as error:
        raise NotAPictureError("The file ends inside its own header: it was cut off on the way.") from error
    raise NotAPictureError(f"The file is {looks_like(data)}, not a JPEG, PNG or WebP picture.")


def is_whole(data: bytes) -> bool:
    """Whether a PNG or WebP has all its parts: every PNG chunk with its checksum up to the end chunk, every WebP byte.

    Finds what was cut off or damaged on the way without decoding pixels. False for other formats.
    """
    if data.startswith(PNG_SIGNATURE):
        return _png_chunks_are_whole(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return len(data) >= int.from_bytes(data[4:8], "little") + 8
    return False


def _png(data: bytes) -> PictureHeader:
    if data[12:16] != b"IHDR":
        raise NotAPictureError("The file starts like a PNG but has no PNG header.")
    width, height, _depth, colour_type = struct.unpack(">IIBB", data[16:26])
    has_alpha = colour_type in (4, 6) or b"tRNS" in data[33 : data.find(b"IDAT")]
    return PictureHeader(format="png", width=width, height=height, has_alpha=has_alpha)


def _png_chunks_are_whole(data: bytes) -> bool:
    view, position = memoryview(data), len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        (length,) = struct.unpack(">I", view[position : position + 4])
        end = position + 12 + length
        if end > len(data):
            return False
        (checksum,) = struct.unpack(">I", view[end - 4 : end])
        if zlib.crc32(view[position + 4 : end - 4]) != checksum:
            return False
        if data[position + 4 : position + 8] == b"IEND":
            return True
        position = end
    return False


_JPEG_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_MARKERS_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def _jpeg(data: bytes) -> PictureHeader:
    position = 2
    while True:
        if data[position] != 0xFF:
            raise NotAPictureError("The file starts like a JPEG but its header is damaged.")
        marker = data[position + 1]
        if marker == 0xFF:  # padding
            position += 1
        elif marker in _JPEG_MARKERS_ALONE:
            position += 2
        elif marker in _JPEG_SIZE_MARKERS:
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            return PictureHeader(format="jpeg", width=width, height=height, has_alpha=False)
        elif marker in (0xD9, 0xDA):
            raise NotAPictureError("The file starts like a JPEG but names no size.")
        else:
            (length,) = struct.unpack(">H", data[position + 2 : position + 4])
            position += 2 + length


def _webp(data: bytes) -> PictureHeader:
    kind = data[12:16]
    if kind == b"VP8X":
        flags = data[20]
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        if len(data) < 30:
            raise IndexError
        return PictureHeader(format="webp", width=width, height=height, has_alpha=bool(flags & 0x10))
    if kind == b"VP8L":
        (bits,) = struct.unpack("<I", data[21:25])
        return PictureHeader(
            format="webp",
            width=(bits & 0x3FFF) + 1,
            height=((bits >> 14) & 0x3FFF) + 1,
            has_alpha=bool(bits >> 28 & 1),
        )
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return PictureHeader(format="webp", width=width & 0x3FFF, height=height & 0x3FFF, has_alpha=False)
    raise NotAPictureError("The file starts like a WebP but its header is damaged.")
