"""Where a GIF's first frame lies on its canvas, which it need not fill. Source: GIF89a, 20."""

import struct

from dropcut.core.formats.tiff_tags import Data

_EXTENSION, _IMAGE = 0x21, 0x2C


def first_frame(data: Data) -> tuple[int, int, int, int] | None:
    """Left, top, width and height; None when there is none."""
    try:
        flags = data[10]
        at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        while data[at] == _EXTENSION:
            at += 2
            while size := data[at]:
                at += 1 + size
            at += 1
        if data[at] == _IMAGE:
            left, top, width, height = struct.unpack_from("<4H", data, at + 1)
            return left, top, width, height
    except (IndexError, struct.error):
        pass  # its decoder will say so
    return None
