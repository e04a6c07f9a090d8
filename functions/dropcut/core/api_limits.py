"""What the remove-background API takes, and the size that a picture is sent in.

Source: the published request schema of `POST /v2beta/stable-image/edit/remove-background` (maker and gateway agree).
"""

import math

from dropcut.core.units import MIB

MIN_SIDE_PIXELS = 64
MAX_PIXELS = 4_194_304
MAX_JPEG_SIDE_PIXELS = 65_500
"""The longest side that JPEG libraries write (`JPEG_MAX_DIMENSION` in libjpeg)."""
MAX_REQUEST_BYTES = 10 * MIB
FORM_BYTES = 2048
"""Kept free for the form around the picture: boundaries, part headers, the other fields (measured: under 500 bytes)."""
MAX_PICTURE_BYTES = MAX_REQUEST_BYTES - FORM_BYTES


def size_to_send(width: int, height: int) -> tuple[int, int]:
    """Width and height that a picture of this size is sent with: its own, or shrunk to just under the most pixels.

    Never over the limit, and as close to it as the aspect ratio allows.
    """
    if width * height <= MAX_PIXELS and max(width, height) <= MAX_JPEG_SIDE_PIXELS:
        return width, height
    longer, shorter = max(width, height), min(width, height)
    long_side = min(math.isqrt(MAX_PIXELS * longer // shorter), MAX_JPEG_SIDE_PIXELS, longer)
    short_side = max(1, min(round(long_side * shorter / longer), MAX_PIXELS // long_side))
    return (long_side, short_side) if width >= height else (short_side, long_side)
