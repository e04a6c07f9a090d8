"""What the API demands of a form: the picture and the fields around it."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from PIL import Image

from stand_in import errors

OutputFormat = Literal["png", "webp"]

LARGEST_REQUEST_BYTES = 10 * 1024 * 1024  # the whole body, boundaries included
SHORTEST_SIDE = 64
FEWEST_PIXELS = 4_096
MOST_PIXELS = 4_194_304
CLIENT_HEADERS = ("stability-client-id", "stability-client-user-id", "stability-client-version")
LONGEST_CLIENT_HEADER = 256


class InvalidFormError(ValueError):
    """The API refuses this form. The argument is the sentence it says."""


@dataclass(frozen=True)
class Order:
    """A form that passed: a decoded picture, and the format the cut-out shall have."""

    picture: Image.Image
    output_format: OutputFormat


def check_client_headers(headers: Mapping[str, str]) -> None:
    """Raises InvalidFormError when an optional header is too long."""
    for header in CLIENT_HEADERS:
        if len(headers.get(header) or "") > LONGEST_CLIENT_HEADER:
            raise InvalidFormError(errors.CLIENT_HEADER_TOO_LONG.format(header=header))


def check_fields(fields: Mapping[str, bytes]) -> Order:
    """Raises InvalidFormError; fields the API does not know are ignored."""
    output_format = fields.get("output_format", b"png").decode("utf-8", "replace")
    if output_format not in ("png", "webp"):
        raise InvalidFormError(errors.OUTPUT_FORMAT_UNKNOWN)
    if not fields.get("image"):
        raise InvalidFormError(errors.IMAGE_MISSING)
    return Order(_decoded(fields["image"]), cast(OutputFormat, output_format))


def format_by_magic_bytes(content: bytes) -> Literal["JPEG", "PNG", "WEBP"] | None:
    """The format as the file itself says, whatever its name; None for all the API does not take."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WEBP"
    return None


def _decoded(content: bytes) -> Image.Image:
    """The picture with all its pixels read.

    The size is checked before the pixels are, so that no bomb goes off.
    """
    picture_format = format_by_magic_bytes(content)
    if picture_format is None:
        raise InvalidFormError(errors.IMAGE_UNKNOWN_FORMAT)
    try:
        picture = Image.open(io.BytesIO(content), formats=(picture_format,))
        _check_size(*picture.size)
        picture.load()
    except InvalidFormError:
        raise
    except Image.DecompressionBombError as cause:
        raise InvalidFormError(errors.IMAGE_TOO_MANY_PIXELS.format(pixels=2 * (Image.MAX_IMAGE_PIXELS or 0))) from cause
    except Exception as cause:  # on damaged files Pillow raises OSError, SyntaxError, struct.error, and more
        raise InvalidFormError(errors.IMAGE_UNREADABLE) from cause
    return picture


def _check_size(width: int, height: int) -> None:
    pixels = width * height
    if pixels > MOST_PIXELS:
        raise InvalidFormError(errors.IMAGE_TOO_MANY_PIXELS.format(pixels=pixels))
    if min(width, height) < SHORTEST_SIDE:
        raise InvalidFormError(errors.IMAGE_SIDE_TOO_SHORT.format(width=width, height=height))
    if pixels < FEWEST_PIXELS:
        raise InvalidFormError(errors.IMAGE_TOO_FEW_PIXELS.format(pixels=pixels))
