"""Decodes a picture to its end, and turns a sideways one upright. The only place that uses the image library."""

import pyvips

from dropcut.core.picture_header import PictureDamagedError

_ORIENTATION = "orientation"
_SAVED_AS = {"jpegload": ".jpg[Q=95]", "pngload": ".png", "webpload": ".webp[lossless]"}


def make_sendable(picture: bytes) -> bytes:
    """The picture as it is when it is whole and upright; turned upright when its EXIF says that it lies on its side.

    The API does not say what it does with EXIF orientation. Decoding to the end is what proves that nothing is cut
    off: a broken file must not be paid for.

    Raises:
        PictureDamagedError: it cannot be decoded to its end; the text is the decoder's.
    """
    try:
        image = pyvips.Image.new_from_buffer(picture, "", access="sequential", fail_on="truncated")
        sideways = image.get_typeof(_ORIENTATION) != 0 and image.get(_ORIENTATION) != 1
        if not sideways:
            image.avg()  # reads every pixel
            return picture
        upright = pyvips.Image.new_from_buffer(picture, "", fail_on="truncated").autorot()
        return bytes(upright.write_to_buffer(_SAVED_AS[_loader(image)]))
    except pyvips.Error as error:
        raise PictureDamagedError(_first_line(error)) from error


def _loader(image: pyvips.Image) -> str:
    return str(image.get("vips-loader")).removesuffix("_buffer")


def _first_line(error: pyvips.Error) -> str:
    return str(error.detail or error.message).strip().splitlines()[0]
