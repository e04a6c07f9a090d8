"""Decides whether every decoder reads a picture, and reads the same in it: only such a one is sent as it is."""

import zlib
from collections.abc import Callable, Iterable
from typing import Any

from dropcut.core.formats.jpeg_header import BASELINE, PROGRESSIVE, jpeg_header
from dropcut.core.formats.png_chunks import SIGNATURE, chunks

_COMPONENTS = {(1,), (0,), (1, 2, 3), (0, 1, 2)}
"""Numbers that no decoder takes for colours of another kind, as it does R, G and B."""
_PIECE = 1 << 20


def every_decoder_reads(picture: bytes, decompressor: Callable[[], Any] = zlib.decompressobj) -> bool:
    """For a JPEG, PNG or WebP that one decoder has read to its end.

    Args:
        decompressor: makes one for a zlib stream, for who has a faster one than zlib's.
    """
    if picture.startswith(b"\xff\xd8"):
        return _jpeg(picture)
    if picture.startswith(SIGNATURE):
        return _png(picture, decompressor())
    return True


def _jpeg(picture: bytes) -> bool:
    """Baseline or progressive, with Huffman codes, 8 bits, grey or YCbCr."""
    header = jpeg_header(picture)
    return (
        header is not None
        and header.process in (BASELINE, PROGRESSIVE)
        and header.precision == 8
        and header.components in _COMPONENTS
        and header.adobe_transform in (None, 1)
    )


def _png(picture: bytes, stream: Any) -> bool:
    """Chunks in order and with right checksums, and nothing in the pixels' stream behind its end."""
    found = list(chunks(picture))
    return (
        all(chunk.is_right for chunk in found)
        and _in_order([chunk.kind for chunk in found])
        and _ends_with_its_pixels(stream, [chunk.content for chunk in found if chunk.kind == b"IDAT"])
    )


def _in_order(kinds: list[bytes]) -> bool:
    """Header, palette, transparency, pixels without a gap, end, each but the pixels once."""
    needed = [kind for kind in kinds if kind in _PNG_ORDER]
    once = [kind for kind, following in zip(needed, [*needed[1:], b""], strict=True) if kind != following]
    pixels = kinds.count(b"IDAT")
    return (
        kinds[:1] == [b"IHDR"]
        and kinds[-1:] == [b"IEND"]
        and once == [kind for kind in _PNG_ORDER if kind in once]
        and len(once) == len(needed) - max(0, pixels - 1)
        and pixels > 0
        and set(kinds[kinds.index(b"IDAT") :][:pixels]) == {b"IDAT"}
    )


_PNG_ORDER = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def _ends_with_its_pixels(stream: Any, contents: Iterable[memoryview]) -> bool:
    """Whether the zlib stream ends, with the checksum of what is in it, where the last chunk does."""
    try:
        for content in contents:
            waiting = bytes(content)
            while waiting:
                if stream.eof:
                    return False
                stream.decompress(waiting, _PIECE)
                waiting = stream.unconsumed_tail
    except Exception:  # each library has an error of its own for a stream that is none
        return False
    return bool(stream.eof) and not stream.unused_data
