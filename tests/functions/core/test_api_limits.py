import pytest
from dropcut.core.api_limits import (
    MAX_PICTURE_BYTES,
    MAX_REQUEST_BYTES,
    OUTPUT_FORMATS,
    damaged,
    not_a_picture,
    refuse_header,
    refuse_size,
)
from dropcut.core.job import Ended
from dropcut.core.picture_header import PictureHeader


def header(width: int, height: int) -> PictureHeader:
    return PictureHeader(format="png", width=width, height=height, has_alpha=False)


@pytest.mark.parametrize(
    ("size_bytes", "code"),
    [(0, "empty"), (1, None), (MAX_PICTURE_BYTES, None), (MAX_PICTURE_BYTES + 1, "too_many_bytes")],
)
def test_the_size_of_a_file_decides(size_bytes: int, code: str | None) -> None:
    assert code_of(refuse_size(size_bytes)) == code


@pytest.mark.parametrize(
    ("width", "height", "code"),
    [
        (64, 64, None),
        (63, 64, "too_small"),
        (64, 63, "too_small"),
        (63, 4000, "too_small"),
        (0, 0, "too_small"),
        (2048, 2048, None),
        (2049, 2048, "too_many_pixels"),
        (2048, 2049, "too_many_pixels"),
        (64, 65_536, None),
        (64, 65_537, "too_many_pixels"),
        (4032, 3024, "too_many_pixels"),
    ],
)
def test_width_and_height_decide(width: int, height: int, code: str | None) -> None:
    assert code_of(refuse_header(header(width, height))) == code


def test_the_largest_picture_leaves_room_for_the_form_in_a_request_of_ten_mebibytes() -> None:
    assert MAX_REQUEST_BYTES == 10_485_760
    assert MAX_REQUEST_BYTES - MAX_PICTURE_BYTES >= 1024


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (refuse_size(0), ["0 bytes", "Upload"]),
        (refuse_size(20_000_000), ["20,000,000", "10,483,712"]),
        (refuse_header(header(10, 900)), ["10 x 900", "64"]),
        (refuse_header(header(4032, 3024)), ["4032 x 3024", "12,192,768", "4,194,304"]),
        (not_a_picture("The file is text, not a picture."), ["The file is text", "JPEG, PNG or WebP"]),
        (damaged("premature end"), ["premature end", "Upload it again"]),
    ],
)
def test_a_refusal_says_what_is_there_what_is_allowed_and_what_to_do(end: Ended | None, said: list[str]) -> None:
    assert end is not None
    assert end.kind == "rejected"
    for part in said:
        assert part in end.reason


def test_every_output_format_is_filed_under_its_own_name() -> None:
    assert {name: (form.extension, form.content_type) for name, form in OUTPUT_FORMATS.items()} == {
        "png": ("png", "image/png"),
        "webp": ("webp", "image/webp"),
    }


def code_of(end: Ended | None) -> str | None:
    return end.code if end else None
