"""Takes out of a JPEG, PNG or WebP what is not needed to see it, without touching a pixel.

EXIF (with the place where a photo was taken), XMP, IPTC, comments and thumbnails are private to the photographer. Data
after the picture's end (second pictures, the film of a motion photo) makes the request larger. The ICC profile goes
too: this is for pictures that look the same without (imaging/fit.py sees to that).
"""

import re
import struct
from collections.abc import Iterator

from dropcut.core.formats.picture_header import PNG_SIGNATURE


class NotTakenApartError(ValueError):
    """The parts of the picture do not follow each other as they should, though a decoder may make do with it."""


def without_metadata(picture: bytes) -> bytes:
    """The same picture, less everything that does not change how it is decoded.

    Raises:
        NotTakenApartError: it is no JPEG, PNG or WebP, or its parts are not in order.
    """
    try:
        if picture.startswith(b"\xff\xd8\xff"):
            return b"".join(_jpeg(memoryview(picture)))
        if picture.startswith(PNG_SIGNATURE):
            return b"".join(_png(memoryview(picture)))
        if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
            return _webp(memoryview(picture))
    except (struct.error, IndexError) as error:
        raise NotTakenApartError("The picture ends inside one of its parts.") from error
    raise NotTakenApartError("The picture is neither JPEG, PNG nor WebP.")


_APP0, _APP14, _APP15, _COMMENT = 0xE0, 0xEE, 0xEF, 0xFE
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_ALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers without a length: temporary, restarts, start of image."""
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
"""What ends a scan: a marker that is neither a stuffed 255 nor a restart."""


def _jpeg(picture: memoryview) -> Iterator[bytes | memoryview]:
    """The parts that stay, up to the end of the image. Scans and their tables may alternate (progressive JPEG)."""
    yield picture[:2]
    position = 2
    while True:
        if picture[position] != 0xFF:
            raise NotTakenApartError("Something stands between the JPEG's segments.")
        while picture[position + 1] == 0xFF:  # padding
            position += 1
        marker = picture[position + 1]
        if marker == _END_OF_IMAGE:
            yield picture[position : position + 2]
            return
        if marker in _ALONE:
            raise NotTakenApartError("A marker of a scan stands outside of it.")
        (length,) = struct.unpack_from(">H", picture, position + 2)
        end = position + 2 + length
        if length < 2 or end > len(picture):
            raise NotTakenApartError("A JPEG segment is longer than the file.")
        if marker == _START_OF_SCAN:
            scan_end = _NEXT_MARKER.search(picture, end)
            if scan_end is None:
                raise NotTakenApartError("The JPEG has no end.")
            end = scan_end.start()
        yield from _jpeg_segment(marker, picture[position:end])
        position = end


def _jpeg_segment(marker: int, segment: memoryview) -> Iterator[bytes | memoryview]:
    """A segment as far as it says how to decode.

    JFIF (APP0) says that the colours are YCbCr, and Adobe's APP14 whether they are RGB, YCbCr, CMYK or YCCK; both
    change the colours. Of JFIF the first 16 bytes do so, what follows is a thumbnail.
    """
    content = bytes(segment[4:9])
    if marker == _APP0 and content == b"JFIF\0" and len(segment) >= 18:
        yield b"\xff\xe0\x00\x10" + bytes(segment[4:16]) + b"\0\0"
    elif (marker == _APP14 and content == b"Adobe") or not (_APP0 <= marker <= _APP15 or marker == _COMMENT):
        yield segment


_PNG_NEEDED = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND"),
    b"tRNS",  # transparency
}
"""All other chunks are text, time, EXIF, thumbnails, frames of an animation, or private. Some say what the colours
mean, and not every decoder follows them: what is sent means the same without."""


def _png(picture: memoryview) -> Iterator[bytes | memoryview]:
    yield picture[: len(PNG_SIGNATURE)]
    position = len(PNG_SIGNATURE)
    while True:
        length, kind = struct.unpack_from(">I4s", picture, position)
        end = position + 12 + length
        if end > len(picture):
            raise NotTakenApartError("A PNG chunk is longer than the file.")
        if kind in _PNG_NEEDED:
            yield picture[position:end]
        elif not kind[0] & 0x20:
            raise NotTakenApartError(f"The PNG has a critical chunk {kind!r} that nobody knows.")
        if kind == b"IEND":
            return
        position = end


_WEBP_NEEDED = {b"VP8 ", b"VP8L", b"ALPH"}
_WEBP_ALPHA = 0x10


def _webp(picture: memoryview) -> bytes:
    """The image data and its alpha; the extended header says of the rest that it is not there."""
    (size,) = struct.unpack_from("<I", picture, 4)
    end = min(len(picture), 8 + size)
    parts: list[bytes | memoryview] = []
    position = 12
    while position + 8 <= end:
        kind, length = struct.unpack_from("<4sI", picture, position)
        after = position + 8 + length + length % 2
        if position + 8 + length > len(picture):
            raise NotTakenApartError("A WebP chunk is longer than the file.")
        if kind == b"VP8X":
            parts.append(_webp_header(bytes(picture[position:after])))
        elif kind in _WEBP_NEEDED:
            parts.append(picture[position:after])
        elif kind == b"ANIM":
            raise NotTakenApartError("The WebP is animated.")
        position = after
    body = b"".join(parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _webp_header(chunk: bytes) -> bytes:
    return chunk[:8] + bytes([chunk[8] & _WEBP_ALPHA]) + chunk[9:]
