"""Reads from a JPEG's segments what kind it is, and whether all of it is there. Source: ITU-T T.81, annexes B and G."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from dropcut.core.formats.tiff_tags import Data

_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_ADOBE, _END, _SCAN = 0xEE, 0xD9, 0xDA
_ALONE = {0x01, *range(0xD0, 0xD9)}
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
BASELINE, PROGRESSIVE = 0xC0, 0xC2
_LAST_COEFFICIENT = 63
_LONGEST_FRAME = 6 + 3 * 255
_HIERARCHICAL = {0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF}
_LOSSLESS = {0xC3, 0xCB}


@dataclass(frozen=True)
class JpegHeader:
    """The frame's header and Adobe's marker."""

    process: int
    """The marker of the frame: 192 for baseline, 194 for progressive ..."""
    precision: int
    """Bits of a sample."""
    height: int
    components: tuple[int, ...]
    """Their numbers."""
    adobe_transform: int | None
    """0 if the components are colours as they are, 1 or 2 if they are luma and chroma; None if it is not said."""


def jpeg_header(data: Data) -> JpegHeader | None:
    """What stands before the first scan; None when that is out of order."""
    transform: int | None = None
    frame: JpegHeader | None = None
    for marker, at, end in _segments(data):
        content = data[at : min(end, at + _LONGEST_FRAME)]
        try:
            if marker == _ADOBE and content.startswith(b"Adobe"):
                transform = content[11]
            elif marker in _FRAMES:
                precision, height, _, count = struct.unpack_from(">BHHB", content)
                frame = JpegHeader(marker, precision, height, tuple(content[6 : 6 + 3 * count : 3]), None)
        except (struct.error, IndexError):
            return None
        if marker == _SCAN:
            break
    if frame is None:
        return None
    return JpegHeader(frame.process, frame.precision, frame.height, frame.components, transform)


def unread_kind(data: Data) -> str:
    """What kind of JPEG it is, of those that are not read; nothing for the others."""
    header = jpeg_header(data)
    if header is None:
        return ""
    if header.process in _HIERARCHICAL:
        return "a hierarchical JPEG"
    if header.process in _LOSSLESS:
        return "a lossless JPEG"
    if header.precision != 8:
        return f"a JPEG of {header.precision} bits"
    if header.height == 0:
        return "a JPEG that tells its height only at its end"
    return ""


def lacks_only_its_end(data: Data) -> bool:
    """Whether the end marker is missing and all scans seem to be there.

    Whether the last one is whole, a decoder has to find out. Together they bring every coefficient of every component
    to its last bit.
    """
    header = jpeg_header(data)
    if header is None:
        return False
    still_missing = {(component, k): 99 for component in header.components for k in range(_LAST_COEFFICIENT + 1)}
    for marker, at, end in _segments(data):
        if marker == _END:
            return False
        if marker == _SCAN:
            for component, first, last, low in _scan(data[at:end]):
                still_missing.update({(component, k): low for k in range(first, last + 1)})
    return not any(still_missing.values())


def _scan(content: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Component, first and last coefficient, and the lowest bit that the scan brings."""
    count = content[0] if content else 0
    if len(content) >= 4 + 2 * count:
        first, last, bits = content[1 + 2 * count : 4 + 2 * count]
        for number in range(count):
            yield content[1 + 2 * number], first, min(last, _LAST_COEFFICIENT), bits & 15


def _segments(data: Data) -> Iterator[tuple[int, int, int]]:
    """Marker, begin and end of what is inside of each segment, the data of scans passed over."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + length
        yield marker, at + 4, end
        if marker == _END:
            return
        if marker == _SCAN:
            following = _NEXT_MARKER.search(data, end)
            if following is None:
                return
            end = following.start()
        at = end
    if data[at : at + 2] == b"\xff\xd9":
        yield _END, at + 2, at + 2
