"""Photos as few programs write them, each made of an ordinary one: other colours, wrong marks, missing marks.

All show the picture of photos_of_all_kinds (red in the upper left quarter, green elsewhere) when they are read right.
"""

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pillow_heif
from dropcut.core.formats.icc_profile import inverse, rgb_profile, times, to_xyz
from dropcut.core.formats.stated_colour import ADOBE_RGB, SRGB_PRIMARIES, StatedColour, by_code_points
from PIL import Image

from tests.functions.pictures import picture
from tests.functions.tiffs import directory

WIDTH, HEIGHT = 80, 64
P3, LINEAR, PQ, HLG = by_code_points(12, 13), StatedColour(transfer="gamma", gamma=1.0), (9, 16), (9, 18)


_P3_PROFILE = rgb_profile(P3)


def shown(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray[Any, Any]:
    """The picture, height x width x 3."""
    levels: np.ndarray[Any, Any] = np.asarray(
        Image.open(io.BytesIO(picture("png", width=width, height=height))).convert("RGB")
    )
    return levels


def coded(stated: StatedColour, levels: np.ndarray[Any, Any], *, most: int = 255) -> np.ndarray[Any, Any]:
    """sRGB's levels as this colour space writes them, from 0 to `most`."""
    part = levels / 255
    light = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    matrix = np.array(times(inverse(to_xyz(stated.primaries)), to_xyz(SRGB_PRIMARIES)))
    light = np.clip(light @ matrix.T, 0, None)
    stored = np.rint(most * _transfer(stated, light)).clip(0, most)
    levels_of_space: np.ndarray[Any, Any] = stored.astype(np.uint16 if most > 255 else np.uint8)
    return levels_of_space


def _transfer(stated: StatedColour, light: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    signal: np.ndarray[Any, Any] = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    if stated.transfer == "gamma":
        signal = light ** (1 / stated.gamma)
    elif stated.transfer == "pq":
        power = (light * 203 / 10_000) ** (2610 / 16_384)
        signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    elif stated.transfer == "hlg":
        brightness = (light * 203 / 1000) @ np.array(to_xyz(stated.primaries)[1])
        scene = light * 203 / 1000 * np.maximum(brightness, 1e-9)[..., None] ** (1 / 1.2 - 1)
        low, high = np.sqrt(3 * scene), 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        signal = np.where(scene <= 1 / 12, low, high)
    return signal


def chunk(kind: bytes, content: bytes, *, is_right: bool = True) -> bytes:
    checksum = zlib.crc32(kind + content) ^ (not is_right)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(levels: np.ndarray[Any, Any], *more: bytes, stream: bytes = b"", idat_is_right: bool = True) -> bytes:
    """A PNG of height x width x 3 bytes or shorts, with further chunks before the pixels.

    Args:
        stream: in place of the pixels' zlib stream.
    """
    height, width, _ = levels.shape
    rows = levels.astype(">u2" if levels.dtype == np.uint16 else "u1").reshape(height, -1).view(np.uint8)
    filtered = np.concatenate([np.zeros((height, 1), np.uint8), rows], 1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8 * levels.dtype.itemsize, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", stream or zlib.compress(filtered), is_right=idat_is_right)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(more) + pixels + chunk(b"IEND", b"")


def zlib_stream(levels: np.ndarray[Any, Any]) -> bytes:
    height = levels.shape[0]
    return zlib.compress(np.concatenate([np.zeros((height, 1), np.uint8), levels.reshape(height, -1)], 1).tobytes())


def wrong_adler() -> bytes:
    stream = zlib_stream(shown())
    return png(shown(), stream=stream[:-1] + bytes([stream[-1] ^ 1]))


def small_window() -> bytes:
    """zlib's header promises 256 bytes, and what is repeated lies further back."""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT // 2, WIDTH, 3), dtype=np.uint8)
    stream = zlib_stream(np.concatenate([noise, noise]))
    return png(shown(), stream=b"\x08\x1d" + stream[2:])


def chromaticities(stated: StatedColour) -> bytes:
    places = [*stated.primaries[6:], *stated.primaries[:6]]
    return chunk(b"cHRM", struct.pack(">8I", *(round(100_000 * place) for place in places)))


def gamma(exponent: float, *, is_right: bool = True) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(100_000 / exponent)), is_right=is_right)


def cicp(primaries: int, transfer: int) -> bytes:
    return chunk(b"cICP", bytes([primaries, transfer, 0, 1]))


def exif_of_adobe_rgb() -> bytes:
    """EXIF whose interoperability index is R03, as cameras write it that are set to Adobe RGB."""
    first = directory({34665: (4, [26])}, at=8)
    camera = directory({40965: (4, [44])}, at=26)
    index = directory({1: (7, b"R03\0"), 2: (7, b"0100")}, at=44)
    return b"Exif\0\0II*\0\x08\0\0\0" + first + camera + index


def adobe_rgb(kind: str) -> bytes:
    encoded = io.BytesIO()
    options: dict[str, Any] = {"quality": 95, "subsampling": 0} if kind == "jpeg" else {"lossless": True}
    Image.fromarray(coded(ADOBE_RGB, shown())).save(encoded, kind, exif=exif_of_adobe_rgb(), **options)
    return encoded.getvalue()


def heic(stated: StatedColour, code_points: tuple[int, int], *, bits: int = 10) -> bytes:
    levels = coded(stated, shown(), most=65_535 if bits > 8 else 255)
    mode = "RGB;16" if bits > 8 else "RGB"
    made = pillow_heif.from_bytes(mode=mode, size=(WIDTH, HEIGHT), data=levels.tobytes())
    encoded = io.BytesIO()
    primaries, transfer = code_points
    made.save(encoded, quality=-1, chroma=444, color_primaries=primaries, transfer_characteristics=transfer)
    return encoded.getvalue()


def grey_heic() -> bytes:
    levels = (shown()[:, :, 1].astype(np.uint16) * 257).tobytes()
    encoded = io.BytesIO()
    pillow_heif.from_bytes(mode="I;16", size=(WIDTH, HEIGHT), data=levels).save(encoded, quality=-1)
    return encoded.getvalue()


def avif(stated: StatedColour, code_points: tuple[int, int]) -> bytes:
    """Of 8 bits; what its header says is written into it afterwards."""
    encoded = io.BytesIO()
    Image.fromarray(coded(stated, shown())).save(encoded, "avif", quality=100, subsampling="4:4:4")
    content = encoded.getvalue()
    at = content.index(b"colrnclx") + 8
    return content[:at] + struct.pack(">HH", *code_points) + content[at + 4 :]


def premultiplied_avif() -> bytes:
    encoded = io.BytesIO()
    half = np.concatenate([shown(), np.full((HEIGHT, WIDTH, 1), 128, np.uint8)], -1)
    Image.fromarray(half).save(encoded, "avif", quality=100, subsampling="4:4:4", alpha_premultiplied=True)
    return encoded.getvalue()


def gif_on_a_larger_canvas() -> bytes:
    """The picture as a frame at 10, 6 of a canvas of 100 x 80."""
    encoded = io.BytesIO()
    Image.fromarray(shown()).save(encoded, "gif")
    content = bytearray(encoded.getvalue())
    struct.pack_into("<2H", content, 6, 100, 80)
    at = content.index(b",\0\0\0\0" + struct.pack("<2H", WIDTH, HEIGHT))
    struct.pack_into("<2H", content, at + 1, 10, 6)
    return bytes(content)


def bmp_of_fields(masks: tuple[int, ...], *, bits: int = 32, top_first: bool = False) -> bytes:
    """A BMP whose pixels are fields of bits at these places: red, green, blue, and alpha, which is opaque."""
    levels = np.concatenate([shown(), np.full((HEIGHT, WIDTH, 1), 255, np.uint8)], -1).astype(np.int64)
    stored = np.zeros((HEIGHT, WIDTH), np.int64)
    for band, mask in enumerate(masks):
        lowest = mask & -mask
        stored |= np.rint(levels[:, :, band] / 255 * (mask // lowest)).astype(np.int64) * lowest
    rows = (stored if top_first else stored[::-1]).astype("<u4" if bits == 32 else "<u2").tobytes()
    header = struct.pack(
        "<IiiHHIIiiII", 108, WIDTH, -HEIGHT if top_first else HEIGHT, 1, bits, 3, len(rows), 0, 0, 0, 0
    )
    header += struct.pack("<4I", *masks, *[0] * (4 - len(masks))) + b"BGRs" + bytes(48)
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(rows), 0, 0, 14 + len(header)) + header + rows


def jpeg_with_words_behind_its_scan() -> bytes:
    plain = picture("jpeg")
    return plain[:-2] + b"secret words behind the scan" + plain[-2:]


def jpeg_of_12_bits() -> bytes:
    """As its header says; nothing else has to be true for that to be seen."""
    plain = bytearray(picture("jpeg"))
    plain[plain.index(b"\xff\xc0") + 4] = 12
    return bytes(plain)


def pixels_of_apple() -> bytes:
    plain = picture("png")
    return plain[:8] + chunk(b"CgBI", b"P\0\x20\6") + plain[8:]


COLOURED: Mapping[str, Callable[[], bytes]] = {
    "JPEG, Adobe RGB by EXIF": lambda: adobe_rgb("jpeg"),
    "WebP, Adobe RGB by EXIF": lambda: adobe_rgb("webp"),
    "PNG, cICP Display P3": lambda: png(coded(P3, shown()), cicp(12, 13)),
    "PNG, cICP before ICC": lambda: png(
        coded(P3, shown()), cicp(12, 13), chunk(b"iCCP", b"x\0\0" + zlib.compress(rgb_profile(ADOBE_RGB)))
    ),
    "PNG, linear by gAMA": lambda: png(coded(LINEAR, shown(), most=65_535), gamma(1.0)),
    "PNG, Adobe RGB by gAMA and cHRM": lambda: png(
        coded(ADOBE_RGB, shown()), gamma(ADOBE_RGB.gamma), chromaticities(ADOBE_RGB)
    ),
    "AVIF, Display P3 by nclx": lambda: avif(P3, (12, 13)),
    "HEIC, Display P3 by nclx": lambda: heic(P3, (12, 13), bits=8),
    "HEIC, BT.2020 by nclx": lambda: heic(by_code_points(9, 13), (9, 13)),
}
"""Colours stated by other means than a profile."""
BRIGHT: Mapping[str, Callable[[], bytes]] = {
    "PNG, PQ by cICP": lambda: png(coded(by_code_points(*PQ), shown(), most=65_535), cicp(*PQ)),
    "PNG, PQ by cICP before ICC": lambda: png(
        coded(by_code_points(*PQ), shown(), most=65_535),
        cicp(*PQ),
        chunk(b"iCCP", b"x\0\0" + zlib.compress(_P3_PROFILE)),
    ),
    "PNG, HLG by cICP": lambda: png(coded(by_code_points(*HLG), shown(), most=65_535), cicp(*HLG)),
    "HEIC, PQ": lambda: heic(by_code_points(*PQ), PQ),
    "HEIC, HLG": lambda: heic(by_code_points(*HLG), HLG),
    "AVIF, PQ": lambda: avif(by_code_points(*PQ), PQ),
}
"""Made for screens that are brighter than white."""
DELIVERED: Mapping[str, Callable[[], bytes]] = {
    "PNG, checksum of the pixels' chunk wrong": lambda: png(shown(), idat_is_right=False),
    "PNG, checksum of the pixels wrong": wrong_adler,
    "PNG, checksum of gAMA wrong": lambda: png(shown(), gamma(1.0, is_right=False)),
    "JPEG without its end": lambda: picture("jpeg", quality=95)[:-2],
    "JPEG with half of its end": lambda: picture("jpeg", quality=95)[:-1],
    "JPEG progressive without its end": lambda: picture("jpeg", quality=95, progressive=True)[:-2],
    "JPEG, words behind the scan": jpeg_with_words_behind_its_scan,
}
"""Whole pictures with wrong or missing marks."""
RARE: Mapping[str, Callable[[], bytes]] = {
    "AVIF, alpha multiplied in": premultiplied_avif,
    "BMP, fields RGBA": lambda: bmp_of_fields((0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "BMP, fields GBR": lambda: bmp_of_fields((0xFF0000, 0xFF, 0xFF00)),
    "BMP, fields of 10 bits": lambda: bmp_of_fields((0x3FF, 0xFFC00, 0x3FF00000), top_first=True),
    "BMP, 5-6-5 backwards": lambda: bmp_of_fields((0x1F, 0x7E0, 0xF800), bits=16),
}
UNREAD: Mapping[str, Callable[[], bytes]] = {
    "a JPEG of 12 bits": jpeg_of_12_bits,
    "CgBI": pixels_of_apple,
    "a hierarchical JPEG": lambda: picture("jpeg").replace(b"\xff\xc0", b"\xff\xc5", 1),
    "a lossless JPEG": lambda: picture("jpeg").replace(b"\xff\xc0", b"\xff\xc3", 1),
}
"""By what is named when they are refused."""
