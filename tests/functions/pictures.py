"""Small pictures of every kind the functions meet."""

import io
from pathlib import Path
from typing import Any

from dropcut.core.formats.bare_picture import NotTakenApartError, without_metadata
from dropcut.core.formats.photo_format import recognise
from dropcut.core.formats.picture_header import read_header
from dropcut.core.picture_limits import Fitted
from PIL import Image

ORIENTATION = 0x0112


def picture(
    kind: str = "jpeg", *, width: int = 80, height: int = 64, mode: str = "RGB", orientation: int = 0, **options: Any
) -> bytes:
    """An encoded picture, red in its upper left quarter, `kind` being Pillow's name of the format."""
    image = Image.new("RGBA", (width, height), (20, 120, 60, 255))
    image.paste((200, 10, 10, 255), (0, 0, width // 2, height // 2))
    if mode in ("RGBA", "LA"):
        image.putpixel((width - 1, height - 1), (0, 0, 0, 0))
    if orientation:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        options["exif"] = exif
    encoded = io.BytesIO()
    if mode not in ("RGBA", "LA"):
        image = image.convert("RGB")
    image.convert(mode).save(encoded, kind, **options)
    return encoded.getvalue()


def cutout(kind: str = "png", *, width: int = 80, height: int = 64) -> bytes:
    """What the API answers with: a picture with an alpha channel."""
    return picture(kind, width=width, height=height, mode="RGBA", **({"lossless": True} if kind == "webp" else {}))


def sent_as_it_is(source: Path, target: Path) -> Fitted:
    """Stands in for imaging/fit.py where pictures are within the API's limits anyway.

    Raises:
        PictureRefusedError: it is none.
    """
    content = source.read_bytes()
    recognise(content)
    target.write_bytes(content)
    header = read_header(content)
    return Fitted(
        format=header.format,
        width=header.width,
        height=header.height,
    )


def is_sent_as_it_was(photo: bytes, sent: bytes) -> bool:
    """Whether these are the photo's own bytes, less its metadata."""
    try:
        return sent == without_metadata(photo)
    except NotTakenApartError:
        return False


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
