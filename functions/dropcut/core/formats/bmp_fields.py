"""Reads a BMP's header where its pixels are fields of bits, in whatever order. Source: BITMAPV5HEADER, Microsoft."""

import struct
from dataclasses import dataclass

from dropcut.core.formats.tiff_tags import Data

_BITFIELDS, _ALPHA_BITFIELDS = 3, 6
_OLDEST_WITH_FIELDS = 40
_WITH_ALPHA = 56


@dataclass(frozen=True)
class BmpFields:
    """A BMP of 16 or 32 bits a pixel, little-endian, each row filled up to 4 bytes."""

    width: int
    height: int
    is_upside_down: bool
    """Whether the last row comes first, as is usual."""
    bits: int
    at: int
    """Where the pixels begin."""
    masks: tuple[int, ...]
    """Of red, green and blue, and of alpha if there is one."""

    @property
    def row_bytes(self) -> int:
        return (self.width * self.bits + 31) // 32 * 4


def bmp_fields(data: Data) -> BmpFields | None:
    """None for a BMP of any other kind, or whose header is damaged."""
    try:
        (at,) = struct.unpack_from("<I", data, 10)
        size, width, height, _, bits, compression = struct.unpack_from("<IiiHHI", data, 14)
        if compression not in (_BITFIELDS, _ALPHA_BITFIELDS) or bits not in (16, 32) or size < _OLDEST_WITH_FIELDS:
            return None
        has_alpha = size >= _WITH_ALPHA or compression == _ALPHA_BITFIELDS
        masks = struct.unpack_from("<4I" if has_alpha else "<3I", data, 54)
    except struct.error:
        return None
    if has_alpha and not masks[3]:
        masks = masks[:3]
    if width < 1 or height == 0 or not all(masks[:3]) or max(masks) >> bits:
        return None
    return BmpFields(width, abs(height), height > 0, bits, at, masks)
