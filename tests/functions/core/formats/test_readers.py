"""Whatever the bytes are, the readers of headers answer or say that there is nothing; none of them raises."""

from collections.abc import Callable

import pytest
from dropcut.core.formats.bmp_fields import bmp_fields
from dropcut.core.formats.exif import is_adobe_rgb
from dropcut.core.formats.gif_frame import first_frame
from dropcut.core.formats.heif_boxes import coded_items, heif_colour
from dropcut.core.formats.hevc_units import has_hole
from dropcut.core.formats.jpeg_header import jpeg_header, lacks_only_its_end
from dropcut.core.formats.png_chunks import stated_colour
from dropcut.core.formats.png_rows import made_sound
from hypothesis import given
from hypothesis import strategies as st

from tests.functions import odd_photos
from tests.functions.pictures import picture

READERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "bmp": (odd_photos.bmp_of_fields((0xFF, 0xFF00, 0xFF0000, 0xFF000000)), bmp_fields),
    "exif": (odd_photos.exif_of_adobe_rgb(), is_adobe_rgb),
    "gif": (picture("gif"), first_frame),
    "heif": (odd_photos.grey_heic(), heif_colour),
    "hevc": (odd_photos.grey_heic(), has_hole),
    "heif's data": (odd_photos.premultiplied_avif(), lambda data: coded_items(data, b"av01")),
    "jpeg": (picture("jpeg", progressive=True), jpeg_header),
    "jpeg's end": (picture("jpeg", progressive=True)[:-2], lacks_only_its_end),
    "png's colours": (odd_photos.png(odd_photos.shown(), odd_photos.gamma(1.0)), stated_colour),
    "png's rows": (odd_photos.wrong_adler(), lambda data: made_sound(data, lambda _: None)),
}


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_changed_or_missing_bytes_raise_nothing(name: str, data: st.DataObject) -> None:
    content, read = READERS[name]
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(0, 4))):
        changed[data.draw(st.integers(0, min(len(changed), 600) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(changed[: data.draw(st.integers(0, len(changed)))]))
