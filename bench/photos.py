"""Photos to measure with: as many different ones as are wanted."""

import hashlib
import io
from random import Random

from PIL import Image

from local.places import SAMPLES

SAMPLE = SAMPLES / "portrait.jpg"


def marked(mark: str, photo: bytes | None = None) -> bytes:
    """A JPEG (a sample, if none is given) with a mark: another picture to pay for, the same work to do.

    Metadata would not be sent. So the mark is in a quantization table that no channel uses.
    """
    photo = SAMPLE.read_bytes() if photo is None else photo
    return photo[:2] + _unused_tables(hashlib.sha512(mark.encode()).digest()) + photo[2:]


def _unused_tables(values: bytes) -> bytes:
    """A JPEG segment with tables of 64 values each, at most 1,008 of them, for the fourth kind of channel."""
    tables = b"".join(b"\3" + values[at : at + 64] for at in range(0, len(values), 64))
    return b"\xff\xdb" + (len(tables) + 2).to_bytes(2, "big") + tables


def noise_png(side_pixels: int) -> bytes:
    """A square RGBA picture of noise, alpha included: nothing compresses it."""
    pixels = Image.frombytes("RGBA", (side_pixels, side_pixels), Random(0).randbytes(4 * side_pixels**2))
    content = io.BytesIO()
    pixels.save(content, "PNG", compress_level=1)
    return content.getvalue()


def largest_jpeg(side_pixels: int, size_bytes: int) -> bytes:
    """A square JPEG of noise, filled up to this size, less at most a hundred bytes, with tables that nothing uses."""
    pixels = Image.frombytes("RGB", (side_pixels, side_pixels), Random(0).randbytes(3 * side_pixels**2))
    for quality in range(98, 50, -4):
        content = io.BytesIO()
        pixels.save(content, "JPEG", quality=quality)
        if content.tell() <= size_bytes:
            return _filled_up(content.getvalue(), size_bytes)
    raise ValueError(f"noise of {side_pixels} x {side_pixels} does not fit into {size_bytes:,} bytes")


def _filled_up(photo: bytes, size_bytes: int) -> bytes:
    filling = b""
    while (tables := min(1008, (size_bytes - len(photo) - len(filling) - 4) // 65)) > 0:
        filling += _unused_tables(bytes(64 * tables))
    return photo[:2] + filling + photo[2:]
