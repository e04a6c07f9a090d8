"""The two formats that libvips, as it is packed for Python, cannot read: HEIC (as phones write it) and BMP.

Both are decoded whole, into memory: up to 5 bytes a pixel. A decoded BMP then lies on disk: a second copy would be too
much.
"""

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, PROT_READ, mmap
from pathlib import Path
from tempfile import TemporaryFile

import pillow_heif
import pyvips
from PIL import Image

from dropcut.core import picture_refusals
from dropcut.core.formats.bmp_fields import BmpFields, bmp_fields
from dropcut.core.formats.heif_boxes import heif_colour
from dropcut.core.picture_limits import PhotoFormat, PictureInfo, PictureRefusedError
from dropcut.imaging.colour import PROFILE

pillow_heif.options.DECODE_THREADS = 1
pillow_heif.options.THUMBNAILS = pillow_heif.options.DEPTH_IMAGES = pillow_heif.options.AUX_IMAGES = False
Image.MAX_IMAGE_PIXELS = None  # held against our own limit, from the header

_ROWS = 256
"""Handed on at a time."""


def heic_info(path: Path) -> PictureInfo:
    """What the header says; the picture comes out of its decoder upright, so that it has no orientation."""
    with _decoder_errors():
        opened = pillow_heif.open_heif(path)
        photo = opened[opened.primary_index]
        return _info("heic", photo.size, photo.mode, frames=len(opened), has_profile=bool(_profile(photo)))


def heic(path: Path) -> pyvips.Image:
    """8 bits a channel, with its profile attached; 16 of what is made for bright screens, and of deep grey."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        stated = heif_colour(data).stated
    with _decoder_errors():
        is_deep = bool(stated and stated.is_brighter_than_white)
        opened = pillow_heif.open_heif(path, convert_hdr_to_8bit=not is_deep)
        photo = opened[opened.primary_index]
        pixels, channels = photo.data, _CHANNELS[photo.mode.partition(";")[0]]
        form, width_bytes = ("ushort", 2) if ";" in photo.mode else ("uchar", 1)
        width, height = photo.size
        # A row may be longer than its pixels: what is behind them is taken for more pixels, and cropped.
        per_row = photo.stride // (channels * width_bytes)
        image = pyvips.Image.new_from_memory(pixels, per_row, height, channels, form).crop(0, 0, width, height)
        return _described(image, _profile(photo))


_CHANNELS = {"L": 1, "I": 1, "LA": 2, "RGB": 3, "RGBA": 4, "RGBa": 4}
"""By pillow_heif's name of the mode, without its bits."""


def bmp_info(path: Path) -> PictureInfo:
    fields = _fields(path)
    if fields:
        mode = "RGBA" if len(fields.masks) == 4 else "RGB"
        return _info("bmp", (fields.width, fields.height), mode, frames=1, has_profile=False)
    with _decoder_errors(), Image.open(path, formats=["BMP"]) as photo:
        return _info("bmp", photo.size, _plain_mode(photo), frames=1, has_profile=False)


def bmp(path: Path) -> pyvips.Image:
    """RGB, RGBA or grey, 8 bits a channel."""
    if fields := _fields(path):
        return _of_fields(path, fields)
    with _decoder_errors(), Image.open(path, formats=["BMP"]) as photo, TemporaryFile() as rows:
        mode, (width, height) = _plain_mode(photo), photo.size
        photo.load()
        for top in range(0, height, _ROWS):
            strip = photo.crop((0, top, width, min(top + _ROWS, height)))
            rows.write((strip if strip.mode == mode else strip.convert(mode)).tobytes())
        rows.flush()
        pixels = mmap(rows.fileno(), 0, prot=PROT_READ)
    return _described(pyvips.Image.new_from_memory(pixels, width, height, len(mode), "uchar"), None)


def _fields(path: Path) -> BmpFields | None:
    with path.open("rb") as file:
        return bmp_fields(file.read(256))


def _of_fields(path: Path, fields: BmpFields) -> pyvips.Image:
    """Pillow knows some orders of the fields only."""
    with path.open("rb") as file:
        data = mmap(file.fileno(), 0, access=ACCESS_READ)
    end = fields.at + fields.row_bytes * fields.height
    if len(data) < end:
        raise picture_refusals.damaged("its last rows are missing")
    form, size = ("uint", 4) if fields.bits == 32 else ("ushort", 2)
    pixels = memoryview(data)[fields.at : end]
    stored = pyvips.Image.new_from_memory(pixels, fields.row_bytes // size, fields.height, 1, form)
    first, *others = (_of_mask(stored, mask) for mask in fields.masks)
    image = first.bandjoin(others).crop(0, 0, fields.width, fields.height)
    return _described(image.flipver() if fields.is_upside_down else image, None)


def _of_mask(stored: pyvips.Image, mask: int) -> pyvips.Image:
    """The field's bits, stretched over 8."""
    lowest = (mask & -mask).bit_length() - 1
    most = mask >> lowest
    return (((stored >> lowest) & most) * (255 / most)).rint().cast("uchar")


def _plain_mode(photo: Image.Image) -> str:
    return photo.mode if photo.mode in ("L", "RGBA") else "L" if photo.mode == "1" else "RGB"


def _info(form: PhotoFormat, size: tuple[int, int], mode: str, *, frames: int, has_profile: bool) -> PictureInfo:
    return PictureInfo(
        format=form,
        width=size[0],
        height=size[1],
        orientation=1,
        frames=frames,
        bands=_CHANNELS[mode.partition(";")[0]],
        bits=16 if ";" in mode else 8,
        interpretation="b-w" if mode[0] in "LI" else "srgb",
        has_alpha=mode.partition(";")[0][-1] in "Aa",
        has_profile=has_profile,
    )


def _profile(photo: pillow_heif.HeifImage) -> bytes | None:
    profile = photo.info.get("icc_profile")
    return profile if isinstance(profile, bytes) else None


def _described(image: pyvips.Image, profile: bytes | None) -> pyvips.Image:
    is_deep = image.format == "ushort"
    if image.bands < 3:
        image = image.copy(interpretation="grey16" if is_deep else "b-w")
    else:
        image = image.copy(interpretation="rgb16" if is_deep else "srgb")
    if profile:
        image.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    return image


@contextmanager
def _decoder_errors() -> Iterator[None]:
    """Both libraries say in exceptions of many kinds that a file is broken; an error of the disk goes on as it is."""
    try:
        yield
    except MemoryError:
        raise
    except OSError as error:
        if error.errno:
            raise
        raise _not_read(error) from error
    except (ValueError, TypeError, SyntaxError, EOFError, IndexError, KeyError, RuntimeError, struct.error) as error:
        raise _not_read(error) from error


def _not_read(error: Exception) -> PictureRefusedError:
    if "nsupported" in str(error):
        return picture_refusals.unsupported(
            f"a picture of a kind that is rare ({_in_short(error)})", "an ordinary JPEG or PNG"
        )
    return picture_refusals.damaged(_in_short(error))


def _in_short(error: Exception) -> str:
    """The last of a library's explanations within explanations, without what only its makers can read."""
    return re.sub(r"\s*\(.*|\\x\w\w", "", str(error)).rpartition(": ")[2].strip() or type(error).__name__
