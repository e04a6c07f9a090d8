"""Makes the answer picture: the input's pixels with an alpha channel, in the format that was asked for."""

import hashlib
import io
import os
import struct
import threading
import zlib
from collections import OrderedDict

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from local.api.validation import OutputFormat

REMEMBERED_BYTES = 128 * 1024 * 1024


class Cutter:
    """Cuts out, and remembers what it cut: the same picture costs no second computation, as load tests
    want it."""

    def __init__(self, *, segmentation: bool) -> None:
        self.segmentation = segmentation
        self._turns = threading.Semaphore(max(1, (os.cpu_count() or 2) - 1))
        self._remembered: OrderedDict[tuple[str, str, bool], bytes] = OrderedDict()
        self._size_bytes = 0
        self._lock = threading.Lock()

    def cut(self, picture: Image.Image, picture_sha256: str, output_format: OutputFormat) -> bytes:
        """An encoded picture as wide and high as the input, always with an alpha channel."""
        name = (picture_sha256, output_format, self.segmentation)
        with self._lock:
            if name in self._remembered:
                self._remembered.move_to_end(name)
                return self._remembered[name]
        cutout = encoded(self._cut(picture), output_format)
        self._remember(name, cutout)
        return cutout

    def _cut(self, picture: Image.Image) -> Image.Image:
        if not self.segmentation:
            return cut_by_ellipse(picture)
        from local.api.segmentation import cut_by_segmentation  # noqa: PLC0415 - brings OpenCV; the fast mode starts without

        with self._turns:
            return cut_by_segmentation(picture)

    def _remember(self, name: tuple[str, str, bool], cutout: bytes) -> None:
        with self._lock:
            if name not in self._remembered:
                self._remembered[name] = cutout
                self._size_bytes += len(cutout)
            while self._size_bytes > REMEMBERED_BYTES:
                self._size_bytes -= len(self._remembered.popitem(last=False)[1])


def cut_by_ellipse(picture: Image.Image) -> Image.Image:
    """The picture within an ellipse that touches the frame; cheap, and the same every time."""
    alpha = Image.new("L", picture.size, 0)
    ImageDraw.Draw(alpha).ellipse((0, 0, picture.width - 1, picture.height - 1), fill=255)
    return with_alpha(picture, alpha)


def with_alpha(picture: Image.Image, alpha: Image.Image) -> Image.Image:
    """RGBA; what was transparent in the input stays so."""
    rgba = picture.convert("RGBA")
    rgba.putalpha(ImageChops.multiply(rgba.getchannel("A"), alpha))
    return rgba


def encoded(picture: Image.Image, output_format: str) -> bytes:
    """The picture as PNG or WebP, for speed rather than for size."""
    content = io.BytesIO()
    if output_format == "png":
        picture.save(content, "PNG", compress_level=1)
    else:
        picture.save(content, "WEBP", quality=90, method=1)
    return content.getvalue()


def marked(cutout: bytes, mark: str) -> bytes:
    """A PNG with a text chunk that says where it comes from; other formats come back as they are.

    As with the real API, two answers to one picture agree in their pixels and not in their bytes.
    """
    if not cutout.startswith(b"\x89PNG"):
        return cutout
    content = b"tEXt" + b"Source\x00" + mark.encode("latin-1")
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return cutout[:33] + chunk + cutout[33:]  # 33: the signature and the header chunk, which has to come first


def sha256(content: bytes) -> str:
    """In hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def blurred(picture: Image.Image) -> Image.Image:
    """What a filtered picture looks like."""
    return picture.convert("RGBA").filter(ImageFilter.GaussianBlur(max(picture.size) / 20))
