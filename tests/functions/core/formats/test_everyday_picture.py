"""Only what every decoder reads, and reads alike, is sent with its own bytes."""

import zlib

import pytest
from dropcut.core.formats.everyday_picture import every_decoder_reads

from tests.functions.odd_photos import chunk, png, shown, zlib_stream
from tests.functions.pictures import picture

JPEG = picture("jpeg")
PIXELS = zlib_stream(shown())
PALETTE, TRANSPARENT = chunk(b"PLTE", bytes(3)), chunk(b"tRNS", bytes(6))


def with_frame(marker: int) -> bytes:
    return JPEG.replace(b"\xff\xc0", bytes([0xFF, marker]), 1)


def with_components(*numbers: int) -> bytes:
    at = JPEG.index(b"\xff\xc0") + 10
    changed = bytearray(JPEG)
    for place, number in enumerate(numbers):
        changed[at + 3 * place] = number
    return bytes(changed)


EVERYDAY = {
    "JPEG": JPEG,
    "JPEG progressive": picture("jpeg", progressive=True),
    "JPEG grey": picture("jpeg", mode="L"),
    "PNG": png(shown()),
    "PNG by Pillow": picture("png", mode="RGBA"),
    "PNG palette": picture("png", mode="P"),
    "PNG, transparency behind its palette": png(shown(), PALETTE, TRANSPARENT),
    "PNG in two parts": png(shown(), chunk(b"IDAT", PIXELS[:100]), stream=PIXELS[100:]),
    "PNG with text": png(shown(), chunk(b"tEXt", b"k\0v")),
    "WebP": picture("webp"),
}
RARE = {
    "JPEG, extended": with_frame(0xC1),
    "JPEG, arithmetic": with_frame(0xC9),
    "JPEG, arithmetic and progressive": with_frame(0xCA),
    "JPEG, lossless": with_frame(0xC3),
    "JPEG, CMYK": picture("jpeg", mode="CMYK"),
    "JPEG, RGB by its numbers": with_components(*b"RGB"),
    "JPEG, RGB by Adobe's marker": JPEG[:2] + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0" + JPEG[2:],
    "JPEG without a frame": b"\xff\xd8\xff\xd9",
    "PNG, wrong checksum": png(shown(), chunk(b"gAMA", bytes(4), is_right=False)),
    "PNG, wrong checksum of the pixels' chunk": png(shown(), idat_is_right=False),
    "PNG, wrong checksum of the pixels": png(shown(), stream=PIXELS[:-1] + b"?"),
    "PNG, words behind the pixels": png(shown(), stream=PIXELS + b"secret"),
    "PNG, words in a chunk of pixels behind": png(shown(), chunk(b"IDAT", PIXELS), stream=b"secret"),
    "PNG, pixels that do not end": png(shown(), stream=PIXELS[:-6]),
    "PNG, no pixels": png(shown()).replace(b"IDAT", b"iDAT"),
    "PNG, a gap between the pixels": png(
        shown(), chunk(b"IDAT", PIXELS[:9]), chunk(b"tEXt", b"k\0v"), stream=PIXELS[9:]
    ),
    "PNG, palette behind the pixels": png(shown(), chunk(b"IDAT", PIXELS[:9]), PALETTE, stream=PIXELS[9:]),
    "PNG, two palettes": png(shown(), PALETTE, PALETTE),
    "PNG, transparency before its palette": png(shown(), TRANSPARENT, PALETTE),
    "PNG without its end": png(shown())[:-12],
}


@pytest.mark.parametrize("kind", EVERYDAY)
def test_what_every_decoder_reads_may_go_as_it_is(kind: str) -> None:
    assert every_decoder_reads(EVERYDAY[kind])


@pytest.mark.parametrize("kind", RARE)
def test_what_only_some_decoders_read_may_not(kind: str) -> None:
    assert not every_decoder_reads(RARE[kind])


def test_a_decompressor_with_errors_of_its_own_may_be_used() -> None:
    class Other:
        eof, unused_data, unconsumed_tail = False, b"", b""

        def decompress(self, data: bytes, most: int) -> bytes:
            raise OSError("an error that zlib has not")

    assert not every_decoder_reads(png(shown()), Other)
    assert every_decoder_reads(png(shown()), zlib.decompressobj)
