"""What a camera's EXIF says of colours."""

from dropcut.core.formats.exif import is_adobe_rgb

from tests.functions import odd_photos


def test_exif_says_adobe_rgb_in_either_order_of_bytes_and_with_or_without_its_prefix() -> None:
    exif = odd_photos.exif_of_adobe_rgb()
    assert is_adobe_rgb(exif)
    assert is_adobe_rgb(exif[6:])
    assert not is_adobe_rgb(exif.replace(b"R03", b"R98"))
    assert not is_adobe_rgb(b"")
