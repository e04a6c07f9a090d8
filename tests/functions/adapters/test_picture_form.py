"""The form that a picture is sent in: its bytes, in small slices, and when the API can have had all of them."""

import pytest
from dropcut.adapters.picture_form import SLICE_BYTES, PictureForm, SendingTooLongError

PICTURE = b"x" * (2 * SLICE_BYTES + 1)


def form(**more: float) -> PictureForm:
    return PictureForm(picture=PICTURE, file_name="image.png", fields={"output_format": "png"}, **more)


def test_slices_are_small_and_make_up_the_form() -> None:
    sent = form()
    slices = list(sent)
    assert max(map(len, slices)) <= SLICE_BYTES
    assert len(b"".join(slices)) == sent.len
    assert PICTURE in b"".join(slices)


def test_the_picture_is_out_with_its_last_slice_and_the_form_with_its_last_byte() -> None:
    sent = form()
    seen = [(sent.picture_is_out, sent.sent_at is not None) for _slice in sent]
    assert seen == [(False, False), (False, False), (False, False), (True, False), (True, False)]
    assert sent.sent_at is not None


def test_a_small_form_goes_out_at_once() -> None:
    sent = PictureForm(picture=b"x", file_name="image.png", fields={})
    seen = [(len(piece), sent.picture_is_out, sent.sent_at is not None) for piece in sent]
    assert seen == [(sent.len, True, False)]


def test_a_line_that_is_too_slow_ends_the_sending_before_the_picture_is_out() -> None:
    sent = form(seconds=-1)
    with pytest.raises(SendingTooLongError, match="-1 s"):
        list(sent)
    assert not sent.picture_is_out
