import pytest
from dropcut.core.api_limits import (
    MAX_JPEG_SIDE_PIXELS,
    MAX_PICTURE_BYTES,
    MAX_PIXELS,
    MAX_REQUEST_BYTES,
    size_to_send,
)
from hypothesis import given
from hypothesis import strategies as st


def test_the_largest_picture_leaves_room_for_the_form_in_a_request_of_ten_mebibytes() -> None:
    assert MAX_REQUEST_BYTES == 10_485_760
    assert MAX_REQUEST_BYTES - MAX_PICTURE_BYTES >= 1024


@pytest.mark.parametrize(
    ("size", "sent"),
    [
        ((64, 64), (64, 64)),
        ((2048, 2048), (2048, 2048)),
        ((2049, 2048), (2048, 2047)),
        ((4032, 3024), (2364, 1773)),
        ((3024, 4032), (1773, 2364)),
        ((8064, 6048), (2364, 1773)),
        ((10_000, 10_000), (2048, 2048)),
        ((64, 65_536), (64, 65_500)),
        ((65_536, 65), (65_029, 64)),
        ((20, 1_000_000), (1, 65_500)),
    ],
)
def test_a_picture_is_sent_with_as_many_pixels_as_it_may(size: tuple[int, int], sent: tuple[int, int]) -> None:
    assert size_to_send(*size) == sent


@given(width=st.integers(64, 20_000), height=st.integers(64, 20_000))
def test_no_size_is_over_the_limit_and_none_is_askew(width: int, height: int) -> None:
    sent = size_to_send(width, height)
    assert sent[0] * sent[1] <= MAX_PIXELS
    assert max(sent) <= MAX_JPEG_SIDE_PIXELS
    if sent != (width, height):
        # Less than a pixel is lost on each side: on the longer one together with the shorter one's share of it.
        assert sent[0] * sent[1] > MAX_PIXELS - 2 * min(sent) - max(sent)
        assert abs(min(sent) - max(sent) * min(width, height) / max(width, height)) <= 1
