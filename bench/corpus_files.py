"""The files of the corpus: each format, mode, depth, profile and orientation, each limit and one beside it, damage.

Generated, the same ones each time.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from random import Random
from typing import Any, Literal

import numpy as np
from PIL import Image

from tests.functions import odd_photos
from tests.functions.photos_of_all_kinds import (
    BLACK_AND_WHITE_KINDS,
    GREY_KINDS,
    KINDS,
    TRANSPARENT_KINDS,
    Make,
    animated,
    heic,
    pages,
    profile,
)
from tests.functions.pictures import picture
from tests.functions.tiffs import Values, gradient, tiff

Expected = Literal["delivered", "rejected", "either"]

_ALL_KINDS: Mapping[str, Make] = {
    **KINDS,
    **GREY_KINDS,
    **BLACK_AND_WHITE_KINDS,
    **{f"{kind}, transparent": make for kind, make in TRANSPARENT_KINDS.items()},
}


def _odd_tiffs() -> dict[str, Make]:
    """Every width of samples, each layout, float, signed, Lab, extra samples."""
    colours, grey = gradient(), gradient(1)
    layouts: dict[str, dict[str, Any]] = {
        "strips": {},
        "big-endian tiles": {"order": ">", "tile": 128, "compression": 8},
        "separate planes": {"separate": True},
        "separate tiles": {"separate": True, "tile": 128, "compression": 8},
    }
    made: dict[str, Make] = {}
    for layout, options in layouts.items():
        for bits in (*range(1, 17), 24, 32):
            levels = np.rint(colours / 255 * (2**bits - 1)).astype(np.int64)
            made[f"TIFF, {bits} bits, {layout}"] = partial(tiff, levels, bits=bits, **options)
            made[f"TIFF, grey, {bits} bits, {layout}"] = partial(
                tiff, levels[:, :, :1], bits=bits, photometric=1, **options
            )
        for bits in (16, 32, 64):
            made[f"TIFF, float of {bits} bits, {layout}"] = partial(
                tiff, grey / 255, bits=bits, number=3, photometric=1, **options
            )
        for bits in (8, 16, 32):
            signed = colours.astype(np.int64) << (bits - 8)
            made[f"TIFF, signed {bits} bits, {layout}"] = partial(
                tiff, signed - 2 ** (bits - 1), bits=bits, number=2, **options
            )
        for extra in (0, 1, 2):
            four = np.concatenate([colours // 2, np.full_like(grey, 128)], -1)
            made[f"TIFF, extra sample {extra}, {layout}"] = partial(tiff, four, extra=[extra], **options)
        for photometric, name in ((8, "CIELab"), (9, "ICCLab")):
            for bits in (8, 16):
                lab = colours.astype(np.int64) << (bits - 8)
                made[f"TIFF, {name}, {bits} bits, {layout}"] = partial(
                    tiff, lab, bits=bits, photometric=photometric, **options
                )
    return made


_ODD_KINDS: Mapping[str, Make] = {
    **odd_photos.COLOURED,
    **odd_photos.BRIGHT,
    **odd_photos.RARE,
    "HEIC, grey of 10 bits": odd_photos.grey_heic,
    "GIF on a larger canvas": odd_photos.gif_on_a_larger_canvas,
    **_odd_tiffs(),
}
_FLIPS, _FLIPS_IN_HEADER = 32, 12
KINDS_OF_ALL: Mapping[str, Make] = {**_ALL_KINDS, **_ODD_KINDS, **odd_photos.DELIVERED}
"""Every kind that is delivered, by its name."""
_ODD_FLIPS = 6
_HEADER_BYTES = 160
_FORMATS = ("jpeg", "png", "webp", "tiff", "bmp", "gif", "avif", "heic")


@dataclass(frozen=True)
class Case:
    """One file, and what is to become of it."""

    group: str
    name: str
    content: bytes
    expected: Expected


Planned = tuple[str, str, Make, Expected]
"""A case whose content is not made yet: making all takes longer than decoding a few."""


def corpus(*, every: int = 1, large: bool = True) -> Iterator[Case]:
    """All files, or every so many-th of each group; `large` ones take a second each."""
    groups = [
        _whole,
        _odd,
        _mended,
        _unread,
        _odd_cut_off,
        _odd_flipped,
        _cut_off,
        _flipped,
        _turned,
        _with_profiles,
        _sizes,
        _with_frames,
        _no_photos,
    ]
    for group in [*groups, *([_large_sizes] if large else [])]:
        for name_of_group, name, make, expected in islice(group(), 0, None, every):
            yield Case(name_of_group, name, make(), expected)


@cache
def _content(kind: str) -> bytes:
    return _ALL_KINDS[kind]()


def _whole() -> Iterator[Planned]:
    for kind in _ALL_KINDS:
        yield "format, mode, depth", kind, partial(_content, kind), "delivered"


def _odd() -> Iterator[Planned]:
    for kind, make in _ODD_KINDS.items():
        yield "rare kinds", kind, make, "delivered"


def _mended() -> Iterator[Planned]:
    for kind, make in odd_photos.DELIVERED.items():
        yield "wrong or missing marks", kind, make, "delivered"


def _unread() -> Iterator[Planned]:
    """Kinds that are refused by name."""
    for kind, make in odd_photos.UNREAD.items():
        yield "kinds that are not read", kind, make, "rejected"
    raw: list[dict[int, Values]] = [{50706: (7, [1, 4, 0, 0])}, {262: (3, [32803])}, {262: (3, [34892])}]
    others: list[dict[int, Values]] = [{259: (3, [number])} for number in (6, 34712, 34925, 50000)]
    for tags in [*raw, *others]:
        yield "kinds that are not read", f"TIFF, {tags}", partial(tiff, gradient(), more=tags), "rejected"


def _odd_cut_off() -> Iterator[Planned]:
    for kind, make in _ODD_KINDS.items():
        content = make()
        for tenth in (2, 5, 8):
            cut_off = content[: len(content) * tenth // 10]
            yield "rare kinds, cut off", f"{kind}, {tenth}/10", partial(bytes, cut_off), "rejected"


def _odd_flipped() -> Iterator[Planned]:
    for kind, make in [*_ODD_KINDS.items(), *odd_photos.DELIVERED.items()]:
        content, rng = make(), Random(kind)
        for number in range(_ODD_FLIPS):
            changed = bytearray(content)
            changed[-rng.randrange(1, min(len(content), _HEADER_BYTES if number % 2 else len(content)))] ^= 1 << number
            yield "rare kinds, flipped bytes", f"{kind}, {number}", partial(bytes, changed), "either"


def _cut_off() -> Iterator[Planned]:
    """At each tenth. What has several frames may be whole as far as it is used."""
    for kind in _ALL_KINDS:
        content = _content(kind)
        for tenth in range(10):
            end = min(len(content) * tenth // 10, len(content) - 16)
            expected: Expected = "either" if "animated" in kind or "pages" in kind else "rejected"
            yield "cut off at each tenth", f"{kind}, {tenth}/10", partial(bytes, content[:end]), expected


def _flipped() -> Iterator[Planned]:
    """One byte changed, anywhere or near the beginning; four of them at once every other time."""
    for kind in _ALL_KINDS:
        content, rng = _content(kind), Random(kind)
        for number in range(_FLIPS + _FLIPS_IN_HEADER):
            most = len(content) if number < _FLIPS else min(_HEADER_BYTES, len(content))
            changed = bytearray(content)
            for _ in range(1 + 3 * (number % 2)):
                changed[rng.randrange(most)] ^= rng.randrange(1, 256)
            yield "flipped bytes", f"{kind}, {number}", partial(bytes, changed), "either"


def _turned() -> Iterator[Planned]:
    for size in ((80, 64), (2400, 1900)):
        for kind in ("jpeg", "png", "webp", "tiff", "heic"):
            for orientation in range(10):
                if (kind, orientation) == ("tiff", 9):
                    continue  # TIFF's library refuses it by itself
                make = (
                    partial(heic, size=size, orientation=orientation)
                    if kind == "heic"
                    else partial(picture, kind, width=size[0], height=size[1], orientation=orientation)
                )
                yield "orientation", f"{kind}, {size}, {orientation}", make, "delivered"


def _with_profiles() -> Iterator[Planned]:
    profiles = {name: profile(name) for name in ("srgb", "p3", "cmyk", "sgrey")}
    profiles |= {"cut off": profiles["p3"][:200], "zeros": profiles["p3"][:128] + bytes(352), "nonsense": b"nonsense"}
    for kind in ("jpeg", "png", "webp", "tiff", "avif", "heic"):
        for mode in ("RGB", "L", "CMYK") if kind in ("jpeg", "tiff") else ("RGB", "L") if kind != "webp" else ("RGB",):
            for name, content in profiles.items():
                make = partial(heic if kind == "heic" else partial(picture, kind), mode=mode, icc_profile=content)
                yield "ICC profile", f"{kind}, {mode}, {name}", make, "delivered"


def _sizes() -> Iterator[Planned]:
    """The shortest side and one less, the longest thread."""
    for kind in _FORMATS:
        for size in ((64, 64), (63, 64), (64, 63), (65, 64), (1, 1), (64, 2000), (63, 2000), (2000, 64)):
            expected: Expected = "delivered" if min(size) >= 64 else "rejected"
            yield "smallest side", f"{kind}, {size}", partial(_plain, kind, size), expected


def _large_sizes() -> Iterator[Planned]:
    """The API's most pixels and one column more; what is narrow when it is shrunk; our own most pixels and one more."""
    for kind in _FORMATS:
        for size in ((2048, 2048), (2049, 2048)):
            yield "most pixels of the API", f"{kind}, {size}", partial(_plain, kind, size), "delivered"
    for kind in ("png", "tiff"):
        for size in ((64, 65_536), (64, 65_537), (66, 70_000)):
            expected: Expected = "rejected" if size == (66, 70_000) else "delivered"
            yield "threads", f"{kind}, {size}", partial(_plain, kind, size, mode="1"), expected
    for kind in ("jpeg", "png", "tiff", "bmp", "gif"):
        mode = "1" if kind in ("png", "tiff", "bmp") else "L"
        yield "our most pixels", f"{kind}, 120", partial(_plain, kind, (12_000, 10_000), mode=mode), "delivered"
        yield "our most pixels", f"{kind}, 120 + 1", partial(_plain, kind, (12_001, 10_000), mode=mode), "rejected"
    yield "our most pixels", "webp, 120", partial(_plain, "webp", (12_000, 10_000)), "delivered"
    yield "our most pixels", "webp, 120 + 1", partial(_plain, "webp", (12_001, 10_000)), "rejected"


def _plain(kind: str, size: tuple[int, int], *, mode: str = "RGB") -> bytes:
    if kind == "heic":
        return heic(size=size)
    return picture(kind, width=size[0], height=size[1], mode=mode, **({"method": 0} if kind == "webp" else {}))


def _with_frames() -> Iterator[Planned]:
    for name, make in (("gif", partial(animated, "gif")), ("webp", partial(animated, "webp")), ("tiff", pages)):
        for frames in (1, 2, 1000, 1001):
            yield "frames", f"{name}, {frames}", partial(make, frames), "rejected" if frames == 1001 else "delivered"


def _no_photos() -> Iterator[Planned]:
    rng = Random(0)
    files = {
        "nothing": b"",
        "text": b"Dear Sir or Madam,\n",
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' width='99' height='99'/>",
        "PDF": b"%PDF-1.4\n%\xe2\xe3\n",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n",
        "ImageMagick script": b"push graphic-context\nviewbox 0 0 99 99\npop graphic-context\n",
        "libvips": b"\x08\xf2\xa6\xb6" + bytes(200),
        "matrix": b"3 3\n1 2 3\n4 5 6\n7 8 9\n",
        "portable pixmap": b"P6\n99 99\n255\n" + bytes(3 * 99 * 99),
        "Photoshop": b"8BPS\0\1" + bytes(200),
        "video": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(200),
        "camera's raw file": b"II*\0\x10\0\0\0CR\2\0" + bytes(200),
        "PNG of 4 gigapixels": _png_of(65_535, 65_535),
        "PNG of no pixels": _png_of(0, 0),
        "PNG bomb": _png_bomb(),
        "GIF of 4 gigapixels": b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\2\2L\1\0;",
        "JPEG of 4 gigapixels": picture("jpeg").replace(b"\0\x40\0\x50", b"\xff\0\xff\0", 1),
        "TIFF that goes round in circles": _tiff_in_circles(),
    }
    for name, content in files.items():
        yield "no photo", name, partial(bytes, content), "delivered" if "in circles" in name else "rejected"
    for number in range(40):
        yield "no photo", f"noise {number}", partial(bytes, rng.randbytes(3000)), "rejected"
    for kind in _FORMATS:
        start = _plain(kind, (80, 64))[:32]
        for number in range(8):
            yield "no photo", f"{kind}, then noise {number}", partial(bytes, start + rng.randbytes(3000)), "either"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png_of(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"\0")) + _chunk(b"IEND", b"")


def _png_bomb() -> bytes:
    """Text that unpacks to a hundred times the file, in a picture of no size at all."""
    text = b"k\0\0" + zlib.compress(bytes(200_000_000))
    return _png_of(1, 1).replace(b"\0\0\0\0IEND", _chunk(b"zTXt", text) + b"\0\0\0\0IEND")


def _tiff_in_circles() -> bytes:
    """Its directory names itself as the next one. The first, all that is used, is a whole picture."""
    encoded = io.BytesIO()
    Image.new("L", (80, 64)).save(encoded, "tiff")
    content = bytearray(encoded.getvalue())
    (directory,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, directory)
    struct.pack_into("<I", content, directory + 2 + 12 * entries, directory)
    return bytes(content)
