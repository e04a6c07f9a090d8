"""TIFFs of every kind of sample, written tag by tag: what no library writes can be asked for."""

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

WIDTH, HEIGHT = 83, 66
_LETTERS = {3: "H", 4: "I", 7: "B", 11: "f", 12: "d"}
_ROWS = 20
"""Of a strip."""

Values = tuple[int, Sequence[float]]
"""The kind of a tag's values (3: short, 4: long, 7: byte, 11: float, 12: double), and the values."""


def gradient(bands: int = 3) -> np.ndarray[Any, Any]:
    """Height x width x bands of bytes, each band another slope."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    slopes = [across / (WIDTH - 1), down / (HEIGHT - 1), (across + down) / (WIDTH + HEIGHT - 2)]
    levels: np.ndarray[Any, Any] = np.rint(255 * np.stack(slopes[:bands], -1)).astype(np.uint8)
    return levels


def linear(levels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """sRGB's levels as light, from 0 to 1."""
    part = levels / 255
    light: np.ndarray[Any, Any] = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return light


def tiff(
    samples: np.ndarray[Any, Any],
    *,
    bits: int = 8,
    photometric: int = 2,
    number: int = 1,
    order: str = "<",
    extra: Sequence[int] = (),
    separate: bool = False,
    tile: int = 0,
    compression: int = 1,
    more: Mapping[int, Values] | None = None,
    behind: bytes = b"",
) -> bytes:
    """A TIFF of height x width x samples.

    Args:
        samples: numbers as they are to be stored.
        number: 1 for unsigned, 2 for signed, 3 for float.
        tile: side of square tiles; 0 for strips.
        compression: 1 for none, 8 for deflate; with any other number nothing is compressed, it only says so.
        more: further tags.
        behind: bytes behind the directory.
    """
    height, width, count = samples.shape
    planes = [samples[:, :, band : band + 1] for band in range(count)] if separate else [samples]
    pieces = [_stored(piece, bits, number, order) for plane in planes for piece in _pieces(plane, tile)]
    pieces = [zlib.compress(piece) for piece in pieces] if compression == 8 else pieces
    places = np.cumsum([8, *(len(piece) for piece in pieces)])
    tags: dict[int, Values] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [bits] * count),
        259: (3, [compression]),
        262: (3, [photometric]),
        277: (3, [count]),
        284: (3, [2 if separate else 1]),
        339: (3, [number] * count),
    }
    offsets, sizes = places[:-1].tolist(), [len(piece) for piece in pieces]
    if tile:
        tags |= {322: (4, [tile]), 323: (4, [tile]), 324: (4, offsets), 325: (4, sizes)}
    else:
        tags |= {273: (4, offsets), 278: (4, [_ROWS]), 279: (4, sizes)}
    if extra:
        tags[338] = (3, extra)
    at = int(places[-1])
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", at)
    return head + b"".join(pieces) + directory({**tags, **(more or {})}, order=order, at=at) + behind


def directory(tags: Mapping[int, Values], *, order: str = "<", at: int = 8, next_at: int = 0) -> bytes:
    """One directory that will lie at `at`, its longer values behind it."""
    behind_at, entries, behind = at + 6 + 12 * len(tags), b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{_LETTERS[kind]}", *values)
        if len(packed) > 4:
            packed, behind = struct.pack(f"{order}I", behind_at + len(behind)), behind + packed + bytes(len(packed) % 2)
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    return struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", next_at) + behind


def _pieces(plane: np.ndarray[Any, Any], tile: int) -> list[np.ndarray[Any, Any]]:
    height, width, count = plane.shape
    if not tile:
        return [plane[top : top + _ROWS] for top in range(0, height, _ROWS)]
    padded = np.zeros((-(-height // tile) * tile, -(-width // tile) * tile, count), plane.dtype)
    padded[:height, :width] = plane
    rows, columns = range(0, padded.shape[0], tile), range(0, padded.shape[1], tile)
    return [padded[top : top + tile, left : left + tile] for top in rows for left in columns]


def _stored(piece: np.ndarray[Any, Any], bits: int, number: int, order: str) -> bytes:
    if number == 1 and bits not in (8, 16, 32):
        return b"".join(_packed(row.ravel(), bits, order) for row in piece)
    letter = {1: "u", 2: "i", 3: "f"}[number]
    return piece.astype(f"{order}{letter}{bits // 8}").tobytes()


def _packed(row: np.ndarray[Any, Any], bits: int, order: str) -> bytes:
    if bits == 24:
        return b"".join(int(value).to_bytes(3, "little" if order == "<" else "big") for value in row)
    digits = "".join(f"{int(value):0{bits}b}" for value in row)
    digits += "0" * (-len(digits) % 8)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")
