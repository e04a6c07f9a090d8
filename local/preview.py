"""Small pictures for the page: a browser need not load a phone's full photo, and knows few formats."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps
from pillow_heif import register_heif_opener

register_heif_opener()  # photos of iPhones
_LONGEST_SIDE = 1000
_QUALITY = 82
_MOST_PIXELS = 120_000_000
"""So many are decoded for a preview, which takes up to 0.7 GB; the pipeline as it is set takes no more either."""
_EIGHT_OF_SIXTEEN_BITS = [value // 257 for value in range(65536)]


@dataclass(frozen=True)
class Preview:
    """A picture as the page shows it."""

    file: Path | None
    """None when the original cannot be shown."""
    width: int
    height: int
    """Of the original, upright, in pixels; 0 when unknown."""
    too_large: bool = False
    """It is a picture, of too many pixels to make a small one from."""


def is_picture(file: Path) -> bool:
    """Whether the file begins as a picture does that Pillow knows."""
    try:
        with _quietly(), Image.open(file):
            return True
    except Image.DecompressionBombError:
        return True
    except Exception:  # any decoder's any error, on a stranger's bytes
        return False


def make_preview(original: Path, target: Path) -> Preview:
    """Write a reduced WebP of a picture, upright, alpha kept.

    A file that is no picture, or that Pillow cannot read, has none. That is a result here, and no error.
    """
    try:
        with _quietly(), Image.open(original) as picture:
            width, height = picture.size
            if picture.getexif().get(0x0112, 1) in (5, 6, 7, 8):
                width, height = height, width
            picture.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))  # a JPEG is decoded at a fraction of its size
            if picture.width * picture.height > _MOST_PIXELS:
                return Preview(None, width, height, too_large=True)
            small = ImageOps.exif_transpose(picture)
            if small.mode.startswith("I;16"):  # Pillow would make white of all that is brighter than 255 of 65535
                small = small.convert("I").point(_EIGHT_OF_SIXTEEN_BITS, "L")
                small.info.pop("transparency", None)  # a grey of 16 bits, which would now be another one
            small.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
            keep_alpha = small.has_transparency_data
            small.convert("RGBA" if keep_alpha else "RGB").save(target, "WEBP", quality=_QUALITY, method=2)
    except Image.DecompressionBombError:  # twice what Pillow would warn of: it does not tell the size
        return Preview(None, 0, 0, too_large=True)
    except Exception:  # any decoder's any error, on a stranger's bytes
        target.unlink(missing_ok=True)
        return Preview(None, 0, 0)
    return Preview(target, width, height)


@contextmanager
def _quietly() -> Iterator[None]:
    """What Pillow warns of in a stranger's file is nothing to the person who runs the demo."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
