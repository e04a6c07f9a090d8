"""Makes any photo into what the API takes: upright, 8-bit sRGB, without metadata, within its pixels and bytes.

A photo that fits as it is keeps its own bytes, without the metadata. It is decoded once to its end, because a file that
was cut off must not be paid for. Any other photo is decoded, and shrunk just below the most pixels. It is written as
JPEG, or as PNG if it is a drawing or a screenshot.

The API does not document what it makes of transparency. So a photo that is not opaque everywhere is laid on white
before it is sent. Deliver then multiplies the cut-out's alpha with the photo's own: what was transparent stays so.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyvips
from isal import isal_zlib

from dropcut.core import picture_refusals
from dropcut.core.api_limits import MAX_PICTURE_BYTES, MAX_PIXELS, MIN_SIDE_PIXELS, size_to_send
from dropcut.core.formats.bare_picture import NotTakenApartError, without_metadata
from dropcut.core.formats.everyday_picture import every_decoder_reads
from dropcut.core.picture_limits import DecodeLimits, Fitted, PictureInfo, PictureRefusedError
from dropcut.imaging import colour, decode
from dropcut.imaging.drawing import may_be_drawn, write_drawing
from dropcut.imaging.jpeg_end import needs_all_of
from dropcut.imaging.repaired import with_repair
from dropcut.imaging.second_look import is_blank, is_made_up

_TAKEN_AS_THEY_ARE = ("jpeg", "png", "webp")
_JPEG = b"\xff\xd8"
_QUALITY = 95
"""More makes a JPEG larger and no better to look at. With this quality the most pixels always fit into a request. Noise
of black and white compresses worst: it has 9.7 of the 10.5 million bytes allowed (with more effort)."""
_WHITE = [255, 255, 255]


def fit(source: Path, target: Path, limits: DecodeLimits) -> Fitted:
    """Write to `target` what is to be sent for the photo in `source`.

    Raises:
        PictureRefusedError: it is no picture, damaged, over a limit, or too small.
    """
    try:
        return with_repair(lambda photo: _fit(photo, target, limits, is_sound=photo == source), source)
    except PictureRefusedError as refusal:
        if refusal.code != picture_refusals.DAMAGED or decode.PIXELS_MADE_UP.search(refusal.reason):
            raise
    return _fit(source, target, limits, is_sound=False, jpeg_fails_on="error")


def _fit(
    source: Path,
    target: Path,
    limits: DecodeLimits,
    *,
    is_sound: bool,
    jpeg_fails_on: decode.JpegFailsOn = "warning",
) -> Fitted:
    """Make the photo fit the API's limits.

    Args:
        is_sound: whether nothing was amiss until now; only then the photo's own bytes may go out.
    """
    info = decode.identify(source)
    decode.check(info, limits)
    original = info.upright_width, info.upright_height
    if min(original) < MIN_SIDE_PIXELS:
        raise picture_refusals.too_small(*original, MIN_SIDE_PIXELS)
    if is_sound and _may_go_as_it_is(info) and _written_bare(source, target):
        return Fitted(format=info.format, width=original[0], height=original[1])
    size = size_to_send(*original)
    if min(size) < MIN_SIDE_PIXELS:
        raise picture_refusals.too_narrow(*original, size, MIN_SIDE_PIXELS)

    def decoded(photo: Path) -> pyvips.Image:
        return decode.thumbnail_upright(photo, limits, width=size[0], height=size[1], jpeg_fails_on=jpeg_fails_on)

    note = ""
    for more_effort in (False, True):
        note = _write_jpeg(decoded(source), target, more_effort=more_effort)
        if target.stat().st_size <= MAX_PICTURE_BYTES:
            break
    if is_blank(target, *size) and is_made_up(source, info, decoded):
        raise picture_refusals.damaged("its decoder made a blank page of it")
    form = "jpeg"
    if may_be_drawn(source, info) and _written_lossless(decoded(source), target):
        form = "png"
    return Fitted(format=form, width=size[0], height=size[1], note=note)


def _may_go_as_it_is(info: PictureInfo) -> bool:
    """Whether the header speaks against nothing: the API takes such a picture, and sees in it what we see."""
    return (
        info.format in _TAKEN_AS_THEY_ARE
        and info.width * info.height <= MAX_PIXELS
        and info.orientation == 1
        and info.frames == 1
        and info.bits == 8
        and info.interpretation in ("srgb", "rgb", "b-w")
    )


def _written_bare(source: Path, target: Path) -> bool:
    """Write the photo's own bytes without metadata, if they can go out like that, and decode them to their end.

    Raises:
        PictureRefusedError: it is damaged.
    """
    if not decode.shows_as_srgb(source):
        return False
    photo = source.read_bytes()
    try:
        bare = without_metadata(photo)
    except NotTakenApartError:
        return False  # decoders may make do with it; then what they make of it is sent
    if len(bare) > MAX_PICTURE_BYTES:
        return False
    target.write_bytes(bare)
    with ThreadPoolExecutor(1) as beside:  # a PNG is unpacked once more for that
        is_everyday = beside.submit(every_decoder_reads, photo, isal_zlib.decompressobj)
        is_plain = needs_all_of(bare) if bare.startswith(_JPEG) else decode.is_opaque(target)
    return is_plain and is_everyday.result()


def _write_jpeg(image: pyvips.Image, target: Path, *, more_effort: bool) -> str:
    """Write an upright sRGB picture as a baseline JPEG with its colours at full resolution.

    The edges of a subject are often edges of colour alone.

    Args:
        more_effort: make the code tables to measure. Takes 2 % off a photo and 20 % off noise, but holds the whole
            picture in memory, 6 bytes a pixel.

    Returns:
        The note that belongs to the picture, if there is one.
    """
    with decode.picture_errors():
        image = _opaque(image)
        image.jpegsave(str(target), Q=_QUALITY, subsample_mode="off", optimize_coding=more_effort, keep="none")
    return colour.note(image)


def _written_lossless(image: pyvips.Image, target: Path) -> bool:
    """Put a PNG in the place of a drawing's JPEG, with the same pixels, if it fits into a request."""
    drawing = target.with_name(f"{target.name}.png")
    with decode.picture_errors():
        is_drawn = write_drawing(_opaque(image), drawing, jpeg_bytes=target.stat().st_size)
    if is_drawn and drawing.stat().st_size <= MAX_PICTURE_BYTES:
        drawing.replace(target)
        return True
    drawing.unlink()
    return False


def _opaque(image: pyvips.Image) -> pyvips.Image:
    return image.flatten(background=_WHITE) if image.hasalpha() else image
