"""What stands behind a JPEG's scan is noticed: it would be sent along."""

import pytest
from dropcut.core.picture_limits import PictureRefusedError
from dropcut.imaging.jpeg_end import needs_all_of

from tests.functions.pictures import picture

END = b"\xff\xd9"


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(80, 64), (400, 300)])
def test_a_plain_jpeg_is_needed_to_its_end(size: tuple[int, int], progressive: bool) -> None:
    assert needs_all_of(picture("jpeg", width=size[0], height=size[1], progressive=progressive))


@pytest.mark.parametrize("more", [11, 100, 70_000])
def test_words_behind_the_scan_are_noticed(more: int) -> None:
    whole = picture("jpeg", width=400, height=300)
    assert not needs_all_of(whole.removesuffix(END) + b"x" * more + END)


def test_a_jpeg_without_its_last_part_is_refused() -> None:
    whole = picture("jpeg", width=400, height=300)
    with pytest.raises(PictureRefusedError):
        needs_all_of(whole[: len(whole) // 2] + END)
