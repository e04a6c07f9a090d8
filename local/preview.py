"""Small pictures for the page: a browser need not load a phone's full photo, and knows few formats."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps
from pillow_heif import register_heif_opener

register_heif_opener()  # photos of iPhones
_LONGEST_SIDE = 1000
_QUALITY = 82


@dataclass(frozen=True)
class Preview:
    """A picture as the page shows it."""

    file: Path | None
    """None when the original cannot be shown."""
    width: int
    height: int
    """Of the original, upright, in pixels; 0 when unknown."""


def make_preview(original: Path, target: Path) -> Preview:
    """Write a reduced WebP of a picture, upright, alpha kept.

    A file that is no picture, or one that Pillow cannot read, has none: that is a result and no error here.
    """
    try:
        with Image.open(original) as picture:
            width, height = picture.size
            if picture.getexif().get(0x0112, 1) in (5, 6, 7, 8):
                width, height = height, width
            picture.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))  # a JPEG is decoded at a fraction of its size
            small = ImageOps.exif_transpose(picture)
            small.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
            keep_alpha = small.has_transparency_data
            small.convert("RGBA" if keep_alpha else "RGB").save(target, "WEBP", quality=_QUALITY, method=2)
    except Exception:  # any decoder's any error, on a stranger's bytes
        target.unlink(missing_ok=True)
        return Preview(None, 0, 0)
    return Preview(target, width, height)
