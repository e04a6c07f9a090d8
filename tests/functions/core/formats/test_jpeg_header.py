"""Which JPEGs are read, and which of them lack only their end."""

import struct

import pytest
from dropcut.core.formats.jpeg_header import lacks_only_its_end, unread_kind

from tests.functions.pictures import picture


def test_kinds_of_jpeg_that_are_not_read_are_named() -> None:
    assert unread_kind(picture("jpeg")) == unread_kind(picture("jpeg", progressive=True)) == ""
    flat = bytearray(picture("jpeg"))
    struct.pack_into(">H", flat, flat.index(b"\xff\xc0") + 5, 0)
    assert unread_kind(bytes(flat)) == "a JPEG that tells its height only at its end"


@pytest.mark.parametrize("progressive", [False, True])
def test_only_a_jpeg_whose_scans_are_all_there_lacks_only_its_end(progressive: bool) -> None:
    whole = picture("jpeg", width=200, height=200, progressive=progressive)
    assert not lacks_only_its_end(whole)
    assert lacks_only_its_end(whole[:-2])
    assert lacks_only_its_end(whole[: whole.rindex(b"\xff\xda")]) is False
