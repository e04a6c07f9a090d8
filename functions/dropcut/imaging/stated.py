"""Gives a decoded picture the colours that its file states by other means than a profile.

What a profile can express is attached as a profile. All later steps go by that alone, and a cut-out that keeps its
photo's colours carries it. Values that are brighter than a profile can express are brought to the standard range at
once.
"""

from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from pathlib import Path

import pyvips

from dropcut.core.formats import gif_frame, heif_boxes, png_chunks
from dropcut.core.formats.exif import is_adobe_rgb
from dropcut.core.formats.icc_profile import grey_profile, rgb_profile
from dropcut.core.formats.stated_colour import ADOBE_RGB, StatedColour
from dropcut.core.picture_limits import PhotoFormat
from dropcut.imaging import colour, light

_EXIF = "exif-data"


def as_stated(opened: Callable[[], pyvips.Image], form: PhotoFormat, path: Path) -> pyvips.Image:
    """The picture that `opened` decodes, with what its file says besides the pixels."""
    if form == "png":
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            stated, goes_first = png_chunks.stated_colour(data)
        return _coloured(opened, stated, before_profile=goes_first)
    if form in ("avif", "heic"):
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            found = heif_boxes.heif_colour(data)
        divided = (lambda: _divided(opened())) if found.is_premultiplied else opened
        return _coloured(divided, None if found.has_profile else found.stated)
    if form == "gif":
        return _on_clear_canvas(opened(), path)
    return _coloured(opened, None)


def _coloured(
    opened: Callable[[], pyvips.Image], stated: StatedColour | None, *, before_profile: bool = False
) -> pyvips.Image:
    image = opened()
    if stated and stated.is_brighter_than_white and (before_profile or not colour.has_usable_profile(image)):
        shown = colour.without_profile(light.standard_range(opened, stated))
        name = stated.transfer.upper()
        return colour.with_note(shown, f"Made for bright screens ({name}); shown with white at {light.WHITE:g} cd/m2.")
    if before_profile and stated:
        return _attached(colour.without_profile(image), stated)
    if stated is None:
        if not image.get_typeof(_EXIF) or not is_adobe_rgb(image.get(_EXIF)):
            return image
        stated = ADOBE_RGB
    return image if colour.has_usable_profile(image) else _attached(image, stated)


def _attached(image: pyvips.Image, stated: StatedColour) -> pyvips.Image:
    """With a profile that says the same; without one where sRGB's says it."""
    if stated.is_srgb:
        return colour.without_profile(image)
    channels = colour.channels(image)
    if channels not in (1, 3):
        return image
    try:
        profile = rgb_profile(stated) if channels == 3 else grey_profile(stated)
    except (ZeroDivisionError, OverflowError):
        return image  # the places given are no triangle
    tagged = image.copy()
    tagged.set_type(pyvips.GValue.blob_type, colour.PROFILE, profile)
    return tagged


def _divided(image: pyvips.Image) -> pyvips.Image:
    """Alpha taken out of the colours that it was multiplied into."""
    if not image.hasalpha():
        return image
    return image.unpremultiply().rint().cast(image.format).copy(interpretation=image.interpretation)


def _on_clear_canvas(image: pyvips.Image, path: Path) -> pyvips.Image:
    """Clear where a GIF's first frame leaves its canvas free."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        frame = gif_frame.first_frame(data)
    if frame is None or image.hasalpha() or frame == (0, 0, image.width, image.height):
        return image
    left, top, width, height = frame
    seen = pyvips.Image.black(width, height).invert()
    return image.bandjoin(seen.embed(left, top, image.width, image.height))
