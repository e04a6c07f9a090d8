"""What the remove-background API takes, and whether a picture is within it.

Source: the published request schema of `POST /v2beta/stable-image/edit/remove-background` (maker and gateway agree).
"""

import math
from dataclasses import dataclass

from dropcut.core.job import Ended

MIN_SIDE_PIXELS = 64
MAX_PIXELS = 4_194_304
MAX_JPEG_SIDE_PIXELS = 65_500
"""The longest side that JPEG libraries write (`JPEG_MAX_DIMENSION` in libjpeg)."""
MAX_REQUEST_BYTES = 10 * 1024 * 1024
FORM_BYTES = 2048
"""Kept free for the form around the picture: boundaries, part headers, the other fields (measured: under 500 bytes)."""
MAX_PICTURE_BYTES = MAX_REQUEST_BYTES - FORM_BYTES


@dataclass(frozen=True, kw_only=True)
class OutputFormat:
    content_type: str


OUTPUT_FORMATS = {
    "png": OutputFormat(content_type="image/png"),
    "webp": OutputFormat(content_type="image/webp"),
}


def refuse_file(size_bytes: int, *, most_mib: float) -> Ended | None:
    """Why a file of this size is not even read, or None when it is."""
    if size_bytes == 0:
        return _rejected("empty", "The file is empty (0 bytes). Upload the photo again.")
    if size_bytes > most_mib * 1024 * 1024:
        return _rejected(
            "too_many_bytes",
            f"The file has {size_bytes:,} bytes; at most {most_mib:g} MiB are taken (`max_photo_mib`). "
            "Save it smaller or with a lower quality.",
        )
    return None


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


def _rejected(code: str, reason: str) -> Ended:
    return Ended(kind="rejected", code=code, reason=reason)
