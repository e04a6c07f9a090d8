"""Shows libvips a TIFF with other tags: the same data as samples that it knows, or as plain bytes.

libtiff unpacks whatever is packed byte by byte, whatever the bytes mean. So nothing is unpacked here, and nothing is
copied: behind the file's own bytes another directory is given out, which the header then names.
"""

import io
import struct
from collections.abc import Sequence
from mmap import mmap

import pyvips

from dropcut.core import picture_refusals
from dropcut.core.formats.tiff_kind import BLACK_IS_ZERO, FLOAT, RGB, UNSIGNED, TiffKind
from dropcut.core.formats.tiff_tags import STRIPS, TILES, Tag
from dropcut.imaging import samples


def is_known_to_libvips(kind: TiffKind) -> bool:
    """Whether libvips knows the kind of number that the samples are."""
    return kind.bits in (8, 16, 32) and (kind.sample_format, kind.bits) != (FLOAT, 16)


def by_bytes(data: mmap, kind: TiffKind) -> pyvips.Image:
    """All samples of each pixel, of the kind of number that they are stored in."""
    if not is_known_to_libvips(kind):
        tile_bytes = kind.directory.number(Tag.TILE_WIDTH, 0) * _samples_of_plane(kind) * kind.bits // 8
        if not kind.is_byte_wise or kind.predictor != 1 or tile_bytes % 16:  # libtiff takes no other tiles
            raise picture_refusals.unsupported(
                f"a TIFF with samples of {kind.bits} bits in a compression or in tiles that do not fit them",
                "an 8-bit RGB TIFF, or as a JPEG or PNG",
            )
    if not kind.is_separate:
        return _plane(data, kind, 0, kind.samples)
    first, *others = (_plane(data, kind, number, 1) for number in range(kind.samples))
    return first.bandjoin(others) if others else first


def _samples_of_plane(kind: TiffKind) -> int:
    return 1 if kind.is_separate else kind.samples


def _plane(data: mmap, kind: TiffKind, number: int, count: int) -> pyvips.Image:
    """One plane of so many samples a pixel; a picture that is not separate is one plane."""
    tags = _tags_of_plane(kind, number, count)
    source = _WithOtherTags(data, kind, tags).source()
    image = pyvips.Image.tiffload_source(source, access="sequential", fail_on="error")
    image._references.append(source)  # pyvips keeps it for new_from_source only
    if not is_known_to_libvips(kind):
        image = samples.unpacked(image, bits=kind.bits, bands=count, is_little_endian=kind.directory.order == "<")
    return image.crop(0, 0, kind.width, kind.height)


def _tags_of_plane(kind: TiffKind, number: int, count: int) -> dict[int, Sequence[int]]:
    """Numbers by tag, for one plane as if it were a picture of its own: whole samples, or a grey one of bytes."""
    directory, is_whole = kind.directory, is_known_to_libvips(kind)
    offsets_tag, counts_tag = TILES if kind.is_tiled else STRIPS
    offsets, counts = directory.numbers(offsets_tag), directory.numbers(counts_tag)
    if kind.is_separate:
        each = len(offsets) // kind.samples
        offsets, counts = (values[number * each : (number + 1) * each] for values in (offsets, counts))

    def wide(pixels: int) -> int:
        return pixels if is_whole else -(-pixels * count * kind.bits // 8)

    tags: dict[int, Sequence[int]] = {
        Tag.WIDTH: [wide(kind.width)],
        Tag.HEIGHT: [kind.height],
        Tag.BITS_PER_SAMPLE: [kind.bits] * count if is_whole else [8],
        Tag.COMPRESSION: [kind.compression],
        Tag.PHOTOMETRIC: [RGB if is_whole and count >= _COLOURS else BLACK_IS_ZERO],
        Tag.FILL_ORDER: [directory.number(Tag.FILL_ORDER, 1)],
        Tag.SAMPLES_PER_PIXEL: [count if is_whole else 1],
        Tag.PLANAR_CONFIGURATION: [1],
        Tag.PREDICTOR: [kind.predictor],
        offsets_tag: offsets,
        counts_tag: counts,
    }
    if is_whole and count > _COLOURS:
        tags[Tag.EXTRA_SAMPLES] = [0] * (count - _COLOURS)
    if is_whole and kind.sample_format != UNSIGNED:
        tags[Tag.SAMPLE_FORMAT] = [kind.sample_format] * count
    if kind.is_tiled:
        tile = directory.number(Tag.TILE_WIDTH, 0)
        tags |= {Tag.TILE_WIDTH: [wide(tile)], Tag.TILE_LENGTH: [directory.number(Tag.TILE_LENGTH, 0)]}
        tags[Tag.WIDTH] = [wide(tile * -(-kind.width // max(tile, 1)))]
    else:
        tags[Tag.ROWS_PER_STRIP] = [min(directory.number(Tag.ROWS_PER_STRIP, kind.height), kind.height)]
    if tables := list(directory.content(Tag.JPEG_TABLES)):
        tags[Tag.JPEG_TABLES] = tables
    return tags


_COLOURS = 3
_BYTES, _SHORT, _LONG, _LONG8 = 7, 3, 4, 16
_PLACES = {*STRIPS, *TILES, Tag.WIDTH, Tag.HEIGHT, Tag.ROWS_PER_STRIP, Tag.TILE_WIDTH, Tag.TILE_LENGTH}


class _WithOtherTags:
    """A TIFF's bytes, followed by another directory that the header then names. Nothing is copied."""

    def __init__(self, data: mmap, kind: TiffKind, tags: dict[int, Sequence[int]]) -> None:
        order, is_big = kind.directory.order, kind.directory.is_big
        self._data = data
        self._gap = -len(data) % 8
        at = len(data) + self._gap
        self._head = data[:8] + struct.pack(f"{order}Q", at) if is_big else data[:4] + struct.pack(f"{order}I", at)
        self._tail = bytes(self._gap) + _directory(order, is_big, tags, at)
        self._position = 0

    def source(self) -> pyvips.SourceCustom:
        source = pyvips.SourceCustom()
        source.on_read(self._read)
        source.on_seek(self._seek)
        return source

    def _read(self, size: int) -> bytes:
        at, whole = self._position, len(self._data)
        if at < len(self._head):
            read = self._head[at : at + size]
        elif at < whole:
            read = self._data[at : at + size]
        else:
            read = self._tail[at - whole : at - whole + size]
        self._position += len(read)
        return read

    def _seek(self, offset: int, whence: int) -> int:
        size = len(self._data) + len(self._tail)
        self._position = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: size}[whence] + offset
        return self._position


def _directory(order: str, is_big: bool, tags: dict[int, Sequence[int]], at: int) -> bytes:
    """A TIFF directory and, behind it, what does not fit into its entries; `at` is where it will lie."""
    count_letter, entry_letters, room, offset_letter = ("Q", "HHQ", 8, "Q") if is_big else ("H", "HHI", 4, "I")
    size = struct.calcsize(f"{order}{count_letter}") + len(tags) * (struct.calcsize(f"{order}{entry_letters}") + room)
    behind_at = at + size + room
    entries, behind = b"", b""
    for tag, values in sorted(tags.items()):
        kind, letter = _SHORT, "H"
        if tag == Tag.JPEG_TABLES:
            kind, letter = _BYTES, "B"
        elif tag in _PLACES:
            kind, letter = (_LONG8, "Q") if is_big else (_LONG, "I")
        packed = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(packed) > room:
            packed, behind = struct.pack(f"{order}{offset_letter}", behind_at + len(behind)), behind + packed
            behind += bytes(-len(behind) % 8)
        entries += struct.pack(f"{order}{entry_letters}", tag, kind, len(values)) + packed.ljust(room, b"\0")
    return struct.pack(f"{order}{count_letter}", len(tags)) + entries + bytes(room) + behind
