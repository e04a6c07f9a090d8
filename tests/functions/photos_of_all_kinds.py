"""Photos in every format, mode and depth that is taken: red in the upper left quarter, green elsewhere, 80 x 64 pixels.

RenditionFile by Pillow, pillow-heif and libvips, whichever writes the kind.
"""

import io
from collections.abc import Callable, Sequence
from typing import Any

import pillow_heif
import pyvips
from PIL import Image

from tests.functions.pictures import ORIENTATION, picture

RED, GREEN = (200, 10, 10), (20, 120, 60)
WIDTH, HEIGHT = 80, 64

Make = Callable[[], bytes]


def by_vips(
    suffix: str, *, interpretation: str = "srgb", alpha: bool = False, icc_profile: bytes = b"", **options: Any
) -> bytes:
    image = pyvips.Image.black(WIDTH, HEIGHT, bands=3) + GREEN
    image = image.draw_rect(RED, 0, 0, WIDTH // 2, HEIGHT // 2, fill=True).cast("uchar").copy(interpretation="srgb")
    if alpha:
        image = image.bandjoin(255)
    image = image.colourspace(interpretation)
    if icc_profile:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc_profile)
    return bytes(image.write_to_buffer(suffix, **options))


def by_pillow(kind: str, *, size: tuple[int, int] = (WIDTH, HEIGHT), **options: Any) -> bytes:
    return picture(kind, width=size[0], height=size[1], **options)


def heic(
    *, mode: str = "RGB", size: tuple[int, int] = (WIDTH, HEIGHT), orientation: int = 1, bits: int = 8, **options: Any
) -> bytes:
    image = Image.open(io.BytesIO(picture("png", width=size[0], height=size[1], mode=mode)))
    encoded = io.BytesIO()
    if bits > 8:
        deep = bytes(byte for value in image.tobytes() for byte in (value, value))  # 0..255 -> 0..65535
        made = pillow_heif.from_bytes(mode=f"{mode};16", size=image.size, data=deep)
        made.save(encoded, quality=-1)
        return encoded.getvalue()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    pillow_heif.from_pillow(image).save(encoded, quality=90, exif=exif.tobytes(), **options)
    return encoded.getvalue()


def animated(kind: str, frames: int = 3, **options: Any) -> bytes:
    """The picture, then frames of blue, each another."""
    first = Image.open(io.BytesIO(picture("png")))
    others = [Image.new("RGB", (WIDTH, HEIGHT), (0, 0, 255 - 40 * (number % 6))) for number in range(frames - 1)]
    encoded = io.BytesIO()
    first.save(encoded, kind, save_all=True, append_images=others, **options)
    return encoded.getvalue()


def pages(frames: int = 3) -> bytes:
    return animated("tiff", frames)


def ycck() -> bytes:
    """A JPEG whose colours are stored as YCCK, inverted, as Photoshop does.

    Pillow writes CMYK inverted. If the Adobe marker says YCCK, the first three channels are Y, Cb and Cr. A decoder
    turns them into what it takes for C, M and Y.
    """
    cyan, magenta, yellow, black = Image.open(io.BytesIO(picture("jpeg", mode="CMYK", quality=95))).split()
    luma = Image.merge("RGB", (cyan, magenta, yellow)).convert("YCbCr").split()
    stored = [channel.point(lambda value: 255 - value) for channel in luma]
    encoded = io.BytesIO()
    Image.merge("CMYK", (*stored, black)).save(encoded, "jpeg", quality=95, subsampling=0)
    data = encoded.getvalue()
    transform = data.index(b"Adobe") + 11
    return data[:transform] + b"\2" + data[transform + 1 :]


def palette(kind: str, **options: Any) -> bytes:
    encoded = io.BytesIO()
    Image.open(io.BytesIO(picture("png"))).quantize(8).save(encoded, kind, **options)
    return encoded.getvalue()


KINDS: dict[str, Make] = {
    "JPEG": lambda: by_pillow("jpeg", quality=95, subsampling=0),
    "JPEG 4:2:0": lambda: by_pillow("jpeg", quality=95, subsampling=2),
    "JPEG progressive": lambda: by_pillow("jpeg", quality=95, progressive=True),
    "JPEG CMYK, Adobe-inverted": lambda: by_pillow("jpeg", mode="CMYK", quality=95),
    "JPEG YCCK, Adobe-inverted": ycck,
    "PNG": lambda: by_pillow("png"),
    "PNG palette": lambda: palette("png"),
    "PNG alpha": lambda: by_vips(".png", alpha=True),
    "PNG 16 bits": lambda: by_vips(".png", interpretation="rgb16"),
    "PNG 16 bits alpha": lambda: by_vips(".png", interpretation="rgb16", alpha=True),
    "PNG interlaced": lambda: by_vips(".png", interlace=True),
    "PNG palette 4 bits": lambda: by_vips(".png", palette=True, bitdepth=4),
    "WebP lossy": lambda: by_pillow("webp", quality=95),
    "WebP lossless": lambda: by_pillow("webp", lossless=True),
    "WebP alpha": lambda: by_vips(".webp", alpha=True, lossless=True),
    "WebP animated": lambda: animated("webp", lossless=True),
    "TIFF": lambda: by_pillow("tiff"),
    "TIFF palette": lambda: palette("tiff"),
    "TIFF alpha": lambda: by_vips(".tif", alpha=True),
    "TIFF LZW": lambda: by_pillow("tiff", compression="tiff_lzw"),
    "TIFF deflate, tiled": lambda: by_vips(".tif", compression="deflate", tile=True),
    "TIFF JPEG": lambda: by_vips(".tif", compression="jpeg", Q=95),
    "TIFF big": lambda: by_vips(".tif", bigtiff=True),
    "TIFF CMYK": lambda: by_pillow("tiff", mode="CMYK"),
    "TIFF Lab": lambda: by_vips(".tif", interpretation="lab"),
    "TIFF 16 bits": lambda: by_vips(".tif", interpretation="rgb16"),
    "TIFF 16 bits alpha": lambda: by_vips(".tif", interpretation="rgb16", alpha=True),
    "TIFF float": lambda: by_vips(".tif", interpretation="scrgb"),
    "TIFF pages": pages,
    "BMP": lambda: by_pillow("bmp"),
    "BMP palette": lambda: palette("bmp"),
    "GIF": lambda: by_pillow("gif"),
    "GIF animated": lambda: animated("gif"),
    "AVIF": lambda: by_vips(".avif", Q=90),
    "AVIF alpha": lambda: by_vips(".avif", Q=90, alpha=True),
    "AVIF 10 bits": lambda: by_vips(".avif", interpretation="rgb16", bitdepth=10, Q=90),
    "AVIF 12 bits": lambda: by_vips(".avif", interpretation="rgb16", bitdepth=12, Q=90),
    "HEIC": heic,
    "HEIC 10 bits": lambda: heic(bits=10),
}
"""What is in colour; each is to come out the same."""

GREY_KINDS: dict[str, Make] = {
    "JPEG grey": lambda: by_pillow("jpeg", mode="L", quality=95),
    "PNG grey": lambda: by_pillow("png", mode="L"),
    "PNG grey 16 bits": lambda: by_vips(".png", interpretation="grey16"),
    "TIFF grey": lambda: by_pillow("tiff", mode="L"),
    "TIFF grey 16 bits": lambda: by_vips(".tif", interpretation="grey16"),
    "BMP grey": lambda: by_pillow("bmp", mode="L"),
    "AVIF grey": lambda: by_vips(".avif", interpretation="b-w", Q=90),
    "HEIC grey": lambda: heic(mode="L"),
    "GIF grey": lambda: by_pillow("gif", mode="L"),
}

BLACK_AND_WHITE_KINDS: dict[str, Make] = {
    "PNG 1 bit": lambda: by_pillow("png", mode="1"),
    "TIFF 1 bit": lambda: by_pillow("tiff", mode="1"),
    "TIFF fax": lambda: by_pillow("tiff", mode="1", compression="group4"),
    "BMP 1 bit": lambda: by_pillow("bmp", mode="1"),
}

TRANSPARENT_KINDS: dict[str, Make] = {
    "PNG alpha": lambda: by_pillow("png", mode="RGBA"),
    "PNG grey alpha": lambda: by_pillow("png", mode="LA"),
    "WebP alpha": lambda: by_pillow("webp", mode="RGBA", lossless=True),
    "TIFF alpha": lambda: by_pillow("tiff", mode="RGBA"),
    "GIF transparent": lambda: by_pillow("gif", mode="RGBA"),
    "HEIC alpha": lambda: heic(mode="RGBA"),
    "AVIF alpha": lambda: by_pillow("avif", mode="RGBA", quality=95),
    "BMP alpha": lambda: by_pillow("bmp", mode="RGBA"),
}
"""Clear in the lowest pixel on the right."""


def profile(name: str) -> bytes:
    """One of those that libvips has built in: `srgb`, `p3`, `cmyk`, `sgrey`."""
    content: bytes = pyvips.Operation.call("profile_load", name)
    return content


def near(have: Sequence[float], want: Sequence[float], *, by: float = 3) -> bool:
    return len(have) == len(want) and all(abs(one - other) <= by for one, other in zip(have, want, strict=True))


def pixels(image: pyvips.Image, *places: tuple[int, int]) -> list[list[float]]:
    """What stands at these places, across and down."""
    memory = image.copy_memory()
    return [memory(*place) for place in places]


def corners(image: pyvips.Image) -> list[list[float]]:
    """The middles of the four quarters: upper left, upper right, lower left, lower right."""
    across, down = image.width // 4, image.height // 4
    return pixels(image, (across, down), (3 * across, down), (across, 3 * down), (3 * across, 3 * down))
