"""A HEIC whose data has a hole."""

import pytest
from dropcut.core.formats.heif_boxes import coded_items
from dropcut.core.formats.hevc_units import has_hole

from tests.functions import photos_of_all_kinds


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_hole_of_zeros_in_a_heic_is_found_and_a_whole_one_has_none(part: float) -> None:
    """libheif's decoder fills it with whatever, and says nothing."""
    whole = photos_of_all_kinds.heic(size=(400, 300))
    assert not has_hole(whole)
    [(begin, end)] = coded_items(whole, b"hvc1")
    at = begin + int((end - begin) * part)
    assert has_hole(whole[:at] + bytes(12) + whole[at + 12 :])
