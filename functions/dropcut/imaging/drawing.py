"""Distinguishes drawings and screenshots (few colours, hard edges) from photos, to send them without a loss.

JPEG puts rings around hard edges, and takes many bytes for them; lossless compression does well on them. So no pixel
is looked at: what decides are the sizes of three files. Measured on screenshots, drawings, line art, photos, products
on pure white, scans, gradients and noise, 8 to 12 megapixels each (tests/functions/imaging/test_drawing.py):

    the source, bytes a pixel       drawings, screenshots 0.06 to 0.21; photos from 0.34 on
    the same as lossless WebP       drawings, screenshots 0.03 to 0.12; photos from 0.30 on
    PNG, of a JPEG of quality 95    drawings, screenshots 1.0 to 2.0; gradients, photos from 2.6 on
"""

from pathlib import Path

import pyvips
from isal import isal_zlib

from dropcut.core.picture_limits import PictureInfo
from dropcut.imaging.colour import without_profile
from dropcut.imaging.png import write_png

_MOST_BYTES_A_PIXEL = {"png": 0.3, "gif": 0.3, "bmp": 0.3, "tiff": 0.3, "webp": 0.2}
"""By the formats that keep a picture without a loss."""
_LOSSLESS_WEBP = b"VP8L"
_WEBP_HEADER_BYTES = 4096
"""In an extended file the pixels come after the colour profile."""
_MOST_OF_JPEG = 2.3
_SAMPLES, _SAMPLE_BYTES = 8, 16 * 1024


def may_be_drawn(source: Path, info: PictureInfo) -> bool:
    """Whether a picture was kept without a loss, in so few bytes that it can be no photo. Reads 128 KiB at most.

    The bytes are counted as if they were compressed, so that BMP and plain TIFF count as PNG does.
    """
    most = _MOST_BYTES_A_PIXEL.get(info.format)
    if most is None:
        return False
    with source.open("rb") as file:
        if info.format == "webp" and _LOSSLESS_WEBP not in file.read(_WEBP_HEADER_BYTES):
            return False
        size = source.stat().st_size
        sampled = bytearray()
        for number in range(_SAMPLES):
            file.seek(size * number // _SAMPLES)
            sampled += file.read(_SAMPLE_BYTES)
    compressed = size * len(isal_zlib.compress(sampled)) / len(sampled)
    return compressed <= most * info.width * info.height


def write_drawing(image: pyvips.Image, path: Path, *, jpeg_bytes: int) -> bool:
    """Write an opaque sRGB picture as a PNG; whether it is hardly larger than its JPEG, as a drawing's is."""
    write_png(without_profile(image), path)
    return path.stat().st_size <= _MOST_OF_JPEG * jpeg_bytes
