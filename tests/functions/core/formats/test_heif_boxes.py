"""What the boxes of a HEIC or an AVIF say of its colours."""

from dropcut.core.formats.heif_boxes import heif_colour

from tests.functions import odd_photos


def test_the_primary_pictures_colours_count_and_its_alpha_too() -> None:
    found = heif_colour(odd_photos.premultiplied_avif())
    assert found.is_premultiplied
    assert found.stated is not None
    assert found.stated.is_srgb
    assert heif_colour(odd_photos.avif(odd_photos.P3, (12, 13))).stated == odd_photos.P3
