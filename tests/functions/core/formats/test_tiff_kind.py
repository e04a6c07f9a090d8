"""A TIFF's tags, wherever they lie, tell what is read, what is a camera's raw file, and what is refused by name."""

import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from dropcut.core.formats.tiff_kind import tiff_kind
from dropcut.core.formats.tiff_tags import NotTiffError, everything, pages
from dropcut.core.picture_limits import PictureRefusedError
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.photos_of_all_kinds import pages as pages_of_an_office_scanner
from tests.functions.pictures import picture
from tests.functions.tiffs import Values, directory, gradient, tiff

PLAIN = tiff(gradient())


def chained(*directories: Mapping[int, Values], order: str = "<", gap: int = 0) -> bytes:
    """Directories that follow each other, the first one `gap` bytes behind the header."""
    content = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8 + gap) + bytes(gap)
    for number, tags in enumerate(directories):
        size = len(directory(tags, order=order))
        is_last = number == len(directories) - 1
        content += directory(tags, order=order, at=len(content), next_at=0 if is_last else len(content) + size)
    return content


GREY: dict[int, Values] = {256: (4, [100]), 257: (4, [80]), 258: (3, [8]), 262: (3, [1]), 277: (3, [1])}
SMALL: dict[int, Values] = {**GREY, 254: (4, [1])}
CFA: dict[int, Values] = {**GREY, 262: (3, [32803])}


@pytest.mark.parametrize(
    "content",
    [
        chained({**GREY, 50706: (7, [1, 4, 0, 0])}),
        chained(CFA),
        chained({**GREY, 262: (3, [34892])}),
        chained(GREY, GREY, CFA),
        chained(GREY, CFA, gap=5_000_000),
        chained({**GREY, 330: (4, [8 + 18 + 12 * len(GREY)])}, CFA, order=">"),
        chained(SMALL),
        chained(SMALL, order=">"),
        b"II*\0\x10\0\0\0CR\2\0" + bytes(6) + directory(GREY),
        chained({**GREY, 259: (3, [34713])}),
    ],
    ids=["DNG", "CFA", "LinearRaw", "third", "far behind", "below", "thumbnail", "thumbnail MM", "CR2", "NEF"],
)
def test_a_cameras_raw_file_is_known_by_any_directory(content: bytes) -> None:
    with pytest.raises(PictureRefusedError, match="a camera's raw file") as refusal:
        tiff_kind(content)
    assert refusal.value.code == "not_a_picture"


def test_a_small_copy_before_the_picture_is_passed_over() -> None:
    kind = tiff_kind(chained(SMALL, {**GREY, 256: (4, [3000])}))
    assert (kind.page, kind.pages, kind.width) == (1, 2, 3000)


def test_pages_of_an_office_scanner_are_a_picture() -> None:
    assert tiff_kind(pages_of_an_office_scanner()).pages == 3


@pytest.mark.parametrize(
    ("tags", "named"),
    [
        ({259: (3, [6])}, "old-style JPEG"),
        ({259: (3, [50000])}, "Zstandard"),
        ({259: (3, [34925])}, "LZMA"),
        ({259: (3, [34712])}, "JPEG 2000"),
        ({259: (3, [777])}, "compression 777"),
        ({262: (3, [10])}, "ITU"),
        ({262: (3, [4])}, "a mask"),
        ({262: (3, [32845])}, "LogLuv"),
        ({262: (3, [9999])}, "photometric interpretation 9999"),
        ({258: (3, [8, 8, 16])}, "samples of different bits"),
        ({258: (3, [40, 40, 40])}, "samples of 40 bits"),
        ({258: (3, [12, 12, 12]), 259: (3, [7])}, "a JPEG of 12 bits"),
        ({339: (3, [6, 6, 6])}, "complex numbers"),
        ({339: (3, [3, 3, 3])}, "samples of 8 bits"),
    ],
)
def test_what_no_decoder_reads_right_is_unsupported_and_named(tags: dict[int, Any], named: str) -> None:
    with pytest.raises(PictureRefusedError, match=named) as refusal:
        tiff_kind(tiff(gradient(), more=tags))
    assert refusal.value.code == "unsupported"
    assert "Save it as" in refusal.value.reason


def test_inks_that_are_not_those_of_cmyk_are_unsupported() -> None:
    with pytest.raises(PictureRefusedError, match="inks other than"):
        tiff_kind(chained({**GREY, 258: (3, [8] * 4), 262: (3, [5]), 277: (3, [4]), 332: (3, [2])}))


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_are_read_in_either_order(order: str) -> None:
    kind = tiff_kind(tiff(gradient(), bits=12, order=order, extra=[]))
    assert (kind.width, kind.height, kind.bits, kind.samples, kind.alpha) == (83, 66, 12, 3, None)


@pytest.mark.parametrize(
    ("extra", "alpha", "is_premultiplied"),
    [((0,), None, False), ((1,), 3, True), ((2,), 3, False), ((0, 2), 4, False), ((), None, False)],
)
def test_only_samples_that_say_so_are_alpha(extra: tuple[int, ...], alpha: int | None, is_premultiplied: bool) -> None:
    kind = tiff_kind(
        chained({**GREY, 258: (3, [8] * 5), 262: (3, [2]), 277: (3, [3 + max(1, len(extra))]), 338: (3, extra)})
    )
    assert (kind.alpha, kind.is_premultiplied) == (alpha, is_premultiplied)


def test_a_circle_of_directories_ends() -> None:
    content = bytearray(chained(GREY))
    content[-4:] = struct.pack("<I", 8)
    assert len(list(pages(bytes(content)))) == 1
    below = chained({**GREY, 330: (4, [8])})
    assert len(list(everything(below))) == 2


@pytest.mark.parametrize("content", [b"", b"II*\0", PLAIN[:100], b"II*\0" + b"\xff" * 60, picture("png")])
def test_what_has_no_directory_is_damaged(content: bytes) -> None:
    with pytest.raises(PictureRefusedError) as refusal:
        tiff_kind(content)
    assert refusal.value.code == "damaged"


@given(st.data())
def test_changed_bytes_make_no_other_error(data: st.DataObject) -> None:
    content = bytearray(PLAIN)
    for _ in range(data.draw(st.integers(1, 4))):
        content[-data.draw(st.integers(1, 300))] = data.draw(st.integers(0, 255))
    with suppress(PictureRefusedError):
        assert tiff_kind(bytes(content)).width > 0


def test_a_tag_outside_of_the_file_is_an_error_of_its_own() -> None:
    content = chained({**GREY, 273: (4, range(100))})[:-10]
    with pytest.raises(NotTiffError):
        next(pages(content)).numbers(273)
