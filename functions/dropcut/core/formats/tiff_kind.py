"""Reads from a TIFF's tags what kind of picture it is, and refuses by name what cannot be read.

Nothing is decoded. A decoder does not always fail at a kind that it does not know: a raw file comes out black, an
old-style JPEG white. So only the kinds that are listed here are read.

Source: TIFF 6.0; Adobe's PageMaker 6 and Photoshop notes (CIELab, ICCLab); DNG 1.7; libtiff's list of tags.
"""

from dataclasses import dataclass

from dropcut.core import picture_refusals
from dropcut.core.formats import tiff_tags
from dropcut.core.formats.tiff_tags import Data, Directory, NotTiffError, Tag
from dropcut.core.picture_limits import PictureRefusedError

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
_PHOTOMETRICS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, CIELAB: 3, ICCLAB: 3}
"""Those that are read, with their channels of colour."""
_OTHER_PHOTOMETRICS = {
    4: "a mask",
    10: "ITU L*a*b*, as faxes write it",
    32844: "a picture in LogL",
    32845: "a picture in LogLuv",
    51177: "a depth map",
    52527: "a map of the photo's parts",
}
_RAW_PHOTOMETRICS = {32803, 34892}
"""A colour filter's pattern, and what is left of it (LinearRaw)."""

UNCOMPRESSED, JPEG, WEBP = 1, 7, 50001
_BYTE_WISE = {UNCOMPRESSED, 5, 8, 32773, 32946}
"""Compressions that know bytes only, not what they mean: none, LZW, deflate, PackBits, and deflate's old number."""
_COMPRESSIONS = _BYTE_WISE | {2, 3, 4, 32771, JPEG, WEBP}
"""Those that are read: fax and the two that are pictures themselves as well."""
_OTHER_COMPRESSIONS = {
    6: "old-style JPEG",
    9: "JBIG",
    10: "JBIG",
    32766: "NeXT's compression",
    32809: "ThunderScan's compression",
    32908: "Pixar's compression",
    32909: "Pixar's compression",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI's logarithmic compression",
    34677: "SGI's logarithmic compression",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_RAW_COMPRESSIONS = {32767, 34713, 34892, 65000, 65535}
"""Of cameras: Sony's, Nikon's, lossy DNG, Kodak's, Pentax's."""

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
_UNDEFINED = 4
"""Read as unsigned, as TIFF 6.0 advises."""
_MOST_SAMPLES = 64


@dataclass(frozen=True, kw_only=True)
class TiffKind:
    """The picture that is used of a TIFF."""

    directory: Directory
    page: int
    """Which of the pages it is, from 0."""
    pages: int
    width: int
    height: int
    photometric: int
    samples: int
    """For each pixel, all of them."""
    colours: int
    """How many of them are colour, the first ones."""
    alpha: int | None
    """Which of them is alpha, if one is."""
    is_premultiplied: bool
    bits: int
    """Of each sample, as stored."""
    sample_format: int
    compression: int
    is_tiled: bool
    is_separate: bool
    """Whether each sample has a plane of its own."""
    predictor: int

    @property
    def is_byte_wise(self) -> bool:
        return self.compression in _BYTE_WISE


def tiff_kind(data: Data) -> TiffKind:
    """What the tags say.

    Raises:
        PictureRefusedError: it is a camera's raw file, of a kind that is not read, or its tags are damaged.
    """
    try:
        return _read(data)
    except NotTiffError as error:
        raise picture_refusals.damaged("its tags are missing") from error


def _read(data: Data) -> TiffKind:
    listed, every = list(tiff_tags.pages(data)), list(tiff_tags.everything(data))
    page = next((number for number, each in enumerate(listed) if not _is_reduced(each)), None)
    if page is None or data[8:10] == b"CR" or any(_is_raw(each) for each in every):
        raise picture_refusals.not_a_picture("a camera's raw file")
    kind = _kind(listed[page], page, len(listed))
    _refuse_unread(kind)
    return kind


def _is_reduced(directory: Directory) -> bool:
    """Whether this is only the small copy of another picture (NewSubfileType, bit 0)."""
    return bool(directory.number(Tag.NEW_SUBFILE_TYPE, 0) & 1)


def _is_raw(directory: Directory) -> bool:
    return (
        Tag.DNG_VERSION in directory.entries
        or directory.number(Tag.PHOTOMETRIC, -1) in _RAW_PHOTOMETRICS
        or directory.number(Tag.COMPRESSION, 1) in _RAW_COMPRESSIONS
    )


def _kind(directory: Directory, page: int, pages: int) -> TiffKind:
    samples = directory.number(Tag.SAMPLES_PER_PIXEL, 1)
    photometric = directory.number(Tag.PHOTOMETRIC, RGB if samples >= 3 else BLACK_IS_ZERO)
    if photometric not in _PHOTOMETRICS:
        raise _unsupported(_OTHER_PHOTOMETRICS.get(photometric, f"photometric interpretation {photometric}"))
    colours = _PHOTOMETRICS[photometric]
    width, height = directory.number(Tag.WIDTH, 0), directory.number(Tag.HEIGHT, 0)
    if not (0 < colours <= samples <= _MOST_SAMPLES) or width < 1 or height < 1:
        raise picture_refusals.damaged(f"its tags promise {width} x {height} pixels of {samples} samples")
    extra = directory.numbers(Tag.EXTRA_SAMPLES)[: samples - colours]
    alpha = next((place for place, meaning in enumerate(extra) if meaning in (1, 2)), None)
    number = _same(directory.numbers(Tag.SAMPLE_FORMAT)[:samples] or [UNSIGNED], "kinds of number")
    return TiffKind(
        directory=directory,
        page=page,
        pages=pages,
        width=width,
        height=height,
        photometric=photometric,
        samples=samples,
        colours=colours,
        alpha=None if alpha is None else colours + alpha,
        is_premultiplied=alpha is not None and extra[alpha] == 1,
        bits=_same(directory.numbers(Tag.BITS_PER_SAMPLE)[:samples] or [1], "bits"),
        sample_format=UNSIGNED if number == _UNDEFINED else number,
        compression=directory.number(Tag.COMPRESSION, UNCOMPRESSED),
        is_tiled=Tag.TILE_WIDTH in directory.entries,
        is_separate=directory.number(Tag.PLANAR_CONFIGURATION, 1) == 2,
        predictor=directory.number(Tag.PREDICTOR, 1),
    )


def _same(values: list[int], what: str) -> int:
    if len(set(values)) > 1:
        raise _unsupported(f"samples of different {what}")
    return values[0]


def _refuse_unread(kind: TiffKind) -> None:
    """Raises PictureRefusedError: no decoder here makes the right pixels of it."""
    if kind.compression not in _COMPRESSIONS:
        raise _unsupported(_OTHER_COMPRESSIONS.get(kind.compression, f"compression {kind.compression}"))
    if kind.compression in (JPEG, WEBP) and kind.bits != 8:
        raise _unsupported(f"a JPEG of {kind.bits} bits inside")
    if kind.photometric == CMYK and kind.directory.number(Tag.INK_SET, 1) != 1:
        raise _unsupported("inks other than cyan, magenta, yellow and black")
    if kind.sample_format not in (UNSIGNED, SIGNED, FLOAT):
        raise _unsupported("complex numbers as samples")
    if kind.bits not in _BITS[kind.sample_format]:
        raise _unsupported(f"samples of {kind.bits} bits" + (", signed" if kind.sample_format == SIGNED else ""))
    if kind.photometric == PALETTE and kind.bits not in (1, 2, 4, 8):
        raise _unsupported(f"a palette of {kind.bits} bits")
    if kind.photometric == YCBCR and kind.bits != 8:
        raise _unsupported(f"YCbCr of {kind.bits} bits")
    if kind.photometric == YCBCR and kind.is_separate and kind.is_tiled:
        raise _unsupported("YCbCr in separate planes")


_BITS = {UNSIGNED: {*range(1, 17), 24, 32}, SIGNED: {8, 16, 32}, FLOAT: {16, 32, 64}}


def _unsupported(kind: str) -> PictureRefusedError:
    return picture_refusals.unsupported(
        f"a TIFF with {kind}", "an 8-bit RGB TIFF, uncompressed or with LZW, or as a JPEG or PNG"
    )
