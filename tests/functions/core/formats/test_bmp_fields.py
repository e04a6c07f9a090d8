"""Where a BMP keeps its colours."""

from dropcut.core.formats.bmp_fields import bmp_fields

from tests.functions import odd_photos
from tests.functions.pictures import picture


def test_bit_fields_of_a_bmp_are_read_with_alpha_only_if_there_is_one() -> None:
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    found = bmp_fields(odd_photos.bmp_of_fields(masks))
    assert found is not None
    assert (found.masks, found.is_upside_down, found.row_bytes) == (masks, True, 320)
    without = bmp_fields(odd_photos.bmp_of_fields(masks[:3], top_first=True))
    assert without is not None
    assert (without.masks, without.is_upside_down) == (masks[:3], False)
    assert bmp_fields(picture("bmp")) is None
