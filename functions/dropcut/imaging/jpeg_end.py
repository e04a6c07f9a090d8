"""Finds out whether something stands in a JPEG behind its scan's data, which would be sent with it."""

import io

import pyvips

from dropcut.imaging.decode import picture_errors


def needs_all_of(jpeg: bytes) -> bool:
    """Decode a JPEG that ends with its end marker; whether its decoder asked for every byte before that.

    No decoder needs what lies between the scan's own data and the marker. As libjpeg reads up to 8 bytes ahead, nobody
    notices if so few are missing.

    Raises:
        PictureRefusedError: it cannot be decoded to its end, or a part of it is missing.
    """
    source = _InSmallPieces(jpeg)
    with picture_errors():
        pyvips.Image.jpegload_source(source.opened, access="sequential", fail_on="warning").avg()
    return source.read_up_to >= len(jpeg) - _END_MARKER_BYTES


_END_MARKER_BYTES = 2
_LAST_BYTES = 64


class _InSmallPieces:
    """Bytes for a decoder, the last ones given one by one, so that it can be seen how far it reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = self.read_up_to = 0
        self.opened = pyvips.SourceCustom()
        self.opened.on_read(self._read)
        self.opened.on_seek(self._seek)

    def _read(self, size: int) -> bytes:
        most = max(1, len(self._content) - _LAST_BYTES - self._at)
        piece = self._content[self._at : self._at + min(size, most)]
        self._at += len(piece)
        self.read_up_to = max(self.read_up_to, self._at)
        return piece

    def _seek(self, offset: int, whence: int) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._content)}[whence] + offset
        return self._at
