"""Opens photos of strangers: which formats, within which limits, upright, with 8 bits and in sRGB.

The bytes decide what a file is. Each format is read by the one loader that is named here. All other loaders of libvips
are blocked, so that nothing in a file can lead to one. The modules of this folder are the only users of image
libraries, and they run in a process of their own (imaging/child.py).
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Literal

import pyvips

from dropcut.core import picture_refusals
from dropcut.core.formats.hevc_units import has_hole
from dropcut.core.formats.jpeg_header import unread_kind
from dropcut.core.formats.photo_format import recognise
from dropcut.core.formats.png_chunks import is_apples_own
from dropcut.core.picture_limits import DecodeLimits, PhotoFormat, PictureInfo, PictureRefusedError
from dropcut.imaging import colour as colours
from dropcut.imaging import unusual_formats
from dropcut.imaging.stated import as_stated
from dropcut.imaging.tiff import tiff, tiff_info

Colour = Literal["srgb", "keep"]
JpegFailsOn = Literal["error", "warning"]
"""From what on a JPEG counts as damaged. libjpeg only warns where it makes up pixels that are missing between two
segments. It also warns of surplus bytes, which are common in sound photos."""


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """How a picture is brought to a smaller size."""

    kernel: str
    """libvips's name of it."""
    least_by_kernel: float
    """The factor by which the kernel shrinks at least; how far a decoder shrinks before is bound by this."""


TO_LOOK_AT = Reduction(kernel="lanczos3", least_by_kernel=1)
"""As sharp as can be."""
TO_COMPARE = Reduction(kernel="mitchell", least_by_kernel=1.5)
"""Near to the mean over the area of each small pixel, without the overshoot that makes edges look sharp.

It fits an alpha that is such a mean. One as sharp as a Lanczos reduction fits badly; small_matte.py decides which it
is. Nobody has measured yet what the API's alpha is like.
"""

_LOADERS = {"jpeg": "Jpeg", "png": "Png", "webp": "Webp", "tiff": "Tiff", "gif": "Nsgif", "avif": "Heif"}
"""libvips's name of each loader that may run. BMP and HEIC are read by Pillow (imaging/unusual_formats.py)."""

pyvips.operation_block_set("VipsForeignLoad", True)
for _name in _LOADERS.values():
    pyvips.operation_block_set(f"VipsForeignLoad{_name}", False)
pyvips.block_untrusted_set(True)  # the last word: what libvips itself marks as not made for strangers' files stays off
pyvips.cache_set_max(0)  # each picture is new: what libvips would remember of one is of no use to the next

_BITS = {"uchar": 8, "ushort": 16, "uint": 32, "float": 32}
_MOST_CUT_OFF = 0.125
"""Pixels of the reduced picture."""
_STREAMED = (1, 2)
"""Orientations whose rows come in the order in which they are stored."""


def identify(path: Path) -> PictureInfo:
    """What the picture's header says; no pixel is decoded.

    Raises:
        PictureRefusedError: it is no picture of a kind that is taken, or its header is damaged.
    """
    form = _format(path)
    _refuse_unread(form, path)
    if form == "heic":
        return unusual_formats.heic_info(path)
    if form == "bmp":
        return unusual_formats.bmp_info(path)
    if form == "tiff":
        return tiff_info(path)
    with picture_errors():
        return _info(form, _LOAD[form](path))


def check(info: PictureInfo, limits: DecodeLimits) -> None:
    """Raises PictureRefusedError: the picture is over a limit, or of a kind that is not understood."""
    if info.width * info.height > limits.max_pixels:
        raise picture_refusals.too_many_pixels(info.width, info.height, limits.max_pixels)
    if info.frames > limits.max_frames:
        raise picture_refusals.too_many_frames(info.frames, limits.max_frames)


def open_upright(path: Path, limits: DecodeLimits, *, colour: Colour = "srgb") -> pyvips.Image:
    """The picture upright, 8-bit RGB or RGBA, to be read once from top to bottom.

    A picture that is turned or upside down is first decoded into a temporary file on disk, 3 or 4 bytes a pixel.

    Args:
        colour: `srgb` converts through the embedded profile. `keep` leaves 8-bit RGB as it is, and attaches its profile
            if that is usable and not sRGB's. All else becomes sRGB in both cases.

    Raises:
        PictureRefusedError: at once for what the header shows; damage further down raises pyvips.Error when the
            pixels are read, which `picture_errors` translates.
    """
    info = identify(path)
    check(info, limits)
    with picture_errors():
        image = _load(info.format, path, "error")
        image = colours.kept(image) if colour == "keep" else colours.to_srgb(image)
        return _upright(image, on_disk=True)


def thumbnail_upright(
    path: Path,
    limits: DecodeLimits,
    *,
    width: int,
    height: int,
    colour: Colour = "srgb",
    reduction: Reduction = TO_LOOK_AT,
    jpeg_fails_on: JpegFailsOn = "error",
) -> pyvips.Image:
    """The picture upright, 8-bit RGB or RGBA, brought to exactly this size; shrunk while it is decoded.

    The decoders of JPEG and WebP can give a half, a quarter or an eighth of the size. The smallest that `reduction`
    allows is taken, and its kernel does the rest. `colour` is that of `open_upright`.

    Raises:
        PictureRefusedError: as `open_upright`.
    """
    info = identify(path)
    check(info, limits)
    if info.is_turned:
        width, height = height, width
    with picture_errors():
        shrink = _shrink(info, (width, height), reduction.least_by_kernel)
        image = _load(info.format, path, jpeg_fails_on, shrink=shrink)
        image = _resized(image, (width, height), reduction.kernel)
        image = colours.kept(image) if colour == "keep" else colours.to_srgb(image)
        return _upright(image, on_disk=False)


def shows_as_srgb(path: Path) -> bool:
    """Whether the picture looks the same when its profile, if any, is left away. Reads the header only."""
    with picture_errors():
        return colours.shows_as_srgb(_load(_format(path), path, "error"))


def is_opaque(path: Path) -> bool:
    """Decode the picture to its last pixel; whether nothing shines through anywhere.

    Raises:
        PictureRefusedError: it cannot be decoded to its end.
    """
    with picture_errors():
        image = _load(_format(path), path, "warning")
        if not image.hasalpha():
            image.avg()
            return True
        return bool(image[image.bands - 1].min() == 255)


@contextmanager
def picture_errors() -> Iterator[None]:
    """Translate libvips's errors about a picture into a refusal. Its errors about the disk stay errors of their own.

    A decoder that reports an error and goes on has made pixels up, whatever it returns. So what was reported counts
    at the end as well.
    """
    pyvips.vips_lib.vips_error_clear()  # what it warned of in an earlier picture would be taken for this one's reason
    _warnings.clear()
    try:
        yield
    except pyvips.Error as error:
        said = str(error.detail or error.message)
        if _MEMORY.search(said):
            raise picture_refusals.too_much_memory() from error
        if _SURROUNDINGS.search(said):
            raise
        raise _not_read(said) from error
    if reported := _errors_without_failure():
        raise _not_read(reported)


def _not_read(said: str) -> PictureRefusedError:
    """A kind that the decoder does not know is no damage."""
    words = _first_line(said)
    if _UNKNOWN_KIND.search(said):
        return picture_refusals.unsupported(
            f"a picture of a kind that its decoder does not know ({words})", "an ordinary JPEG or PNG"
        )
    return picture_refusals.damaged(words)


_UNKNOWN_KIND = re.compile(r"unsupported|not (supported|configured|implemented)", re.IGNORECASE)


class _Warnings(logging.Handler):
    """Keeps the first things that libvips warns of; there is no end to them in a stranger's file."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.lines) < _WARNINGS_KEPT:
            self.lines.append(record.getMessage())

    def clear(self) -> None:
        self.lines.clear()


_WARNINGS_KEPT = 100
_warnings = _Warnings()
logging.getLogger("pyvips").addHandler(_warnings)
logging.getLogger("pyvips").propagate = False

PIXELS_MADE_UP = re.compile(r"premature end|bad Huffman code|instead of RST|Inconsistent progression")
"""libjpeg says so when a part of a photo is missing, and grey or noise in its place. Some of these are warnings."""
_HARMLESS = re.compile(r"\s*(VipsJpeg: |.*bad seek to|$)")
"""libvips keeps libjpeg's other warnings among the errors. libheif tries how far a file reaches."""


def _errors_without_failure() -> str:
    """The first report of pixels that are made up although the decoder returned them; nothing if there is none."""
    errors = pyvips.ffi.string(pyvips.vips_lib.vips_error_buffer()).decode("utf-8", "replace").splitlines()
    made_up = (line for line in [*errors, *_warnings.lines] if PIXELS_MADE_UP.search(line))
    return next(made_up, next((line for line in errors if not _HARMLESS.match(line)), ""))


_MEMORY = re.compile(
    r"(out of|insufficient|not enough|cannot allocate) memory|unable to allocate|allocation|malloc|create thread",
    re.IGNORECASE,
)
"""How the libraries say it; a thread needs memory of its own."""
_SURROUNDINGS = re.compile(
    r"No space left|Read-only file|Too many open files|No such file|Permission denied|Input/output error|File too large"
)
"""What the system says of its disks, at the end of libvips's sentence."""


def _first_line(text: str) -> str:
    """What libvips says first, for people: without its own part that says it (`VipsJpeg: `) and our file's name."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return re.sub(r"^(\w+: |/\S+: )+", "", lines[0]) if lines else "no reason given"


def _format(path: Path) -> PhotoFormat:
    with path.open("rb") as file:
        return recognise(file.read(4096))


def _refuse_unread(form: PhotoFormat, path: Path) -> None:
    """Raises PictureRefusedError: no decoder here reads its kind, or none would report that a part of it was lost.

    TIFF's kinds are read from its tags.
    """
    if form not in ("jpeg", "png", "heic"):
        return
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        kind = unread_kind(data) if form == "jpeg" else "a PNG as Xcode makes it (CgBI)" * is_apples_own(data)
        if kind:
            raise picture_refusals.unsupported(kind, "an ordinary 8-bit JPEG or PNG")
        if form == "heic" and has_hole(data):
            raise picture_refusals.damaged("a part of it is nothing but zeros")


_SEQUENTIALLY = {"access": "sequential", "fail_on": "error"}

_LOAD: dict[PhotoFormat, Callable[..., pyvips.Image]] = {
    "jpeg": lambda path, **more: pyvips.Image.jpegload(str(path), **(_SEQUENTIALLY | more)),
    "png": lambda path: pyvips.Image.pngload(str(path), **_SEQUENTIALLY),
    "webp": lambda path, **more: pyvips.Image.webpload(str(path), **_SEQUENTIALLY, **more),
    "tiff": tiff,
    "gif": lambda path: pyvips.Image.gifload(str(path), **_SEQUENTIALLY),
    "avif": lambda path: pyvips.Image.heifload(str(path), **_SEQUENTIALLY),
    "heic": unusual_formats.heic,
    "bmp": unusual_formats.bmp,
}


def _info(form: PhotoFormat, image: pyvips.Image) -> PictureInfo:
    bits = _BITS.get(image.format)
    if bits is None:
        raise picture_refusals.damaged(f"its channels are of the kind {image.format}")
    return PictureInfo(
        format=form,
        width=image.width,
        height=image.height,
        orientation=_orientation(image),
        frames=_field(image, "n-pages", 1),
        bands=image.bands,
        bits=bits,
        interpretation=image.interpretation,
        has_alpha=image.hasalpha(),
        has_profile=image.get_typeof(colours.PROFILE) != 0,
    )


def _orientation(image: pyvips.Image) -> int:
    value: int = _field(image, "orientation", 1)
    return value if 1 <= value <= 8 else 1


def _field(image: pyvips.Image, name: str, default: Any) -> Any:
    return image.get(name) if image.get_typeof(name) else default


def _shrink(info: PictureInfo, size: tuple[int, int], least_by_kernel: float) -> int:
    """By how much the decoder itself can shrink a picture that the kernel then brings to this size.

    libvips leaves out the last pixels of a JPEG's side that is not divided evenly, which moves all others. The shrink
    is limited so that neither the eye nor the matte notices.
    """
    if info.format not in ("jpeg", "webp"):
        return 1
    sides = [(info.width, size[0]), (info.height, size[1])]

    def fits(shrink: int) -> bool:
        return all(
            shrink * least_by_kernel <= whole / wanted
            and (info.format == "webp" or whole % shrink * wanted / whole <= _MOST_CUT_OFF)
            for whole, wanted in sides
        )

    return next((shrink for shrink in (8, 4, 2) if fits(shrink)), 1)


def _load(form: PhotoFormat, path: Path, jpeg_fails_on: JpegFailsOn, *, shrink: int = 1) -> pyvips.Image:
    """The picture as it is stored, 8 or 16 bits, with the profile, orientation and note that belong to it."""
    how: dict[str, Any] = {}
    if form == "jpeg":
        how = {"fail_on": jpeg_fails_on, "shrink": shrink}
    elif shrink != 1:
        how = {"scale": 1 / shrink}
    return as_stated(partial(_LOAD[form], path, **how), form, path)


def _resized(image: pyvips.Image, size: tuple[int, int], kernel: str) -> pyvips.Image:
    """Exactly this size. Colours are weighted by their alpha, so that what cannot be seen does not bleed in."""
    if (image.width, image.height) == size:
        return image
    across, down = size[0] / image.width, size[1] / image.height
    if image.hasalpha():
        weighted = image.premultiply().resize(across, vscale=down, kernel=kernel)
        resized = weighted.unpremultiply().cast(image.format)
    else:
        resized = image.resize(across, vscale=down, kernel=kernel)
    return resized.crop(0, 0, *size)


def _upright(image: pyvips.Image, *, on_disk: bool) -> pyvips.Image:
    """Turned as its orientation says; what cannot be turned row by row is decoded first, to memory or to disk."""
    if _orientation(image) not in _STREAMED:
        image = on_disk_copy(image) if on_disk else image.copy_memory()
    return colours.without_metadata(image.autorot())


def on_disk_copy(image: pyvips.Image) -> pyvips.Image:
    """The decoded pixels in a file of the temporary folder, which libvips removes with the image."""
    there = pyvips.Image.new_temp_file("%s.v")
    image.write(there)
    return there
