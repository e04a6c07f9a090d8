"""Reads the tags of a TIFF, of all its directories, wherever they lie; EXIF is written the same way.

Source: TIFF 6.0, part 1; BigTIFF's longer offsets; TIFF tech note 1 (sub-directories).
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from mmap import mmap

Data = bytes | mmap
Number = int | float

_CODES = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_CODES |= {16: "Q", 17: "q", 18: "Q"}
"""struct's letter for each of TIFF's types but the two rationals."""
_RATIONALS = {5: "I", 10: "i"}

_MOST_DIRECTORIES = 4096
_MOST_VALUES = 4_000_000


class Tag(IntEnum):
    """Numbers of TIFF's tags, and of those of EXIF and DNG that are looked at."""

    NEW_SUBFILE_TYPE = 254
    WIDTH = 256
    HEIGHT = 257
    BITS_PER_SAMPLE = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES_PER_PIXEL = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTE_COUNTS = 279
    PLANAR_CONFIGURATION = 284
    PREDICTOR = 317
    TILE_WIDTH = 322
    TILE_LENGTH = 323
    TILE_OFFSETS = 324
    TILE_BYTE_COUNTS = 325
    SUB_DIRECTORIES = 330
    INK_SET = 332
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    JPEG_TABLES = 347
    EXIF = 34665
    ICC_PROFILE = 34675
    INTEROPERABILITY = 40965
    DNG_VERSION = 50706


STRIPS = Tag.STRIP_OFFSETS, Tag.STRIP_BYTE_COUNTS
TILES = Tag.TILE_OFFSETS, Tag.TILE_BYTE_COUNTS
"""Where the pieces of the pixels' data lie, and how long each is."""


class NotTiffError(ValueError):
    """The bytes are no TIFF, or what is asked for lies outside of them."""


@dataclass(frozen=True)
class Entry:
    """One tag of a directory, not yet read."""

    kind: int
    count: int
    at: int
    """Where its values lie."""


@dataclass(frozen=True)
class Directory:
    """The tags of one picture, or of a part of EXIF."""

    data: Data
    order: str
    """struct's sign: `<` or `>`."""
    is_big: bool
    entries: Mapping[int, Entry]
    next_at: int
    """Where the following directory lies; 0 when this is the last."""

    def values(self, tag: int) -> tuple[Number, ...]:
        """All values of a tag, none when it is missing. Rationals are divided.

        Raises:
            NotTiffError: they lie outside of the file, or are of no kind of number.
        """
        entry = self.entries.get(tag)
        if entry is None:
            return ()
        if entry.count > _MOST_VALUES:
            raise NotTiffError(f"Tag {tag} has {entry.count} values.")
        try:
            if entry.kind in _RATIONALS:
                letters = f"{self.order}{2 * entry.count}{_RATIONALS[entry.kind]}"
                pairs = struct.unpack_from(letters, self.data, entry.at)
                return tuple(pairs[at] / (pairs[at + 1] or 1) for at in range(0, len(pairs), 2))
            return struct.unpack_from(f"{self.order}{entry.count}{_CODES[entry.kind]}", self.data, entry.at)
        except (struct.error, KeyError) as error:
            raise NotTiffError(f"Tag {tag} lies outside of the file.") from error

    def number(self, tag: int, default: int) -> int:
        """The first value of a tag."""
        values = self.values(tag)
        return int(values[0]) if values else default

    def numbers(self, tag: int) -> list[int]:
        return [int(value) for value in self.values(tag)]

    def content(self, tag: int) -> bytes:
        """The bytes of a tag; none when it is missing or is no row of bytes."""
        try:
            return bytes(self.numbers(tag))
        except ValueError:
            return b""


def pages(data: Data) -> Iterator[Directory]:
    """The directories that follow each other, the first one first; a circle ends where it closes.

    Raises:
        NotTiffError: at the first step, when there is not even one.
    """
    order, is_big = _header(data)
    (at,) = struct.unpack_from(f"{order}Q", data, 8) if is_big else struct.unpack_from(f"{order}I", data, 4)
    seen: set[int] = set()
    while at and at not in seen and len(seen) < _MOST_DIRECTORIES:
        seen.add(at)
        try:
            directory = _directory(data, order, is_big, at)
        except struct.error as error:
            if len(seen) == 1:
                raise NotTiffError("The first directory lies outside of the file.") from error
            return
        yield directory
        at = directory.next_at


def everything(data: Data) -> Iterator[Directory]:
    """The pages, and the sub-directories of each, at any depth.

    Raises:
        NotTiffError: as `pages`, or where the list of sub-directories lies outside of the file.
    """
    waiting, seen = list(pages(data)), set[int]()
    while waiting and len(seen) < _MOST_DIRECTORIES:
        directory = waiting.pop(0)
        yield directory
        for at in directory.numbers(Tag.SUB_DIRECTORIES):
            if at not in seen:
                seen.add(at)
                found = below(directory, at)
                waiting += [found] if found else []


def below(directory: Directory, at: int) -> Directory | None:
    """The directory at a place that this one names; None when it lies outside of the file."""
    try:
        return _directory(directory.data, directory.order, directory.is_big, at) if at else None
    except struct.error:
        return None


def _header(data: Data) -> tuple[str, bool]:
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 16:
        raise NotTiffError("The bytes are no TIFF.")
    (version,) = struct.unpack_from(f"{order}H", data, 2)
    if version not in (42, 43):
        raise NotTiffError(f"The bytes are a TIFF of version {version}.")
    return order, version == 43


def _directory(data: Data, order: str, is_big: bool, at: int) -> Directory:
    count_letter, entry_letters, offset_letter = ("Q", "HHQ", "Q") if is_big else ("H", "HHI", "I")
    (count,) = struct.unpack_from(order + count_letter, data, at)
    count = min(count, 4096)
    size = 20 if is_big else 12
    room = 8 if is_big else 4
    first = at + struct.calcsize(order + count_letter)
    entries: dict[int, Entry] = {}
    for place in range(first, first + size * count, size):
        tag, kind, many = struct.unpack_from(order + entry_letters, data, place)
        values_at = place + size - room
        if many * _size(kind) > room:
            (values_at,) = struct.unpack_from(order + offset_letter, data, values_at)
        entries.setdefault(tag, Entry(kind, many, values_at))
    end = first + size * count
    next_at = struct.unpack_from(order + offset_letter, data, end)[0] if end + room <= len(data) else 0
    return Directory(data, order, is_big, entries, next_at)


def _size(kind: int) -> int:
    if kind in _RATIONALS:
        return 8
    return struct.calcsize("<" + _CODES.get(kind, "B"))
