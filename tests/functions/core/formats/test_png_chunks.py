"""What a PNG's chunks say of its colours."""

from dropcut.core.formats.png_chunks import stated_colour

from tests.functions import odd_photos


def test_a_chunk_with_a_wrong_checksum_says_nothing_of_colours() -> None:
    right, _ = stated_colour(odd_photos.png(odd_photos.shown(), odd_photos.gamma(1.0)))
    assert right is not None
    assert not right.is_srgb
    wrong, _ = stated_colour(odd_photos.png(odd_photos.shown(), odd_photos.gamma(1.0, is_right=False)))
    assert wrong is None
