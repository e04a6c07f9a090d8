"""Chooses how a picture is cut out, and remembers what was cut."""

import os
import threading
from collections import OrderedDict

from PIL import Image

from stand_in.cutouts import cut_by_ellipse, encoded
from stand_in.validation import OutputFormat

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
        from stand_in.segmentation import cut_by_segmentation  # noqa: PLC0415 - brings OpenCV; the fast mode starts without

        with self._turns:
            return cut_by_segmentation(picture)

    def _remember(self, name: tuple[str, str, bool], cutout: bytes) -> None:
        with self._lock:
            if name not in self._remembered:
                self._remembered[name] = cutout
                self._size_bytes += len(cutout)
            while self._size_bytes > REMEMBERED_BYTES:
                self._size_bytes -= len(self._remembered.popitem(last=False)[1])
