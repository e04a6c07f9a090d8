"""Photos to drop: each call makes one that was never there before, so that no earlier payment serves it."""

import io
import random

from PIL import Image

_rng = random.Random()


def photo(kind: str = "jpeg", *, width: int = 96, height: int = 80) -> bytes:
    """A new picture, within the API's limits by default; `kind` is Pillow's name of the format."""
    picture = Image.new("RGB", (width, height), (230, 230, 230))
    colour = tuple(_rng.randrange(200) for _ in range(3))
    picture.paste(colour, (width // 4, height // 4, width * 3 // 4, height * 3 // 4))
    for x in range(width):  # a row of noise: no two photos are the same
        picture.putpixel((x, 0), tuple(_rng.randrange(256) for _ in range(3)))
    encoded = io.BytesIO()
    picture.save(encoded, kind)
    return encoded.getvalue()
