"""Why a picture is refused, as sentences for people: what is wrong, with the numbers, and what to do."""

from collections.abc import Sequence

from dropcut.core.picture_limits import PictureRefusedError

CODES = frozenset(
    {
        "not_a_picture",
        "damaged",
        "unsupported",
        "too_small",
        "too_narrow",
        "too_many_pixels",
        "too_many_frames",
        "too_much_memory",
        "too_slow",
        "decoder_crashed",
        "no_alpha",
        "another_shape",
    }
)
"""Every code there is: what a taken-over process says is held against it."""


def not_a_picture(looks_like: str) -> PictureRefusedError:
    return PictureRefusedError(
        "not_a_picture",
        f"The file is {looks_like}, not a picture that can be cut out. "
        "Save it as JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC and upload it again.",
    )


DAMAGED = "damaged"


def damaged(detail: str) -> PictureRefusedError:
    """`detail` is the decoder's own words."""
    return PictureRefusedError(
        DAMAGED,
        f"The picture cannot be read to its end ({detail}): it is damaged or was cut off. Upload it again.",
    )


def unsupported(kind: str, instead: str) -> PictureRefusedError:
    """For a sound file of a kind that no decoder here reads.

    Args:
        kind: what it is, in words that fit after "The file is".
        instead: what to save it as.
    """
    return PictureRefusedError(
        "unsupported",
        f"The file is {kind}, which cannot be read here. Save it as {instead} and upload it again.",
    )


def turned_off(looks_like: str, formats: Sequence[str]) -> PictureRefusedError:
    """For a photo of a format that this deployment does not take, for as long as its setting says so."""
    return PictureRefusedError(
        "unsupported",
        f"The file is {looks_like}, which this deployment does not take (`formats`: {', '.join(formats)}). "
        "Save it as one of these and upload it again.",
    )


def too_small(width: int, height: int, least: int) -> PictureRefusedError:
    return PictureRefusedError(
        "too_small",
        f"The picture is {width:,} x {height:,} pixels; every side must have at least {least}. Upload a larger one.",
    )


def too_narrow(width: int, height: int, shrunk: tuple[int, int], least: int) -> PictureRefusedError:
    """For a picture whose shorter side is long enough only as long as it is not shrunk to the API's pixels."""
    return PictureRefusedError(
        "too_narrow",
        f"The picture is {width:,} x {height:,} pixels. Shrunk to what can be sent it would be "
        f"{shrunk[0]:,} x {shrunk[1]:,}; every side must have at least {least}. Crop it to the subject.",
    )


def too_many_pixels(width: int, height: int, most: int) -> PictureRefusedError:
    return PictureRefusedError(
        "too_many_pixels",
        f"The picture is {width:,} x {height:,}, {width * height:,} pixels; at most {most:,} are taken "
        "(`max_photo_megapixels`). Make it smaller.",
    )


def too_many_frames(frames: int, most: int) -> PictureRefusedError:
    return PictureRefusedError(
        "too_many_frames",
        f"The picture has {frames:,} frames; at most {most:,} are taken (`max_frames`). Save one frame as a picture.",
    )


def too_much_memory() -> PictureRefusedError:
    return PictureRefusedError(
        "too_much_memory",
        "The picture takes more memory to decode than a photo may. Save it as an ordinary JPEG or PNG, not progressive "
        "or interlaced, and upload it again.",
    )


TOO_SLOW = "too_slow"
"""The one refusal that may be no fault of the picture's: its neighbour may have taken the processor."""


def too_slow(seconds: float) -> PictureRefusedError:
    return PictureRefusedError(
        TOO_SLOW,
        f"The picture was not decoded within {seconds:g} s (see `imaging_seconds`). Save it as an ordinary JPEG or PNG "
        "and upload it again.",
    )


def decoder_crashed(how: str) -> PictureRefusedError:
    """`how` is the signal that ended it, or an act that no decoder does."""
    return PictureRefusedError(
        "decoder_crashed",
        f"The picture's decoder crashed ({how}): the file is damaged, or made to do harm. Save the photo anew "
        "and upload it again.",
    )


def no_alpha() -> PictureRefusedError:
    """Of a picture that is to replace a cut-out."""
    return PictureRefusedError(
        "no_alpha",
        "The picture has no transparency, so it is no cut-out. Save it as PNG or WebP with its background removed.",
    )


def another_shape(size: tuple[int, int], shape: tuple[int, int]) -> PictureRefusedError:
    """Of a picture that is to replace a cut-out of that shape: width and height."""
    return PictureRefusedError(
        "another_shape",
        f"The picture is {size[0]} x {size[1]} pixels, which are not the proportions of the photo "
        f"({shape[0]} x {shape[1]} as it was cut out). Save the whole frame, without cropping or turning it.",
    )
