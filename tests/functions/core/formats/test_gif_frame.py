"""Where a GIF's first frame lies."""

from dropcut.core.formats.gif_frame import first_frame

from tests.functions.pictures import picture


def test_a_gifs_first_frame_is_found_behind_extensions() -> None:
    content = picture("gif")
    assert first_frame(content) == (0, 0, 80, 64)
    at = content.index(b",\0\0\0\0")
    assert first_frame(content[:at] + b"!\xfe\3abc\0" + content[at:]) == (0, 0, 80, 64)
    assert first_frame(content[:at] + b";") is None
