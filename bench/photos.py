"""Photos to measure with: as many different ones as are wanted."""

import io
from random import Random

from PIL import Image

from local.places import SAMPLES

SAMPLE = SAMPLES / "portrait.jpg"


def marked(mark: str, photo: bytes | None = None) -> bytes:
    """A JPEG (a sample, if none is given) with a mark in a comment: another picture to pay for, the same work to do."""
    photo = SAMPLE.read_bytes() if photo is None else photo
    text = mark.encode()
    return photo[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + photo[2:]


def noise_png(side_pixels: int) -> bytes:
    """A square RGBA picture of noise, alpha included: nothing compresses it."""
    pixels = Image.frombytes("RGBA", (side_pixels, side_pixels), Random(0).randbytes(4 * side_pixels**2))
    content = io.BytesIO()
    pixels.save(content, "PNG", compress_level=1)
    return content.getvalue()


def largest_jpeg(side_pixels: int, size_bytes: int) -> bytes:
    """A square JPEG of noise, filled up to exactly this size with what stands behind its end."""
    pixels = Image.frombytes("RGB", (side_pixels, side_pixels), Random(0).randbytes(3 * side_pixels**2))
    for quality in range(98, 50, -4):
        content = io.BytesIO()
        pixels.save(content, "JPEG", quality=quality)
        if content.tell() <= size_bytes:
            return content.getvalue().ljust(size_bytes, b"\0")
    raise ValueError(f"noise of {side_pixels} x {side_pixels} does not fit into {size_bytes:,} bytes")
