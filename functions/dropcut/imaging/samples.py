"""Makes 8 or 16 bits of samples of other kinds: few bits, signed, 32 bits, float. Their range is looked at.

If a file states its range, that is used. Otherwise its least and its greatest sample are, and a note says so. A picture
whose range is unknown is refused rather than guessed.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import pyvips

from dropcut.core import picture_refusals
from dropcut.core.picture_limits import PictureRefusedError
from dropcut.imaging.light import rendered

_HIGHEST = {"uint": 2**32 - 1, "int": 2**31 - 1, "short": 2**15 - 1, "char": 2**7 - 1}
"""Of integers, by libvips's name of them."""
_SHORTER = (255, 65_535)
"""Ranges that are often kept in longer numbers."""
_MOST_TIMES_WHITE = 64.0
"""Light so many times brighter than white is no photo's, but a measure of something else."""
_NEAR = 0.002
"""How far from a whole level a sample may be that was one: rounding of half floats."""
_NEAR_STEP = 0.13
"""The same for steps of 1/255, in such steps."""
_DEEP = 65_535


def unpacked(image: pyvips.Image, *, bits: int, bands: int, is_little_endian: bool) -> pyvips.Image:
    """Bytes, as they follow each other in each row, as samples; those of up to 16 bits are left as numbers.

    Returns:
        `bands` bands of bytes or shorts for up to 16 bits, of uint for 24 and 32. 16 bits may be half floats, 64
        doubles: both come as float.
    """
    if bits in (16, 24, 32, 64):
        return _whole_bytes(image, bits // 8, bands, is_little_endian)
    groups = -(-image.width // bits)  # of eight samples each
    bytes_of = image.embed(0, 0, groups * bits, image.height).bandfold(factor=bits)
    eight = [_sample(bytes_of, number * bits, bits) for number in range(8)]
    row = eight[0].bandjoin(eight[1:]).bandunfold(factor=8)
    per_row = row.width // bands * bands
    return row.crop(0, 0, per_row, row.height).bandfold(factor=bands) if bands > 1 else row


def _sample(bytes_of: pyvips.Image, first: int, bits: int) -> pyvips.Image:
    """The sample whose bits begin at `first` of the pixel's bytes, the highest bit first."""
    last = first + bits - 1
    value: pyvips.Image | None = None
    for number in range(first // 8, last // 8 + 1):
        byte = bytes_of[number].cast("ushort")
        shift = 8 * number + 7 - last
        part = byte << -shift if shift < 0 else byte >> shift
        value = part if value is None else value | part
    assert value is not None
    return (value & (2**bits - 1)).cast("uchar" if bits <= 8 else "ushort")


def _whole_bytes(image: pyvips.Image, size: int, bands: int, is_little_endian: bool) -> pyvips.Image:
    folded = image.bandfold(factor=size)
    if size == 3:
        low, middle, high = (folded[place].cast("uint") for place in ((0, 1, 2) if is_little_endian else (2, 1, 0)))
        numbers = low | middle << 8 | high << 16
    else:
        numbers = folded.copy(format={2: "ushort", 4: "uint", 8: "double"}[size], bands=1)
        numbers = numbers if is_little_endian else numbers.byteswap()
    if size == 2:
        numbers = numbers.maplut(_half_floats())
    if size == 8:
        numbers = numbers.cast("float")
    return numbers.bandfold(factor=bands) if bands > 1 else numbers


def _half_floats() -> pyvips.Image:
    """What each 16-bit float is worth."""
    values = struct.unpack("<65536e", struct.pack("<65536H", *range(65_536)))
    return pyvips.Image.new_from_memory(struct.pack("65536f", *values), 65_536, 1, 1, "float")


def stretched(image: pyvips.Image, *, bits: int) -> pyvips.Image:
    """8 bits of up to 8, 16 of more, for the whole range of so many bits."""
    top, form = (255, "uchar") if bits <= 8 else (_DEEP, "ushort")
    return (image * (top / (2**bits - 1))).rint().cast(form)


def lab(image: pyvips.Image, *, bits: int, is_icc: bool) -> pyvips.Image:
    """L*, a* and b* as float, of unsigned samples of 8 or 16 bits as TIFF stores them, or as ICC does."""
    step = 2 ** (bits - 8)
    lightness, others = image[0], image[1:3]
    if is_icc:
        return (lightness * (100 / (255 * step))).bandjoin(others / step - 128)
    signed = (others > 127 * step + step - 1).ifthenelse(others - 256 * step, others)
    return (lightness * (100 / (2**bits - 1))).bandjoin(signed / step)


def in_range(
    opened: Callable[[], pyvips.Image], *, colours: int, alpha: int | None, has_profile: bool
) -> tuple[pyvips.Image, str]:
    """16 bits for the whole range of signed, 32-bit or float samples, and what was assumed.

    Args:
        opened: opens the picture, which is read twice.
        colours: how many of the first bands are colour.
        alpha: the band of alpha, whose range is always a whole one.
        has_profile: whether a profile says what the levels mean.

    Raises:
        PictureRefusedError: nothing tells what is black and what is white.
    """
    looked_at = _look(opened()[:colours])
    image = opened()
    is_float = image.format in ("float", "double")
    low, high, note = _range(looked_at, image.format)
    found = ((image[:colours] - low) * (_DEEP / (high - low))).rint().cast("ushort")
    if is_float and colours == 3 and not has_profile and high == 1 and not looked_at.is_in_steps:
        found, note = rendered(image[:3], white=1, peak=looked_at.most), _AS_LIGHT
    elif looked_at.most > high * (1 + _NEAR):
        note = "Float samples above 1 were cut off at white."
    if alpha is not None:
        most = 1 if is_float else _HIGHEST[image.format]
        opacity = (image[alpha] * (_DEEP / most)).rint().cast("ushort")
        spare = [found[0]] * (alpha - colours)
        found = found.bandjoin([*spare, opacity])
    return found, note


_AS_LIGHT = "Float samples without a profile were taken as linear light, with white at 1."


@dataclass(frozen=True)
class _Look:
    """What the colour samples of a picture are like."""

    least: float
    most: float
    is_whole: bool
    """Whether all are whole numbers."""
    is_in_steps: bool
    """Whether all are steps of 1/255: levels of 8 bits that were divided, not light that was measured."""


def _look(colours: pyvips.Image) -> _Look:
    off_whole = (colours - colours.rint()).abs()
    off_step = (colours * 255 - (colours * 255).rint()).abs()
    bands = colours.bands
    stats = colours.cast("float").bandjoin([off_whole, off_step]).stats()
    # libvips: row 0 is for all bands, then one for each; column 0 is the least, column 1 the greatest.
    least = [stats(0, 1 + band)[0] for band in range(3 * bands)]
    most = [stats(1, 1 + band)[0] for band in range(3 * bands)]
    return _Look(
        least=min(least[:bands]),
        most=max(most[:bands]),
        is_whole=max(most[bands : 2 * bands]) <= _NEAR,
        is_in_steps=max(most[2 * bands :]) <= _NEAR_STEP,
    )


def _range(look: _Look, form: str) -> tuple[float, float, str]:
    """Black, white, and a note on how that was found out; what is outside is cut off."""
    if not (isfinite(look.least) and isfinite(look.most)):
        raise _unclear_range(look)
    if form in ("float", "double"):
        return _range_of_floats(look)
    highest = _HIGHEST[form]
    if look.least < 0:
        if look.least < -(highest + 1) / 256:
            return -(highest + 1), highest, f"Signed samples were taken as {-(highest + 1):,} to {highest:,}."
        raise _unclear_range(look)
    white = next((top for top in _SHORTER if look.most <= top < highest), highest)
    return 0, white, f"Samples of another kind than 8 or 16 bits were taken as 0 to {white:,}."


def _range_of_floats(look: _Look) -> tuple[float, float, str]:
    if look.least < -0.1 or look.most <= 0:
        raise _unclear_range(look)
    if look.most <= 1 + _NEAR:
        return 0, 1, "Float samples were taken as 0 to 1."
    if look.is_whole and look.most <= _DEEP:
        white = next(top for top in _SHORTER if look.most <= top)
        return 0, white, f"Float samples were taken as 0 to {white:,}."
    if look.most <= _MOST_TIMES_WHITE:
        return 0, 1, ""
    raise _unclear_range(look)


def _unclear_range(look: _Look) -> PictureRefusedError:
    return picture_refusals.unsupported(
        f"a picture with samples from {look.least:g} to {look.most:g}, and nothing says what is black and what white",
        "a TIFF of 8 or 16 bits, or as a JPEG or PNG",
    )
