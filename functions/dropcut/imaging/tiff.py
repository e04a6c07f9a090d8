"""Reads TIFF: what libvips reads right by libvips, and the rest as bytes of which the samples are made here.

libtiff unpacks whatever is packed; but what libvips makes of samples that have neither 8 nor 16 bits, of Lab, and of
planes in tiles, is an error or a guess. So it is shown such a file with other tags: the same data as plain bytes.
"""

import io
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from mmap import ACCESS_READ, mmap
from pathlib import Path

import pyvips

from dropcut.core import picture_refusals
from dropcut.core.formats.exif import says_adobe_rgb
from dropcut.core.formats.icc_profile import rgb_profile
from dropcut.core.formats.stated_colour import ADOBE_RGB
from dropcut.core.formats.tiff_kind import (
    BLACK_IS_ZERO,
    CIELAB,
    CMYK,
    FLOAT,
    ICCLAB,
    PALETTE,
    RGB,
    UNSIGNED,
    WHITE_IS_ZERO,
    YCBCR,
    TiffKind,
    tiff_kind,
)
from dropcut.core.formats.tiff_tags import NotTiffError
from dropcut.core.picture_limits import PictureInfo
from dropcut.imaging import colour, samples

_PROFILE_TAG, _ORIENTATION_TAG = 34675, 274
_AS_ITS_DECODER_GIVES_IT = (PALETTE, YCBCR)
"""RGB of 8 bits."""


def tiff_info(path: Path) -> PictureInfo:
    """What the tags say; 8 bits for all that have no more."""
    with _mapped(path) as data:
        kind = tiff_kind(data)
        return PictureInfo(
            format="tiff",
            width=kind.width,
            height=kind.height,
            orientation=_orientation(kind),
            frames=kind.pages,
            bands=kind.samples,
            bits=max(8, kind.bits),
            interpretation=_INTERPRETATIONS.get(kind.photometric, "srgb"),
            has_alpha=kind.alpha is not None,
            has_profile=_PROFILE_TAG in kind.directory.entries,
        )


_INTERPRETATIONS = {BLACK_IS_ZERO: "b-w", WHITE_IS_ZERO: "b-w", CMYK: "cmyk", CIELAB: "lab", ICCLAB: "lab"}


def tiff(path: Path) -> pyvips.Image:
    """8 or 16 bits a sample, alpha straight and last, with profile and orientation attached.

    Raises:
        PictureRefusedError: it is a raw file, of a kind that is not read, or its tags are damaged.
    """
    data = _map(path)
    kind = tiff_kind(data)
    try:
        if kind.photometric in _AS_ITS_DECODER_GIVES_IT:
            image = _by_libvips(path, kind)
            return image[:3] if kind.photometric == YCBCR else image
        opened = partial(_by_libvips, path, kind) if _is_read_by_libvips(kind) else partial(_by_bytes, data, kind)
        return _described(_colours_and_alpha(opened, kind), kind)
    except (NotTiffError, struct.error) as error:  # or its numbers are larger than a tag's kind can be
        raise picture_refusals.damaged("its tags contradict each other") from error


@contextmanager
def _mapped(path: Path) -> Iterator[mmap]:
    with _map(path) as data:
        yield data


def _map(path: Path) -> mmap:
    with path.open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ)


def _orientation(kind: TiffKind) -> int:
    try:
        value = kind.directory.number(_ORIENTATION_TAG, 1)
    except NotTiffError:
        return 1  # the pixels are there all the same
    return value if 1 <= value <= 8 else 1


def _is_read_by_libvips(kind: TiffKind) -> bool:
    if kind.is_separate or kind.is_premultiplied:
        return False  # it divides alpha out of some kinds, without a word
    if kind.photometric in (CIELAB, ICCLAB):
        return kind.sample_format == FLOAT and kind.bits == 32
    if kind.bits in (1, 2, 4):
        return kind.samples == 1 and kind.sample_format == UNSIGNED
    return _is_whole(kind)


def _is_whole(kind: TiffKind) -> bool:
    """Whether libvips knows the kind of number that the samples are."""
    return kind.bits in (8, 16, 32) and (kind.sample_format, kind.bits) != (FLOAT, 16)


def _by_libvips(path: Path, kind: TiffKind) -> pyvips.Image:
    return pyvips.Image.tiffload(str(path), page=kind.page, access="sequential", fail_on="error")


# ---- the file with other tags


def _by_bytes(data: mmap, kind: TiffKind) -> pyvips.Image:
    """All samples of each pixel, of the kind of number that they are stored in."""
    if not _is_whole(kind):
        tile_bytes = kind.directory.number(322, 0) * _samples_of_plane(kind) * kind.bits // 8
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
    if not _is_whole(kind):
        image = samples.unpacked(image, bits=kind.bits, bands=count, is_little_endian=kind.directory.order == "<")
    return image.crop(0, 0, kind.width, kind.height)


def _tags_of_plane(kind: TiffKind, number: int, count: int) -> dict[int, Sequence[int]]:
    """Numbers by tag, for one plane as if it were a picture of its own: whole samples, or a grey one of bytes."""
    directory, is_whole = kind.directory, _is_whole(kind)
    offsets_tag, counts_tag = (324, 325) if kind.is_tiled else (273, 279)
    offsets, counts = directory.numbers(offsets_tag), directory.numbers(counts_tag)
    if kind.is_separate:
        each = len(offsets) // kind.samples
        offsets, counts = (values[number * each : (number + 1) * each] for values in (offsets, counts))

    def wide(pixels: int) -> int:
        return pixels if is_whole else -(-pixels * count * kind.bits // 8)

    tags: dict[int, Sequence[int]] = {
        256: [wide(kind.width)],
        257: [kind.height],
        258: [kind.bits] * count if is_whole else [8],
        259: [kind.compression],
        262: [RGB if is_whole and count >= RGB_SAMPLES else BLACK_IS_ZERO],
        266: [directory.number(266, 1)],
        277: [count if is_whole else 1],
        284: [1],
        317: [kind.predictor],
        offsets_tag: offsets,
        counts_tag: counts,
    }
    if is_whole and count > RGB_SAMPLES:
        tags[338] = [0] * (count - RGB_SAMPLES)
    if is_whole and kind.sample_format != UNSIGNED:
        tags[339] = [kind.sample_format] * count
    if kind.is_tiled:
        tile = directory.number(322, 0)
        tags |= {322: [wide(tile)], 323: [directory.number(323, 0)]}
        tags[256] = [wide(tile * -(-kind.width // max(tile, 1)))]
    else:
        tags[278] = [min(directory.number(278, kind.height), kind.height)]
    if tables := list(directory.content(347)):
        tags[347] = tables
    return tags


RGB_SAMPLES = 3
_BYTES, _SHORT, _LONG, _LONG8 = 7, 3, 4, 16
_PLACES = {273, 279, 324, 325, 256, 257, 278, 322, 323}


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
        if tag == 347:
            kind, letter = _BYTES, "B"
        elif tag in _PLACES:
            kind, letter = (_LONG8, "Q") if is_big else (_LONG, "I")
        packed = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(packed) > room:
            packed, behind = struct.pack(f"{order}{offset_letter}", behind_at + len(behind)), behind + packed
            behind += bytes(-len(behind) % 8)
        entries += struct.pack(f"{order}{entry_letters}", tag, kind, len(values)) + packed.ljust(room, b"\0")
    return struct.pack(f"{order}{count_letter}", len(tags)) + entries + bytes(room) + behind


# ---- what the samples mean


def _colours_and_alpha(opened: Callable[[], pyvips.Image], kind: TiffKind) -> pyvips.Image:
    """8 or 16 bits, or Lab; a note attached where the range had to be looked for."""
    image = opened()
    if kind.photometric in (CIELAB, ICCLAB):
        return _lab(image, kind)
    alpha_at = kind.alpha if kind.alpha is not None and kind.alpha < image.bands else None
    levels, note = _levels(opened, image, kind)
    if kind.photometric == WHITE_IS_ZERO and not _is_read_by_libvips(kind):
        levels = levels.invert()
    found = levels[: kind.colours]
    if alpha_at is not None:
        found = found.bandjoin(levels[alpha_at])
    found = found.copy(interpretation=_name(kind, found))
    if alpha_at is not None and kind.is_premultiplied:
        found = found.unpremultiply().rint().cast(levels.format).copy(interpretation=found.interpretation)
    return colour.with_note(found, note)


def _name(kind: TiffKind, levels: pyvips.Image) -> str:
    is_deep = levels.format == "ushort"
    if kind.colours == 1:
        return "grey16" if is_deep else "b-w"
    if kind.photometric == CMYK:
        return "cmyk"
    return "rgb16" if is_deep else "srgb"


def _levels(opened: Callable[[], pyvips.Image], image: pyvips.Image, kind: TiffKind) -> tuple[pyvips.Image, str]:
    """8 or 16 bits for the whole range, and a note on how that was found out."""
    if kind.sample_format != UNSIGNED or kind.bits == 32:
        has_profile = _PROFILE_TAG in kind.directory.entries
        return samples.in_range(opened, colours=kind.colours, alpha=kind.alpha, has_profile=has_profile)
    is_stretched = kind.bits in (8, 16) or _is_read_by_libvips(kind)
    return (image if is_stretched else samples.stretched(image, bits=kind.bits)), ""


def _lab(image: pyvips.Image, kind: TiffKind) -> pyvips.Image:
    """8-bit sRGB. Lab is white at 100, 0, 0 whatever its white point."""
    if kind.sample_format != FLOAT:
        image = samples.lab(image[:3], bits=kind.bits, is_icc=kind.photometric == ICCLAB)
    return image[:3].copy(interpretation="lab").colourspace("srgb")


def _described(image: pyvips.Image, kind: TiffKind) -> pyvips.Image:
    """With the profile and the orientation that the tags say."""
    image = image.copy()
    if kind.photometric in (CIELAB, ICCLAB):
        image.remove(colour.PROFILE)
    elif profile := kind.directory.content(_PROFILE_TAG):
        image.set_type(pyvips.GValue.blob_type, colour.PROFILE, profile)
    elif kind.photometric == RGB and says_adobe_rgb(kind.directory):
        image.set_type(pyvips.GValue.blob_type, colour.PROFILE, rgb_profile(ADOBE_RGB))
    image.set_type(pyvips.GValue.gint_type, "orientation", _orientation(kind))
    return image
