"""Writes PNG files: libvips works the pixels out, ISA-L compresses them.

For a cut-out of 48 megapixels that takes 0.7 s of processor time, and libvips's own compressor 1.3 s. The file is 2 %
larger. The rest of the format is a few chunks around the compressed lines.
"""

import struct
import zlib
from pathlib import Path
from typing import IO

import pyvips
from isal import isal_zlib

from dropcut.imaging.colour import PROFILE

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""PNG's number for grey, grey with alpha, RGB and RGBA."""
_LEVEL = 1
"""Of 0 to 3. 2 gives the same file; 3 takes three times as long for a larger one, with lines that are filtered."""
_UP = 2
"""PNG's number of the filter that stores each line's difference to the one above, modulo 256."""
_CHUNK_BYTES = 1 << 16


def write_png(image: pyvips.Image, path: Path) -> None:
    """Write 8-bit pixels as a PNG, streaming; an attached ICC profile goes with them, other metadata does not.

    Raises:
        pyvips.Error: a source picture turned out to be damaged.
        OSError: the disk is full.
    """
    with path.open("wb") as file:
        file.write(_SIGNATURE)
        _write_chunk(file, b"IHDR", _header(image))
        if image.get_typeof(PROFILE):
            _write_chunk(file, b"iCCP", b"icc\0\0" + zlib.compress(image.get(PROFILE)))
        _write_pixels(image, file)
        _write_chunk(file, b"IEND", b"")


def _header(image: pyvips.Image) -> bytes:
    bits, compression, filters, interlaced = 8, 0, 0, 0
    kind = _COLOUR_TYPES[image.bands]
    return struct.pack(">IIBBBBB", image.width, image.height, bits, kind, compression, filters, interlaced)


def _write_pixels(image: pyvips.Image, file: IO[bytes]) -> None:
    compressed = CompressedLines(file)
    target = pyvips.TargetCustom()
    target.on_write(compressed.write)
    try:
        _filtered(image).rawsave_target(target)
    except pyvips.Error as error:
        raise compressed.error or error from error
    compressed.finish()


def _filtered(image: pyvips.Image) -> pyvips.Image:
    """Lines as PNG stores them, one band: the filter's number, then each byte less the one above, modulo 256."""
    # Each line is asked for twice. Tiles, because two threads do not wait for each other on them as they do on lines.
    lines = image.tilecache(
        tile_width=128, tile_height=128, max_tiles=4 * (image.width // 128 + 1), access="sequential", threaded=True
    )
    above = lines.embed(0, 1, image.width, image.height + 1).crop(0, 0, image.width, image.height)
    # The lower byte of each 16-bit difference: `& 0xFF` and a cast take twice as long.
    apart = (lines - above).copy(format="ushort").byteswap().msb().bandunfold()
    return apart.embed(1, 0, apart.width + 1, apart.height, extend="background", background=[_UP])


class CompressedLines:
    """Takes in filtered lines and writes them as IDAT chunks. libvips calls it from a thread of its own."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._compressor = isal_zlib.compressobj(_LEVEL)
        self._pending = bytearray()
        self.error: Exception | None = None
        """What went wrong here, for whoever called libvips: an exception does not find its way through it."""

    def write(self, filtered: bytes) -> int:
        """How many bytes were taken; -1 stops libvips."""
        try:
            self._pending += self._compressor.compress(filtered)
            if len(self._pending) >= _CHUNK_BYTES:
                self._write_pending()
        except Exception as error:
            self.error = error
            return -1
        return len(filtered)

    def finish(self) -> None:
        self._pending += self._compressor.flush()
        self._write_pending()

    def _write_pending(self) -> None:
        _write_chunk(self._file, b"IDAT", self._pending)
        self._pending.clear()


def _write_chunk(file: IO[bytes], name: bytes, content: bytes | bytearray) -> None:
    file.write(struct.pack(">I", len(content)) + name)
    file.write(content)
    file.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(name))))
