"""Writes a picture as PNG, WebP, JPEG or AVIF, at a quality that keeps its file under a ceiling where there is one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips

from dropcut.core.api_limits import MAX_JPEG_SIDE_PIXELS
from dropcut.core.rendition import FORMATS, LOWEST_QUALITY, Rendition
from dropcut.imaging.decode import on_disk_copy
from dropcut.imaging.png import write_png

WEBP_LONGEST_SIDE = 16_383
WEBP_MOST_PIXELS = 40_000_000
"""libvips hands the encoder the whole picture: 21 bytes a pixel were measured, so this stays under 900 MB."""
SMALL = 4_194_304
"""Pixels up to which effort is spent on a smaller file."""
_BEST_LOSSY_QUALITY = 95


@dataclass(frozen=True, kw_only=True)
class Encoded:
    path: Path
    format: str
    width: int
    height: int
    size_bytes: int
    note: str = ""


def encode(image: pyvips.Image, rendition: Rendition, path: Path, *, at_lowest: bool = False) -> Encoded:
    """Write a picture in the rendition's format, or as PNG where that one ends, the note saying why.

    With a ceiling (`max_bytes`) it looks for the best quality that keeps it, down to LOWEST_QUALITY. A file that is
    still too large is left as it is.

    Args:
        at_lowest: try no other quality than the lowest.
    """
    form, note = _possible_format(rendition.format, image.width, image.height)
    path = path.with_name(f"{path.name}.{FORMATS[form]}")
    if form == "png":
        size_bytes = _write(image, form, None, path)
    elif at_lowest:
        size_bytes = _write(image, form, LOWEST_QUALITY, path)
    elif rendition.max_bytes:
        size_bytes = _best_under(rendition.max_bytes, _readable_again(image), form, rendition.first_quality, path)
    else:
        size_bytes = _write(image, form, rendition.first_quality, path)
    return Encoded(path=path, format=form, width=image.width, height=image.height, size_bytes=size_bytes, note=note)


def _possible_format(form: str, width: int, height: int) -> tuple[str, str]:
    longest = {"webp": WEBP_LONGEST_SIDE, "jpeg": MAX_JPEG_SIDE_PIXELS}.get(form)
    if longest and max(width, height) > longest:
        return "png", f"Larger than {_SPELLED[form]} allows ({longest:,} px a side): written as PNG."
    if form == "webp" and width * height > WEBP_MOST_PIXELS:
        return "png", f"Larger than is written as WebP ({WEBP_MOST_PIXELS // 1_000_000} megapixels): written as PNG."
    return form, ""


_SPELLED = {"webp": "WebP", "jpeg": "JPEG"}


def _best_under(ceiling: int, image: pyvips.Image, form: str, highest: int | None, path: Path) -> int:
    """Leave the best quality's file that keeps the ceiling, or the lowest quality's; returns its size in bytes."""
    size_bytes = _write(image, form, highest, path)
    best = highest or _BEST_LOSSY_QUALITY
    lowest = min(LOWEST_QUALITY, best)
    if size_bytes <= ceiling or lowest == highest:
        return size_bytes
    size_bytes = _write(image, form, lowest, path)
    if size_bytes > ceiling:
        return size_bytes
    step = 1 if image.width * image.height <= SMALL else 8  # a large picture takes seconds each time
    return _search(ceiling, image, form, range(lowest, best + 1, step), path)


def _search(ceiling: int, image: pyvips.Image, form: str, qualities: range, path: Path) -> int:
    """Halve the qualities, the first of which keeps the ceiling and was written last, until one is left."""
    low, high, written, size_bytes = 0, len(qualities) - 1, 0, path.stat().st_size
    while low < high:
        written = (low + high + 1) // 2
        size_bytes = _write(image, form, qualities[written], path)
        if size_bytes <= ceiling:
            low = written
        else:
            high = written - 1
    return size_bytes if written == low else _write(image, form, qualities[low], path)


def _write(image: pyvips.Image, form: str, quality: int | None, path: Path) -> int:
    """Write the file; returns its size in bytes. The profile goes along if there is one, nothing else does."""
    if form == "png":
        write_png(image, path)
    else:
        options = _options(form, quality, image.width * image.height)
        getattr(image, _SAVERS[form])(str(path), keep="icc", **options)
    return path.stat().st_size


_SAVERS = {"webp": "webpsave", "jpeg": "jpegsave", "avif": "heifsave"}


def _options(form: str, quality: int | None, pixels: int) -> dict[str, Any]:
    small = pixels <= SMALL
    match form:
        case "webp" if quality is None:
            return {"lossless": True, "effort": 4 if small else 0}
        case "webp":
            return {"Q": quality, "effort": 4 if small else 2, "smart_subsample": small}
        case "jpeg":
            return {"Q": quality, "optimize_coding": small}
        case _:
            return {"Q": quality, "compression": "av1", "effort": 4 if small else 2}


def _readable_again(image: pyvips.Image) -> pyvips.Image:
    """Its pixels computed, in memory while they are few and else in a file that goes with the image."""
    if image.width * image.height <= SMALL:
        return image.copy_memory()
    return on_disk_copy(image)
