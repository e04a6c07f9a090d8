"""Converts a decoded picture to 8-bit sRGB, through its ICC profile if that is usable."""

from itertools import product

import pyvips

PROFILE = "icc-profile-data"
_NOTE = "dropcut-note"

_CHANNELS_OF_PROFILE = {b"RGB ": 3, b"GRAY": 1, b"CMYK": 4}
_COLOURS = {"b-w": 1, "grey16": 1, "srgb": 3, "rgb": 3, "rgb16": 3, "cmyk": 4}
"""Channels without alpha, of the kinds of picture that a profile can speak of."""
_AS_GOOD_AS_SRGB = 2
"""Levels of 255 by which a profile may differ from sRGB and still count as sRGB: rounding, and its makers' tables."""


def to_srgb(image: pyvips.Image) -> pyvips.Image:
    """The picture in 8-bit sRGB: RGB, or RGBA when it has alpha. A profile that does not fit it counts for nothing."""
    image = _named(image)
    if has_usable_profile(image):
        image = _through_profile(image)
    elif image.interpretation == "cmyk":
        image = image.icc_transform("srgb", input_profile="cmyk", embedded=False, black_point_compensation=True)
    else:
        image = image.colourspace("srgb")
    return _three_or_four(without_profile(image))


def kept(image: pyvips.Image) -> pyvips.Image:
    """8-bit RGB untouched, its profile attached if it is a usable one other than sRGB's; all else in sRGB."""
    image = _named(image)
    if image.format != "uchar" or image.interpretation not in ("srgb", "rgb") or not has_usable_profile(image):
        return to_srgb(image)
    return _three_or_four(without_profile(image) if shows_as_srgb(image) else image)


def shows_as_srgb(image: pyvips.Image) -> bool:
    """Whether the channels mean what they would in an untagged picture, so that the profile can be left away."""
    if not has_usable_profile(image):
        return image.interpretation in ("srgb", "rgb", "b-w")
    if image.interpretation not in ("srgb", "rgb", "b-w") or image.format != "uchar":
        return False
    levels = range(0, 256, 15)
    count = _COLOURS[image.interpretation]
    pixels = bytes(level for pixel in product(levels, repeat=count) for level in pixel)
    samples = _samples(pixels, image)
    plain = without_profile(samples).colourspace("srgb")
    return bool((_through_profile(samples) - plain).abs().max() <= _AS_GOOD_AS_SRGB)


def has_usable_profile(image: pyvips.Image) -> bool:
    """Whether there is a profile, of this kind of picture, that the colour engine can work with."""
    if not image.get_typeof(PROFILE):
        return False
    count = _COLOURS.get(image.interpretation)
    if count is None or _CHANNELS_OF_PROFILE.get(bytes(image.get(PROFILE))[16:20]) != count:
        return False
    try:
        _through_profile(_samples(bytes(count), image)).avg()
    except pyvips.Error:
        return False
    return True


def channels(image: pyvips.Image) -> int | None:
    """Channels of colour of a kind of picture that a profile can speak of; None of another."""
    return _COLOURS.get(_named(image).interpretation)


def without_metadata(image: pyvips.Image) -> pyvips.Image:
    """The same pixels, with nothing attached but the profile and the note."""
    bare = image.copy()
    for name in bare.get_fields():
        if name not in (PROFILE, _NOTE) and bare.get_typeof(name) != 0:
            bare.remove(name)
    return bare


def with_note(image: pyvips.Image, note: str) -> pyvips.Image:
    """With a sentence attached on what was assumed of the picture; it goes along with the image, never into a file."""
    if not note:
        return image
    noted = image.copy()
    noted.set_type(pyvips.GValue.gstr_type, _NOTE, note)
    return noted


def note(image: pyvips.Image) -> str:
    """The sentence, or nothing."""
    return str(image.get(_NOTE)) if image.get_typeof(_NOTE) else ""


def _samples(pixels: bytes, like: pyvips.Image) -> pyvips.Image:
    """An 8-bit picture of one row with another one's meaning and profile."""
    channels = _COLOURS[like.interpretation]
    kind = {"grey16": "b-w", "rgb16": "srgb"}.get(like.interpretation, like.interpretation)
    row = pyvips.Image.new_from_memory(pixels, len(pixels) // channels, 1, channels, "uchar")
    row = row.copy(interpretation=kind)
    row.set_type(pyvips.GValue.blob_type, PROFILE, like.get(PROFILE))
    return row


def _through_profile(image: pyvips.Image) -> pyvips.Image:
    return image.icc_transform("srgb", embedded=True, black_point_compensation=True, depth=8)


def without_profile(image: pyvips.Image) -> pyvips.Image:
    """The same pixels, which mean sRGB from then on, or nothing but levels."""
    bare = image.copy()
    bare.remove(PROFILE)
    return bare


def _named(image: pyvips.Image) -> pyvips.Image:
    """With a meaning for its channels, where the file gives them none."""
    if image.interpretation != "multiband":
        return image
    deep = image.format == "ushort"
    if image.bands < 3:
        return image.copy(interpretation="grey16" if deep else "b-w")
    return image.copy(interpretation="rgb16" if deep else "srgb")


def _three_or_four(image: pyvips.Image) -> pyvips.Image:
    """RGB or RGBA with 8 bits, whatever further channels there were."""
    if image.bands < 3:
        image = image[0].bandjoin([image[0], *image.bandsplit()])
    return (image[:4] if image.bands > 4 else image).cast("uchar").copy(interpretation="srgb")
