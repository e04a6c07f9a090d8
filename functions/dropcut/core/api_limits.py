"""What the remove-background API takes, and whether a picture is within it.

Source: the published request schema of `POST /v2beta/stable-image/edit/remove-background` (maker and gateway agree).
"""

from dataclasses import dataclass

from dropcut.core.job import Ended
from dropcut.core.picture_header import PictureHeader

MIN_SIDE_PIXELS = 64
MAX_PIXELS = 4_194_304
MAX_REQUEST_BYTES = 10 * 1024 * 1024
FORM_BYTES = 2048
"""Kept free for the form around the picture: boundaries, part headers, the other fields (measured: under 500 bytes)."""
MAX_PICTURE_BYTES = MAX_REQUEST_BYTES - FORM_BYTES


@dataclass(frozen=True, kw_only=True)
class OutputFormat:
    name: str
    extension: str
    content_type: str


OUTPUT_FORMATS = {
    "png": OutputFormat(name="png", extension="png", content_type="image/png"),
    "webp": OutputFormat(name="webp", extension="webp", content_type="image/webp"),
}


def refuse_size(size_bytes: int) -> Ended | None:
    """Why a file of this size cannot be sent, or None when it can."""
    if size_bytes == 0:
        return _rejected("empty", "The file is empty (0 bytes). Upload the photo again.")
    if size_bytes > MAX_PICTURE_BYTES:
        return _rejected(
            "too_many_bytes",
            f"The file has {size_bytes:,} bytes; at most {MAX_PICTURE_BYTES:,} can be sent. "
            "Save it smaller or with a lower quality.",
        )
    return None


def refuse_header(header: PictureHeader) -> Ended | None:
    """Why a picture of this width and height cannot be sent, or None when it can."""
    width, height = header.width, header.height
    if min(width, height) < MIN_SIDE_PIXELS:
        return _rejected(
            "too_small",
            f"The picture is {width} x {height} pixels; every side must have at least {MIN_SIDE_PIXELS}. "
            "Upload a larger one.",
        )
    if width * height > MAX_PIXELS:
        return _rejected(
            "too_many_pixels",
            f"The picture is {width} x {height}, {width * height:,} pixels; at most {MAX_PIXELS:,} can be sent. "
            "Make it smaller, for example 2048 x 2048.",
        )
    return None


def not_a_picture(reason: str) -> Ended:
    """For bytes that are no picture the API takes, or not a whole one."""
    return _rejected("not_a_picture", f"{reason} Save it as JPEG, PNG or WebP and upload it again.")


def damaged(detail: str) -> Ended:
    return _rejected(
        "damaged",
        f"The picture cannot be read to its end ({detail}): it is damaged or was cut off. Upload it again.",
    )


def _rejected(code: str, reason: str) -> Ended:
    return Ended(kind="rejected", code=code, reason=reason)
