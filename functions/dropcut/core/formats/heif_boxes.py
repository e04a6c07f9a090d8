"""Reads from HEIC and AVIF what says how colours and alpha are meant.

Source: ISO/IEC 14496-12 (boxes), 23008-12 (items, their properties and references).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from dropcut.core.formats.stated_colour import StatedColour, by_code_points
from dropcut.core.formats.tiff_tags import Data

_MOST_BOXES = 65_536


@dataclass(frozen=True)
class HeifColour:
    """Of the primary picture."""

    stated: StatedColour | None
    has_profile: bool
    is_premultiplied: bool


def heif_colour(data: Data) -> HeifColour:
    """What the boxes say; damage counts as nothing said, which a decoder will notice."""
    try:
        return _read(data)
    except (struct.error, IndexError):
        return HeifColour(None, has_profile=False, is_premultiplied=False)


def coded_items(data: Data, kind: bytes) -> list[tuple[int, int]]:
    """Begin and end of each piece of the items of a kind (`hvc1`) that lies in the file; none if the boxes are odd."""
    try:
        (at, end) = next((place for name, *place in _boxes(data, 0, len(data)) if name == b"meta"), (0, 0))
        inside = {name: (begin, until) for name, begin, until in _boxes(data, at + 4, end)}
        if b"iinf" not in inside or b"iloc" not in inside:
            return []
        items = _items_of(data, kind, *inside[b"iinf"])
        return [(begin, until) for item, begin, until in _pieces(data, inside[b"iloc"][0]) if item in items]
    except (struct.error, IndexError):
        return []


def primary_size(data: Data) -> tuple[int, int]:
    """Width and height of the primary picture, as stored; zeros when its boxes do not say (23008-12, 6.5.3: `ispe`)."""
    try:
        mine, _ = _primary_properties(data)
        spatial = next((each for each in mine if each.startswith(b"ispe")), b"")
        width, height = struct.unpack_from(">II", spatial, 8)
    except (struct.error, IndexError):
        return 0, 0
    return width, height


def _items_of(data: Data, kind: bytes, at: int, end: int) -> set[int]:
    found = set()
    for name, begin, _ in _boxes(data, at + (8 if data[at] else 6), end):
        version = data[begin]
        if name == b"infe" and version in (2, 3):
            letters = ">HH4s" if version == 2 else ">IH4s"
            number, _, its_kind = struct.unpack_from(letters, data, begin + 4)
            if its_kind == kind:
                found.add(number)
    return found


def _pieces(data: Data, at: int) -> Iterator[tuple[int, int, int]]:
    """Item, begin and end of each piece that lies in the file itself (ISO/IEC 14496-12, 8.11.3)."""
    version = data[at]
    offset_size, length_size = data[at + 4] >> 4, data[at + 4] & 15
    base_size, index_size = data[at + 5] >> 4, data[at + 5] & 15 if version else 0
    wide = version == 2
    (count,) = struct.unpack_from(">I" if wide else ">H", data, at + 6)
    at += 10 if wide else 8

    def number(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(data[at - size : at], "big")

    for _ in range(min(count, _MOST_BOXES)):
        item = number(4 if wide else 2)
        method = number(2) & 15 if version else 0
        number(2)
        base = number(base_size)
        for _ in range(number(2)):
            number(index_size)
            begin = base + number(offset_size)
            length = number(length_size)
            if method == 0 and begin + length <= len(data):
                yield item, begin, begin + length


def _read(data: Data) -> HeifColour:
    mine, properties = _primary_properties(data)
    colours = [each[4:] for each in mine if each.startswith(b"colr")] or [
        each[4:] for each in properties if each.startswith(b"colr")
    ]
    nclx = next((each for each in colours if each.startswith(b"nclx")), None)
    primary, inside = _primary(data)
    return HeifColour(
        by_code_points(*struct.unpack_from(">HH", nclx, 4)) if nclx else None,
        has_profile=any(each[:4] in (b"prof", b"rICC") for each in colours),
        is_premultiplied=b"iref" in inside and primary in _premultiplied(data, *inside[b"iref"]),
    )


def _primary(data: Data) -> tuple[int, dict[bytes, tuple[int, int]]]:
    """The primary item's number, and where each box inside of `meta` is."""
    (at, end) = next((place for name, *place in _boxes(data, 0, len(data)) if name == b"meta"), (0, 0))
    inside = {name: (begin, until) for name, begin, until in _boxes(data, at + 4, end)}
    return _number(data, inside[b"pitm"][0]) if b"pitm" in inside else 0, inside


def _primary_properties(data: Data) -> tuple[list[bytes], list[bytes]]:
    """The primary item's properties, and those of all items: the name of each, and what it begins with."""
    primary, inside = _primary(data)
    properties: list[bytes] = []
    mine: list[bytes] = []
    if b"iprp" in inside:
        parts = {name: (begin, until) for name, begin, until in _boxes(data, *inside[b"iprp"])}
        if b"ipco" in parts:
            properties = [name + data[begin:until][:32] for name, begin, until in _boxes(data, *parts[b"ipco"])]
        if b"ipma" in parts:
            mine = [properties[number - 1] for number in _properties_of(data, primary, *parts[b"ipma"]) if number]
    return mine, properties


def _boxes(data: Data, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of what is inside of each box between two places."""
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        size, name = struct.unpack_from(">I4s", data, at)
        begin = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, begin)
            begin += 8
        until = end if size == 0 else at + size
        if until < begin or until > end:
            return
        yield name, begin, until
        at = until


def _number(data: Data, at: int) -> int:
    """An item's number behind a full box's version, in the length of that version."""
    return int(struct.unpack_from(">I" if data[at] else ">H", data, at + 4)[0])


def _properties_of(data: Data, item: int, at: int, _end: int) -> list[int]:
    version, is_wide = data[at], data[at + 3] & 1
    (count,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    for _ in range(min(count, _MOST_BOXES)):
        number, many = struct.unpack_from(">IB" if version else ">HB", data, at)
        at += 5 if version else 3
        letters = f">{many}{'H' if is_wide else 'B'}"
        found = struct.unpack_from(letters, data, at)
        at += struct.calcsize(letters)
        if number == item:
            return [value & (0x7FFF if is_wide else 0x7F) for value in found]
    return []


def _premultiplied(data: Data, at: int, end: int) -> set[int]:
    """The items whose alpha is multiplied into them (reference `prem`)."""
    letter = ">I" if data[at] else ">H"
    return {
        int(struct.unpack_from(letter, data, begin)[0])
        for name, begin, _ in _boxes(data, at + 4, end)
        if name == b"prem"
    }
