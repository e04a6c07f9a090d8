"""Finds holes of zeros in HEIC, as a memory card leaves that lost a block; its decoder makes pixels of them.

HEVC reserves the bytes 0, 0 and at most 2; an encoder writes 0, 0, 3 in their place (ITU-T H.265, 7.3.1.1). So no
encoder leaves such zeros. `hvcC` says how many bytes the length before each unit has (ISO/IEC 14496-15, 8.3.3.1).
"""

import re

from dropcut.core.formats.heif_boxes import coded_items
from dropcut.core.formats.tiff_tags import Data

_NEVER_INSIDE = re.compile(rb"\0\0[\0\1\2]")
_CONFIGURATION, _LENGTH_SIZE_AT = b"hvcC", 21
_MOST_UNITS = 100_000


def has_hole(data: Data) -> bool:
    """Whether a part of a HEIC's coded pictures is zeros."""
    configured = data.find(_CONFIGURATION)
    if configured < 0 or configured + 4 + _LENGTH_SIZE_AT >= len(data):
        return False
    length_size = (data[configured + 4 + _LENGTH_SIZE_AT] & 3) + 1
    return any(_in_units(data, begin, end, length_size) for begin, end in coded_items(data, b"hvc1"))


def _in_units(data: Data, at: int, end: int, length_size: int) -> bool:
    for _ in range(_MOST_UNITS):
        if at + length_size > end:
            return False
        begin = at + length_size
        length = int.from_bytes(data[at:begin], "big")
        at = begin + length
        if length == 0 or at > end:
            return True  # what should be a length was overwritten
        if _NEVER_INSIDE.search(data, begin, at):
            return True
    return False
