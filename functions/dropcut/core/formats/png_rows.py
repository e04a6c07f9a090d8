"""Makes a sound PNG of one whose checksums or zlib header are wrong, if every row is there. Source: PNG 3, 9 and 10."""

import struct
import zlib
from collections.abc import Callable, Iterator

from dropcut.core.formats.png_chunks import SIGNATURE, chunks
from dropcut.core.formats.tiff_tags import Data

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of each pass of an interlaced picture: first column and row, and the steps between them."""
_PIECE = 1 << 20
_CHECKSUM = 4


def made_sound(data: Data, write: Callable[[bytes], object]) -> bool:
    """Write the same pixels as a PNG that any decoder takes; False when a part of them is missing or was changed.

    The chunks and the pixels have checksums of their own. If only one kind is wrong, it was written wrongly, and the
    pixels are whole. If both are wrong, the pixels are damaged.
    """
    found = list(chunks(data))
    pixels = [chunk for chunk in found if chunk.kind == b"IDAT"]
    if not pixels or found[0].kind != b"IHDR" or len(found[0].content) != 13 or not found[0].is_right:
        return False
    if any(not chunk.is_right for chunk in found if chunk.kind == b"PLTE"):
        return False
    before = found[: found.index(pixels[0])]
    write(SIGNATURE)
    for chunk in before:
        if chunk.is_right:
            write(_chunk(chunk.kind, bytes(chunk.content)))
    rows = _Rows(_size(bytes(found[0].content)))
    for packed in rows.packed_anew(chunk.content for chunk in pixels):
        write(_chunk(b"IDAT", packed))
    write(_chunk(b"IEND", b""))
    return rows.are_complete and (rows.checksum_is_right or all(chunk.is_right for chunk in pixels))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _size(header: bytes) -> int:
    """Bytes of all rows, each with its filter."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * _CHANNELS.get(colour, 0)
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


class _Rows:
    """The unpacked rows of a PNG, on their way from one zlib stream to another."""

    def __init__(self, size: int) -> None:
        self._missing = size
        self._behind = b""
        self._sum = 1
        self._inflate = zlib.decompressobj(-15)  # the largest window, whatever the header promises
        self._deflate = zlib.compressobj(1)

    def packed_anew(self, contents: Iterator[memoryview]) -> Iterator[bytes]:
        header_left = 2
        for content in contents:
            skipped = min(header_left, len(content))
            header_left -= skipped
            yield from self._repacked(content[skipped:])
        yield self._deflate.flush()

    def _repacked(self, stored: memoryview) -> Iterator[bytes]:
        try:
            waiting = bytes(stored)
            while waiting and not self._inflate.eof:
                rows = self._inflate.decompress(waiting, _PIECE)
                waiting = self._inflate.unconsumed_tail
                self._sum = zlib.adler32(rows, self._sum)
                yield self._deflate.compress(rows[: self._missing])
                self._missing = max(0, self._missing - len(rows))
            if self._inflate.eof and len(self._behind) < _CHECKSUM:
                self._behind += self._inflate.unused_data or waiting
        except zlib.error:
            return  # what is missing then stays missing

    @property
    def are_complete(self) -> bool:
        return self._missing == 0

    @property
    def checksum_is_right(self) -> bool:
        return self._behind[:_CHECKSUM] == self._sum.to_bytes(_CHECKSUM, "big")
