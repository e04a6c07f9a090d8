"""Reads a PNG's chunks: what its colours mean, and whether it is as every decoder expects.

Source: PNG 3 (W3C, 2025): 5 (structure), 5.6 (order), 11.3.2 (colour), 13.2 (which colour chunk goes first).
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from dropcut.core.formats.stated_colour import StatedColour, by_code_points, by_gamma
from dropcut.core.formats.tiff_tags import Data

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHROMATICITIES = (2, 3, 4, 5, 6, 7, 0, 1)
"""Where cHRM has red's, green's, blue's and white's places: it begins with white."""


@dataclass(frozen=True)
class Chunk:
    kind: bytes
    content: memoryview
    summed: memoryview
    """What its checksum is of: kind and content."""
    checksum: int

    @property
    def is_right(self) -> bool:
        """Whether its checksum is that of its content. Takes half a second for a gigabyte."""
        return zlib.crc32(self.summed) == self.checksum


def chunks(data: Data | memoryview) -> Iterator[Chunk]:
    """One after the other, up to the end chunk or to where the file ends inside one."""
    view, at = memoryview(data), len(SIGNATURE)
    while at + 12 <= len(view):
        length, kind = struct.unpack_from(">I4s", view, at)
        end = at + 12 + length
        if end > len(view):
            return
        (checksum,) = struct.unpack_from(">I", view, end - 4)
        yield Chunk(kind, view[at + 8 : end - 4], view[at + 4 : end - 4], checksum)
        if kind == b"IEND":
            return
        at = end


def is_apples_own(data: Data) -> bool:
    """Whether it is a PNG as Xcode makes it, with swapped channels and without zlib's header (CgBI)."""
    return data[12:16] == b"CgBI"


def stated_colour(data: Data) -> tuple[StatedColour | None, bool]:
    """What the chunks before the pixels say besides a profile, and whether that goes before the profile.

    A chunk with a wrong checksum says nothing.
    """
    found: dict[bytes, bytes] = {}
    for chunk in chunks(data):
        if chunk.kind in (b"IDAT", b"IEND"):
            break
        if chunk.is_right:
            found.setdefault(chunk.kind, bytes(chunk.content[:64]))
    code_points = found.get(b"cICP", b"")
    if len(code_points) == 4:
        return by_code_points(code_points[0], code_points[1]), True
    if b"sRGB" in found:
        return StatedColour(), False
    return _by_gamma(found.get(b"gAMA", b""), found.get(b"cHRM", b"")), False


def _by_gamma(gamma: bytes, chromaticities: bytes) -> StatedColour | None:
    encoding, places = None, None
    if len(gamma) == 4:
        encoding = int.from_bytes(gamma, "big") / 100_000
    if len(chromaticities) == 32:
        values = [value / 100_000 for value in struct.unpack(">8I", chromaticities)]
        red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y = (values[at] for at in _CHROMATICITIES)
        if min(red_y, green_y, blue_y, white_y) > 0:
            places = red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y
    return by_gamma(encoding, places) if encoding or places else None
